//! `mainsheet version`.

use super::{Context, Exit};

/// Print the version of this program
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(Args {}: Args, context: Context<'_>) -> anyhow::Result<Exit> {
    writeln!(context.out, "mainsheet {}", env!("CARGO_PKG_VERSION"))?;
    Ok(Exit::Done)
}
