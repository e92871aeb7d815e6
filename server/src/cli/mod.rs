//! The commands, a file each. Only they print to standard output.

mod apply;
mod audit;
mod authorship;
mod backup;
mod certs;
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
mod http_get;
mod import;
mod jsonpath;
mod kinds;
mod log;
mod man;
mod manifests;
mod names;
mod outcomes;
mod output;
mod program;
mod progress;
mod refusal;
mod release;
mod restore;
mod rollback;
mod selection;
mod serve;
mod sinks;
mod snippet;
mod status;
mod support_bundle;
mod terminal;
mod texts;
mod validate;
mod version;
mod watch;
mod whole_file;

use std::{collections::BTreeMap, ffi::OsString, io, process::ExitCode};

use clap::{FromArgMatches as _, Parser, Subcommand};

pub use error::Exit;
use program::Program;

/// Configuration distribution for Istio: validates networking resources and streams them to every sink over xDS.
#[derive(Debug, Parser)]
#[command(
    name = "mainsheet",
    disable_version_flag = true,
    max_term_width = 110,
    after_help = "Commands that ask a server find it by --server ADDR, MAINSHEET_SERVER, or at 127.0.0.1:15010. Exit codes: 0 done, 1 failed, \
                  2 asked wrongly, 3 not reached in time."
)]
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
    Sinks(sinks::Args),
    Status(status::Args),
    Confirm(confirm::Args),
    Import(import::Args),
    Compare(compare::Args),
    Backup(backup::Args),
    Restore(restore::Args),
    SupportBundle(support_bundle::Args),
    Audit(audit::Args),
    Certs(certs::Args),
    Version(version::Args),
    Completion(completion::Args),
    Man(man::Args),
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
    let args: Vec<OsString> = args.into_iter().collect();
    let program = Program::called(args.first().map(OsString::as_os_str));
    let mut out = io::stdout();
    if let Some(exit) = completion::answer(program, &args, &environment, &mut out) {
        return exit.into();
    }
    let cli = match parse(program.command(), args) {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing can be done about a terminal that is gone.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done }.into();
        }
    };
    let context = Context { environment, out: &mut out };
    match run(cli.command, context) {
        Ok(exit) => exit.into(),
        Err(error) => error::report(&error, &mut io::stderr()).into(),
    }
}

fn parse(mut command: clap::Command, args: Vec<OsString>) -> Result<Cli, clap::Error> {
    let mut matches = command.try_get_matches_from_mut(args)?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
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
        Command::Sinks(args) => sinks::run(args, context),
        Command::Status(args) => status::run(args, context),
        Command::Confirm(args) => confirm::run(args, context),
        Command::Backup(args) => backup::run(args, context),
        Command::Restore(args) => restore::run(args, context),
        Command::Audit(args) => audit::run(args, context),
        Command::SupportBundle(args) => support_bundle::run(args, context),
        Command::Certs(args) => certs::run(args, context),
        Command::Version(args) => version::run(args, context),
        Command::Compare(args) => compare::run(args, context),
        Command::Completion(args) => completion::run(args, context),
        Command::Man(args) => man::run(args, context),
    }
}
