//! `mainsheet man`.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_mangen::Man;

use super::{Cli, Context, Exit};

/// Write the manual: a page for each command into a directory, or the first page to standard output
///
/// `make install` puts them where man(1) finds them.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  mainsheet man | man -l -
  mainsheet man ~/.local/share/man/man1")]
pub(super) struct Args {
    /// Where to put the pages; made if it is not there
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
}

pub(super) fn run(Args { directory }: Args, context: Context<'_>) -> anyhow::Result<Exit> {
    let command = Cli::command().disable_help_subcommand(true).version(env!("CARGO_PKG_VERSION"));
    match directory {
        None => {
            let mut page = Vec::new();
            Man::new(command).render(&mut page)?;
            context.out.write_all(&page)?;
        }
        Some(directory) => {
            let step = || format!("write pages to `{}`", directory.display());
            std::fs::create_dir_all(&directory).with_context(step)?;
            clap_mangen::generate_to(command, &directory).with_context(step)?;
        }
    }
    Ok(Exit::Done)
}
