//! `mainsheet version`.

use mainsheet_cache::store::RedbStore;

use super::{Context, Exit};

/// Print the version of this program and of the store's files that it writes
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(Args {}: Args, context: Context<'_>) -> anyhow::Result<Exit> {
    writeln!(context.out, "mainsheet {}\nstore format {}", env!("CARGO_PKG_VERSION"), RedbStore::FORMAT)?;
    Ok(Exit::Done)
}
