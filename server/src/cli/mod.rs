//! The commands, a file each. Only they print to standard output.

mod apply;
mod authorship;
mod client;
mod compare;
mod completion;
mod configz;
mod confirm;
mod connect;
mod delete;
mod diff;
mod error;
mod first_answers;
mod get;
mod import;
mod kinds;
mod log;
mod manifests;
mod names;
mod outcomes;
mod output;
mod refusal;
mod release;
mod rollback;
mod selection;
mod serve;
mod snippet;
mod terminal;
mod texts;
mod validate;
mod version;
mod watch;

use std::{collections::BTreeMap, ffi::OsString, io, process::ExitCode};

use clap::{Parser, Subcommand};

pub use error::Exit;

/// Configuration distribution for Istio: validates networking resources and streams them to every sink over xDS.
#[derive(Debug, Parser)]
#[command(name = "mainsheet", disable_version_flag = true, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Args),
    Validate(validate::Args),
    Get(get::Args),
    Watch(watch::Args),
    Apply(apply::Args),
    Delete(delete::Args),
    Diff(diff::Args),
    Log(log::Args),
    Rollback(rollback::Args),
    Release(release::Args),
    Confirm(confirm::Args),
    Import(import::Args),
    Compare(compare::Args),
    Version(version::Args),
    Completion(completion::Args),
}

/// What a command has beside its arguments.
struct Context<'a> {
    /// Variables that begin with [`crate::config::ENV_PREFIX`].
    environment: BTreeMap<String, String>,
    /// Standard output.
    out: &'a mut (dyn io::Write + Send),
}

/// Runs the command that `args` name and says how the process ends.
pub fn main(args: impl IntoIterator<Item = OsString>, environment: BTreeMap<String, String>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing can be done about a terminal that is gone.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done }.into();
        }
    };
    let mut out = io::stdout();
    let context = Context { environment, out: &mut out };
    match run(cli.command, context) {
        Ok(exit) => exit.into(),
        Err(error) => error::report(&error, &mut io::stderr()).into(),
    }
}

/// Runs a command that only waits for a server; one thread does.
fn block_on<T>(command: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(command)
}

fn run(command: Command, context: Context<'_>) -> anyhow::Result<Exit> {
    match command {
        Command::Serve(args) => serve::run(args, context),
        Command::Validate(args) => validate::run(args, context),
        Command::Get(args) => get::run(args, context),
        Command::Import(args) => import::run(args, context),
        Command::Watch(args) => watch::run(args, context),
        Command::Apply(args) => apply::run(args, context),
        Command::Delete(args) => delete::run(args, context),
        Command::Diff(args) => diff::run(args, context),
        Command::Log(args) => log::run(args, context),
        Command::Rollback(args) => rollback::run(args, context),
        Command::Release(args) => release::run(args, context),
        Command::Confirm(args) => confirm::run(args, context),
        Command::Version(args) => version::run(args, context),
        Command::Compare(args) => compare::run(args, context),
        Command::Completion(args) => completion::run(args, context),
    }
}
