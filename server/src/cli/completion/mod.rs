//! `mainsheet completion`, and the answers to the scripts that it prints.

mod asked;
mod candidates;
mod line;

use std::{collections::BTreeMap, ffi::OsString, io::Write, sync::Arc};

use clap::Command;
use clap_complete::{
    Shell,
    engine::complete,
    env::{EnvCompleter, Shells},
};

use super::{Context, Exit, program::Program};
use line::Line;

/// Which shell asks. The scripts set it for the one call.
const VARIABLE: &str = "MAINSHEET_COMPLETION_SHELL";

/// What kubectl is told so that it does not offer files as well.
const NO_FILES: &str = ":4";

/// Print a script with which a shell completes commands, flags, and what the server has
///
/// Kinds, names, namespaces, sources, sinks and revisions are those of the server that the line names, or of MAINSHEET_SERVER. One
/// that does not answer within 150 ms is not waited for.
///
/// bash:       mainsheet completion bash > ~/.local/share/bash-completion/completions/mainsheet
/// zsh:        mainsheet completion zsh > "${fpath[1]}/_mainsheet"
/// fish:       mainsheet completion fish > ~/.config/fish/completions/mainsheet.fish
/// powershell: mainsheet completion powershell | Out-String | Invoke-Expression   (a line of $PROFILE)
/// elvish:     eval (mainsheet completion elvish | slurp)   (a line of ~/.config/elvish/rc.elv)
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Args {
    /// Which shell it is for
    shell: Shell,
}

pub(super) fn run(Args { shell }: Args, context: Context<'_>) -> anyhow::Result<Exit> {
    let shells = Shells::builtins();
    let completer = shells.completer(&shell.to_string());
    let completer = completer.ok_or_else(|| anyhow::anyhow!("no script is known for {shell}"))?;
    // Not straight to standard output, on which it would panic when that is closed.
    let mut script = Vec::new();
    completer.write_registration(VARIABLE, "mainsheet", "mainsheet", "mainsheet", &mut script)?;
    context.out.write_all(&script)?;
    Ok(Exit::Done)
}

/// Answers a shell that asks how a line may go on; `None` where none asks.
pub(super) fn answer(
    program: Program,
    arguments: &[OsString],
    environment: &BTreeMap<String, String>,
    out: &mut dyn Write,
) -> Option<Exit> {
    let answered = match (program, environment.get(VARIABLE)) {
        (Program::PluginCompletion, _) => to_kubectl(arguments, environment),
        (_, Some(shell)) => to_shell(shell, arguments, environment),
        (_, None) => return None,
    };
    // Whoever types sees nothing rather than an error in the middle of the line.
    let answered = answered.and_then(|text| Ok(out.write_all(&text)?));
    Some(if answered.is_ok() { Exit::Done } else { Exit::Failed })
}

/// `mainsheet -- mainsheet get vs`, as the scripts ask.
fn to_shell(
    shell: &str,
    arguments: &[OsString],
    environment: &BTreeMap<String, String>,
) -> anyhow::Result<Vec<u8>> {
    let shells = Shells::builtins();
    let shell: &dyn EnvCompleter = shells.completer(shell).ok_or_else(|| anyhow::anyhow!("no such shell"))?;
    let start = arguments.iter().position(|argument| argument == "--").map_or(arguments.len(), |at| at + 1);
    let words = arguments[start..].to_vec();
    let mut text = Vec::new();
    let directory = std::env::current_dir().ok();
    shell.write_complete(&mut command(&words, environment), words, directory.as_deref(), &mut text)?;
    Ok(text)
}

/// `kubectl_complete-mcp get vs`, as kubectl asks: a candidate a line, and then what to do beside them.
fn to_kubectl(arguments: &[OsString], environment: &BTreeMap<String, String>) -> anyhow::Result<Vec<u8>> {
    let words = arguments.to_vec();
    let last = words.len().saturating_sub(1);
    let mut text = String::new();
    for candidate in complete(&mut command(&words, environment), words, last, None)? {
        let help = candidate.get_help().map(|help| format!("\t{help}")).unwrap_or_default();
        let help = help.lines().next().unwrap_or_default();
        text += &format!("{}{help}\n", candidate.get_value().to_string_lossy());
    }
    Ok((text + NO_FILES + "\n").into_bytes())
}

/// The commands, with what completes their arguments on this line.
fn command(words: &[OsString], environment: &BTreeMap<String, String>) -> Command {
    candidates::attach(Program::Itself.command(), &Arc::new(Line::of(words, environment)))
}
