//! `mainsheet get`.

use super::{Context, Exit, server::ServerArgs};

/// get
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    server: ServerArgs,
}

pub(super) fn run(args: Args, context: Context<'_>) -> anyhow::Result<Exit> {
    anyhow::bail!("not built: {}", args.server.address(&context))
}
