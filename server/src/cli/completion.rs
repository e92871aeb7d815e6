//! `mainsheet completion`.

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use super::{Cli, Context, Exit};

/// Print a script with which a shell completes commands and flags (bash and zsh: kinds, too)
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
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    // Not straight to standard output, on which it would panic when that is closed.
    let mut script = Vec::new();
    generate(shell, &mut command, name, &mut script);
    context.out.write_all(&script)?;
    Ok(Exit::Done)
}
