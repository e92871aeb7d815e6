//! The command `load`.

use std::{net::SocketAddr, path::Path, time::Duration};

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use mainsheet_api::xds::Variant;
use mainsheet_bench::load::{Load, Server};
use tempfile::TempDir;

/// What is loaded, and how.
#[derive(Args)]
pub(crate) struct Arguments {
    /// A server that runs and has no VirtualServices; one is started, unless it is given
    #[arg(long, value_name = "HOST:PORT")]
    server: Option<SocketAddr>,
    /// Its process, where it runs on this machine
    #[arg(long, requires = "server")]
    pid: Option<u32>,
    /// A setting of the server that is started: a line of its config file. Any number of times
    #[arg(long, value_name = "KEY: VALUE", conflicts_with = "server")]
    setting: Vec<String>,
    /// Clients come over TLS, and show a certificate
    #[arg(long, conflicts_with = "server")]
    tls: bool,
    /// Clients, those that are slow or mute among them
    #[arg(long, default_value_t = 100)]
    clients: usize,
    /// How many of them read slowly
    #[arg(long, default_value_t = 0)]
    slow: usize,
    /// How many bytes a second those read
    #[arg(long, default_value_t = 256 << 10)]
    slow_bytes: usize,
    /// How many of them ask, and then neither read nor answer
    #[arg(long, default_value_t = 0)]
    mute: usize,
    /// What they speak
    #[arg(long, value_enum, default_value = "sotw")]
    variant: Spoken,
    /// Bytes that a client lets the server send ahead
    #[arg(long, default_value_t = 1 << 20)]
    window: u32,
    #[arg(long, default_value_t = 1000)]
    resources: usize,
    /// Bytes of each resource
    #[arg(long, default_value_t = 1024)]
    resource_bytes: usize,
    /// How often one of them is changed
    #[arg(long, default_value_t = 10)]
    changes: usize,
    /// Milliseconds between changes
    #[arg(long, default_value_t = 1000)]
    every: u64,
    /// A change waits until all that read quickly have the one before
    #[arg(long)]
    in_turn: bool,
    /// What writes them
    #[arg(long, value_enum, default_value = "api", conflicts_with = "server")]
    by: By,
    #[arg(short, long, value_enum, default_value = "table")]
    output: Output,
}

#[derive(Clone, Copy, ValueEnum)]
enum Spoken {
    Sotw,
    Delta,
}

#[derive(Clone, Copy, ValueEnum)]
enum By {
    /// mainsheet.v1
    Api,
    /// A folder that the server reads
    Files,
}

#[derive(Clone, Copy, ValueEnum)]
enum Output {
    Table,
    Json,
}

/// Loads a server, and prints what came of it.
pub(crate) async fn run(program: &Path, arguments: Arguments) -> Result<()> {
    let dir = TempDir::with_prefix("mainsheet-load-")?;
    let server = match arguments.server {
        Some(grpc) => Server::running(grpc, arguments.pid),
        None if arguments.tls => {
            Server::start_secured(program, dir.path(), &arguments.setting.join("\n")).await?
        }
        None => Server::start(program, dir.path(), &arguments.setting.join("\n")).await?,
    };
    let report = arguments.load(&server)?.run(&server).await?;
    match arguments.output {
        Output::Table => println!("{report}"),
        Output::Json => println!("{}", report.json()),
    }
    ensure!(report.is_right(), "not each client got exactly what it should");
    Ok(())
}

impl Arguments {
    fn load(&self, server: &Server) -> Result<Load> {
        let others = self.slow + self.mute;
        ensure!(
            others < self.clients,
            "of {} clients {others} are slow or mute: leave some that read",
            self.clients
        );
        Ok(Load {
            quick: self.clients - others,
            slow: self.slow,
            slow_bytes: self.slow_bytes,
            mute: self.mute,
            variant: match self.variant {
                Spoken::Sotw => Variant::Sotw,
                Spoken::Delta => Variant::Delta,
            },
            window: self.window,
            resources: self.resources,
            resource_bytes: self.resource_bytes,
            changes: self.changes,
            every: Duration::from_millis(self.every),
            in_turn: self.in_turn,
            files: match self.by {
                By::Api => None,
                By::Files => server.documents(),
            },
            ..Load::default()
        })
    }
}
