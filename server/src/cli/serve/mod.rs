//! `mainsheet serve`.

mod announcement;
mod flags;
mod given;
mod reread;

use std::{io, pin::pin, sync::Arc};

use tokio_util::sync::CancellationToken;

use self::{flags::SettingFlags, given::Givens, reread::Rereader};
use super::{Context, Exit, error::CliError};
use crate::{
    app::{self, Running},
    config::{Settings, print},
    log, open_files,
    signals::{Order, Signals},
};

/// Serve the resources of directories and files
///
/// Every setting is a flag (--grpc-addr), an environment variable (MAINSHEET_GRPC_ADDR) and a key of the config file
/// (grpc-addr), in this order of precedence. SIGHUP makes a running server read its config file
/// again (docs/configuration.md says what takes effect then).
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Directories and files of YAML or JSON documents, the strongest first: what several hold is served from the first of
    /// them [env: MAINSHEET_PATHS, separated by `:`]
    #[arg(value_name = "DIR|FILE")]
    paths: Vec<String>,
    /// Server to take configuration from, too: another mainsheet, or istiod's own MCP server; weaker than every path, and may
    /// be given again [env: MAINSHEET_UPSTREAMS, separated by spaces]
    #[arg(long = "upstream", value_name = "ADDR")]
    upstreams: Vec<String>,
    /// YAML file of settings, under the names of the flags [env: MAINSHEET_CONFIG]
    #[arg(long, value_name = "FILE")]
    config: Option<String>,
    /// Print the settings that count as a config file, each with where it came from, and do nothing else
    #[arg(long)]
    print_config: bool,
    #[command(flatten)]
    flags: SettingFlags,
}

pub(super) fn run(args: Args, mut context: Context<'_>) -> anyhow::Result<Exit> {
    let prints = args.print_config;
    let givens = Givens::new(args, std::mem::take(&mut context.environment));
    let effective = givens.read().map_err(CliError::Settings)?;
    if prints {
        write!(context.out, "{}", print(&effective))?;
        return Ok(Exit::Done);
    }
    let settings = effective.settings;
    let level = log::init(settings.log_format, settings.log_level);
    open_files::raise_limit(settings.limits.connections_max);
    let rereader = Rereader { givens: Arc::new(givens), running: settings.clone(), level };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(serve(&settings, rereader, &mut context));
    // A second signal does not wait for what still runs.
    runtime.shutdown_background();
    ended
}

async fn serve(
    settings: &Settings,
    mut rereader: Rereader,
    context: &mut Context<'_>,
) -> anyhow::Result<Exit> {
    let mut signals = Signals::new()?;
    let (running, tasks) = app::start(settings).await?;
    tracing::info!(grpc = %running.grpc_addr(), http = %running.http_addr(), "listening");
    let stop = tasks.stop();
    let live = running.live().clone();
    let mut ended = pin!(tasks.join());
    let mut announced = pin!(announce(settings, running, context.out));
    let mut is_announced = false;
    loop {
        tokio::select! {
            biased;
            ended = &mut ended => return ended.map(|()| Exit::Done),
            () = &mut announced, if !is_announced => is_announced = true,
            order = signals.next() => match order {
                Order::Reread => rereader.reread(&live).await,
                Order::Stop(signal) if stop.is_cancelled() => {
                    anyhow::bail!("{signal} while stopping: what was under way is given up")
                }
                Order::Stop(signal) => order_to_stop(signal, &stop),
            }
        }
    }
}

/// Tells what is served once it is.
async fn announce(settings: &Settings, running: Running, out: &mut (dyn io::Write + Send)) {
    running.ready().await;
    let text = announcement::text(settings, &running);
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Whom it was for is gone; the sinks are not.
        tracing::warn!(%error, "standard output is closed");
    }
}

fn order_to_stop(signal: &str, stop: &CancellationToken) {
    tracing::info!(signal, "stopping; again to stop at once");
    stop.cancel();
}
