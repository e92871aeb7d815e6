//! As what the program was called: itself, or the plugin `kubectl mcp`.

use std::{ffi::OsStr, path::Path};

use clap::{Command, CommandFactory as _};

use super::Cli;

/// What kubectl runs for `kubectl mcp`: the program under this name.
const PLUGIN: &str = "kubectl-mcp";

/// What kubectl runs to complete what follows `kubectl mcp`.
const PLUGIN_COMPLETION: &str = "kubectl_complete-mcp";

/// As what the program was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    Itself,
    Plugin,
    PluginCompletion,
}

impl Program {
    /// By the name under which it was called.
    pub(super) fn called(argument: Option<&OsStr>) -> Self {
        let name = argument.and_then(|argument| Path::new(argument).file_stem());
        match name.and_then(OsStr::to_str) {
            Some(PLUGIN) => Self::Plugin,
            Some(PLUGIN_COMPLETION) => Self::PluginCompletion,
            _ => Self::Itself,
        }
    }

    /// The commands, as their help calls them.
    pub(super) fn command(self) -> Command {
        match self {
            Self::Itself => Cli::command(),
            Self::Plugin | Self::PluginCompletion => Cli::command().bin_name("kubectl mcp"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_says_what_is_run() {
        for (path, program) in [
            ("mainsheet", Program::Itself),
            ("/usr/bin/kubectl-mcp", Program::Plugin),
            ("kubectl_complete-mcp", Program::PluginCompletion),
            ("kubectl-mcp/mainsheet", Program::Itself),
        ] {
            assert_eq!(Program::called(Some(OsStr::new(path))), program, "{path}");
        }
        assert_eq!(Program::called(None), Program::Itself);
    }
}
