//! How commands that ask a server find it.

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
        let given = self.server.clone().or_else(|| context.environment.get("MAINSHEET_SERVER").cloned());
        given.unwrap_or_else(|| DEFAULT.to_owned())
    }
}
