//! What may stand in an argument, by the argument's name: all commands use the same ones.

use std::{ffi::OsStr, sync::Arc};

use clap::{Arg, Command};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use mainsheet_api::kind::Kind;

use super::{asked, line::Line};

/// Commands that are no questions to a server.
const LOCAL: [&str; 2] = ["serve", "validate"];

/// A candidate, and what is said of it.
pub(super) type Candidate = (String, Option<String>);

/// Gives arguments what completes them.
pub(super) fn attach(command: Command, line: &Arc<Line>) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    names.iter().fold(command, |command, name| {
        let is_local = LOCAL.contains(&&**name);
        command.mut_subcommand(name, |command| {
            // Hidden candidates are offered where there are no others: names are not lost among flags.
            let command = command
                .disable_help_flag(true)
                .mut_args(|arg| if arg.is_positional() { arg } else { arg.hide(true) });
            if is_local { command } else { command.mut_args(|arg| with_candidates(arg, line)) }
        })
    })
}

fn with_candidates(arg: Arg, line: &Arc<Line>) -> Arg {
    let of = match arg.get_id().as_str() {
        "what" => what,
        "namespace" => |line: &Line, _: &str| asked::namespaces(line),
        "source" => |line: &Line, _: &str| asked::sources(line),
        "node" => |line: &Line, _: &str| asked::nodes(line),
        "revision" | "to" => |line: &Line, _: &str| asked::revisions(line),
        _ => return arg,
    };
    let line = Arc::clone(line);
    arg.add(ArgValueCompleter::new(move |current: &OsStr| {
        let current = current.to_string_lossy();
        let fits = |(value, _): &Candidate| value.starts_with(&*current);
        of(&line, &current).into_iter().filter(fits).map(candidate).collect()
    }))
}

fn candidate((value, help): Candidate) -> CompletionCandidate {
    CompletionCandidate::new(value).help(help.map(Into::into))
}

/// Kinds first; names once there is a kind, behind it or behind its slash.
fn what(line: &Line, current: &str) -> Vec<Candidate> {
    if let Some((kind, _)) = current.rsplit_once('/') {
        let of_kind = Line { what: vec![kind.to_owned()], ..line.clone() };
        let names = asked::names(&of_kind);
        return names.into_iter().map(|(name, help)| (format!("{kind}/{name}"), help)).collect();
    }
    if line.what.len() > 1 {
        return asked::names(line);
    }
    let before = current.rsplit_once(',').map_or(String::new(), |(before, _)| format!("{before},"));
    let mut kinds: Vec<Candidate> =
        Kind::all().map(|kind| (before.clone() + kind.info().plural, None)).collect();
    if before.is_empty() {
        kinds.push(("all".to_owned(), None));
    }
    kinds
}
