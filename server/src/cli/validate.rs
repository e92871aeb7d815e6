//! `mainsheet validate`.

use super::{Context, Exit};

/// Say what is wrong with files, without a server
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Directories and files of YAML or JSON documents; `-` is standard input
    #[arg(value_name = "FILE|DIR|-", required = true)]
    paths: Vec<String>,
    /// Namespace of documents that name none
    #[arg(long, value_name = "NAME", default_value = "default")]
    default_namespace: String,
}

pub(super) fn run(args: Args, context: Context<'_>) -> anyhow::Result<Exit> {
    let _ = (args.paths, args.default_namespace, context.out);
    anyhow::bail!("not built")
}
