//! How commands that ask a server find it, and what they are to it.

use std::collections::BTreeMap;

use mainsheet_sink::{Client, ClientBuilder};

use super::Context;

/// The address that is tried where none is given.
const DEFAULT: &str = "127.0.0.1:15010";

/// Which server to ask.
#[derive(Debug, clap::Args)]
pub(super) struct ServerArgs {
    /// Address of the server's gRPC port [default: 127.0.0.1:15010] [env: MAINSHEET_SERVER]
    #[arg(long, value_name = "ADDR")]
    server: Option<String>,
}

impl ServerArgs {
    /// By flag, environment or default.
    pub(super) fn address(&self, context: &Context<'_>) -> String {
        address(self.server.clone(), &context.environment)
    }
}

/// The address that was given, or that of the environment, or the default.
pub(super) fn address(given: Option<String>, environment: &BTreeMap<String, String>) -> String {
    let known = given.or_else(|| environment.get("MAINSHEET_SERVER").cloned());
    known.unwrap_or_else(|| DEFAULT.to_owned())
}

/// Which server to ask over ADS, and as whom.
#[derive(Debug, clap::Args)]
pub(super) struct ConnectArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// Node id to be known by, where the server shows nodes different things [default: mainsheet-cli~COMMAND]
    #[arg(long, value_name = "ID")]
    node: Option<String>,
}

impl ConnectArgs {
    /// A client for a command.
    pub(super) fn client(&self, command: &str, context: &Context<'_>) -> ClientBuilder {
        let node = self.node.clone().unwrap_or_else(|| format!("mainsheet-cli~{command}"));
        Client::builder(self.address(context), node)
    }

    /// By flag, environment or default.
    pub(super) fn address(&self, context: &Context<'_>) -> String {
        self.server.address(context)
    }
}
