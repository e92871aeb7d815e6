//! The command `fuzz`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use mainsheet_bench::fuzz::{TARGETS, Target};

/// What is tried.
#[derive(Args)]
pub(crate) struct Arguments {
    /// One of the targets; all of them, unless it is given
    target: Option<String>,
    /// This input and no others
    #[arg(long, value_name = "FILE", requires = "target")]
    replay: Option<PathBuf>,
    /// How many inputs are generated for each target
    #[arg(long, default_value_t = 10_000)]
    inputs: usize,
    /// Only writes seeds and dictionaries there, for cargo-fuzz
    #[arg(long, value_name = "DIR", conflicts_with = "replay")]
    write_corpus: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let targets = match &arguments.target {
        Some(name) => std::slice::from_ref(Target::named(name)?),
        None => TARGETS,
    };
    for target in targets {
        let Target { name, what, .. } = target;
        if let Some(file) = &arguments.replay {
            let input = std::fs::read(file).with_context(|| format!("reading `{}`", file.display()))?;
            (target.run)(&input);
            println!("{name} takes {}", file.display());
        } else if let Some(dir) = &arguments.write_corpus {
            target.write_corpus(dir)?;
        } else {
            target.run_generated(arguments.inputs, &std::env::temp_dir())?;
            println!("{name}, {what}: {} inputs", arguments.inputs);
        }
    }
    Ok(())
}
