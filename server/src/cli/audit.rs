//! `mainsheet audit`.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
};

use anyhow::Context as _;

use super::{Context, Exit};
use crate::audit::{Head, Verified, Verifier, first_seq, is_rotated};

/// Look into the audit log of a server
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Verify(VerifyArgs),
}

/// Say whether files of an audit log are what the server wrote
///
/// Finds each line that was edited, removed, put in, or moved, and each file that is missing between others or was cut at its
/// end, and says which. The newest file has nothing after it that names its last line: give --head, as an earlier look or the
/// server's log printed it, to find that it was cut, or that all of it was written anew.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  mainsheet audit verify audit.log*\n  mainsheet audit verify audit.log --head 4711:5a3c..."
)]
struct VerifyArgs {
    /// The file, and those beside it that were rotated, in any order
    #[arg(value_name = "FILE", required = true, value_hint = clap::ValueHint::FilePath)]
    files: Vec<PathBuf>,
    /// A line that has to be there: its number and its hash
    #[arg(long, value_name = "NUMBER:HASH")]
    head: Option<Head>,
}

pub(super) fn run(args: Args, context: Context<'_>) -> anyhow::Result<Exit> {
    let Command::Verify(args) = args.command;
    let mut files = Vec::new();
    for path in args.files {
        files.push((first_seq(&first_line(&path)?), path));
    }
    files.sort();
    files.dedup();
    let mut verifier = Verifier::expecting(args.head);
    for (_, path) in &files {
        verify(&mut verifier, path)?;
    }
    let Verified { lines, first, head, problems } = verifier.finish();
    for problem in &problems {
        writeln!(context.out, "{problem}")?;
    }
    let head = head.map_or_else(|| "not known".to_owned(), |head| head.to_string());
    let first = first.map_or_else(String::new, |first| format!(" from {first} on"));
    let summary = match problems.len() {
        0 => "as they were written".to_owned(),
        1 => "1 problem".to_owned(),
        count => format!("{count} problems"),
    };
    writeln!(context.out, "{lines} lines{first} in {} files: {summary}; head {head}", files.len())?;
    Ok(if problems.is_empty() { Exit::Done } else { Exit::Failed })
}

fn open(path: &Path) -> anyhow::Result<BufReader<File>> {
    let file = File::open(path).with_context(|| format!("open `{}`", path.display()))?;
    Ok(BufReader::new(file))
}

fn first_line(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut line = Vec::new();
    open(path)?.read_until(b'\n', &mut line).with_context(|| format!("read `{}`", path.display()))?;
    Ok(line)
}

fn verify(verifier: &mut Verifier, path: &Path) -> anyhow::Result<()> {
    let (mut reader, mut line) = (open(path)?, Vec::new());
    verifier.file(&path.to_string_lossy(), is_rotated(path));
    while reader.read_until(b'\n', &mut line).with_context(|| format!("read `{}`", path.display()))? > 0 {
        match line.strip_suffix(b"\n") {
            Some(whole) => verifier.line(whole),
            None => verifier.rest(line.len() as u64),
        }
        line.clear();
    }
    Ok(())
}
