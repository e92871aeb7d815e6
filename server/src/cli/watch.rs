//! `mainsheet watch`.

use super::{Context, Exit, server::ServerArgs};

/// watch
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    server: ServerArgs,
}

pub(super) fn run(args: Args, context: Context<'_>) -> anyhow::Result<Exit> {
    anyhow::bail!("not built: {}", args.server.address(&context))
}
