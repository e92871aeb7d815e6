//! What is on the line already: which server it is about, and which resources.

use std::{collections::BTreeMap, ffi::OsString};

use clap::ArgMatches;
use mainsheet_sink::CredentialFiles;

use crate::cli::{
    connect::{CREDENTIALS, address, credentials},
    kinds::NamedKind,
    program::Program,
};

/// A line that is being written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) server: String,
    pub(super) credentials: CredentialFiles,
    pub(super) namespace: Option<String>,
    pub(super) all_namespaces: bool,
    pub(super) source: Option<String>,
    /// What is no flag, the word that is being written included.
    pub(super) what: Vec<String>,
}

impl Line {
    /// As far as it can be read: it is not finished.
    pub(super) fn of(words: &[OsString], environment: &BTreeMap<String, String>) -> Self {
        let matches = Program::Itself.command().ignore_errors(true).try_get_matches_from(words);
        let of_command = matches.as_ref().ok().and_then(ArgMatches::subcommand).map(|(_, matches)| matches);
        let values = |name: &str| of_command.map(|matches| values(matches, name)).unwrap_or_default();
        let value = |name: &str| values(name).into_iter().next();
        Self {
            server: address(value("server"), environment),
            credentials: credentials(CREDENTIALS.map(|(name, _)| value(name)), environment),
            namespace: value("namespace"),
            all_namespaces: value("all_namespaces").is_some_and(|given| given == "true"),
            source: value("source"),
            what: values("what"),
        }
    }

    /// The kinds of the word in front of the one that is being written, where names follow.
    pub(super) fn kinds(&self) -> Vec<NamedKind> {
        let list = self.what.first().map(String::as_str).unwrap_or_default();
        list.split(',').filter_map(NamedKind::parse).collect()
    }
}

/// The values of an argument, where the command has it.
fn values(matches: &ArgMatches, name: &str) -> Vec<String> {
    let raw = matches.try_get_raw(name).ok().flatten();
    let given = raw.into_iter().flatten().filter_map(|value| value.to_str());
    // A flag has no raw value.
    let flag = || matches.try_get_one::<bool>(name).ok().flatten().map(ToString::to_string);
    let given: Vec<String> = given.map(str::to_owned).collect();
    if given.is_empty() { flag().into_iter().collect() } else { given }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(words: &[&str]) -> Line {
        let words: Vec<OsString> = ["mainsheet"].iter().chain(words).map(OsString::from).collect();
        Line::of(&words, &BTreeMap::from([("MAINSHEET_SERVER".to_owned(), "a:1".to_owned())]))
    }

    #[test]
    fn what_is_there_is_read_although_it_is_not_finished() {
        let read = line(&["get", "vs", "-n", "shop", "--source", "api", "rev"]);
        assert_eq!((read.server.as_str(), read.namespace.as_deref()), ("a:1", Some("shop")));
        assert_eq!((read.source.as_deref(), read.all_namespaces), (Some("api"), false));
        assert_eq!(read.what, ["vs", "rev"]);
        let read = line(&["get", "--server", "b:2", "vs,dr", "-A", "--revision"]);
        assert_eq!((read.server.as_str(), read.all_namespaces), ("b:2", true));
        assert_eq!(read.kinds().len(), 2);
    }

    #[test]
    fn line_that_says_nothing_is_about_the_usual_server() {
        for words in [&[][..], &["ge"], &["version"], &["get"]] {
            let read = line(words);
            assert_eq!((read.server.as_str(), read.what.len()), ("a:1", 0), "{words:?}");
        }
    }
}
