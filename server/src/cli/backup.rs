//! `mainsheet backup`.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, IsTerminal as _, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use mainsheet_api::generated::mainsheet::v1 as pb;
use tonic::Response;

use super::{Context, Exit, block_on, client::ServiceArgs, output::note, progress::Progress};

/// Write everything that a server's store holds to a file
///
/// As of one revision, while the server goes on: what is served, what other layers hold, the history, and what the server
/// remembers of its sinks. `mainsheet restore` takes it.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  mainsheet backup -o mesh.backup\n  mainsheet backup | ssh elsewhere 'cat > mesh.backup'"
)]
pub(super) struct Args {
    /// The file, which appears once it is whole; standard output without
    #[arg(short, long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    output: Option<PathBuf>,
    #[command(flatten)]
    service: ServiceArgs,
}

pub(super) fn run(args: Args, context: Context<'_>) -> anyhow::Result<Exit> {
    let Some(path) = &args.output else {
        if io::stdout().is_terminal() {
            bail!("a backup is nothing to read on a terminal: write it to a file with -o FILE");
        }
        block_on(write_to(&args.service, &context))?;
        return Ok(Exit::Done);
    };
    let unfinished = unfinished(path)?;
    let written = write_file(&args.service, &context, &unfinished, path);
    if written.is_err() {
        // What is half written is of no use; the error says why it is.
        let _ = fs::remove_file(&unfinished);
    }
    let len = written?;
    note(&format!("{len} bytes written to `{}`", path.display()));
    Ok(Exit::Done)
}

/// Beside the file, so that it can be renamed.
fn unfinished(path: &Path) -> anyhow::Result<PathBuf> {
    let Some(name) = path.file_name() else { bail!("`{}` is no name of a file", path.display()) };
    let mut unfinished = name.to_owned();
    unfinished.push(format!(".{}.unfinished", std::process::id()));
    Ok(path.with_file_name(unfinished))
}

fn write_file(
    service: &ServiceArgs,
    context: &Context<'_>,
    unfinished: &Path,
    path: &Path,
) -> anyhow::Result<u64> {
    let named = || format!("write `{}`", path.display());
    let mut file = new_file(unfinished).with_context(named)?;
    let len = block_on(receive(service, context, &mut file))?;
    file.sync_all().with_context(named)?;
    fs::rename(unfinished, path).with_context(named)?;
    Ok(len)
}

/// For its owner only: it holds all configuration.
fn new_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

async fn write_to(service: &ServiceArgs, context: &Context<'_>) -> anyhow::Result<u64> {
    let mut out = io::stdout();
    receive(service, context, &mut out).await
}

async fn receive(args: &ServiceArgs, context: &Context<'_>, to: &mut impl Write) -> anyhow::Result<u64> {
    let service = args.connect(context).await?;
    let mut stream = service.answer(service.client().backup(pb::BackupRequest {})).await?;
    let mut progress = Progress::new();
    let mut len = 0;
    loop {
        let next = async { stream.message().await.map(Response::new) };
        let Some(pb::BackupResponse { data }) = service.answer(next).await? else { break };
        to.write_all(&data).context("write the backup")?;
        len += data.len() as u64;
        progress.show(len);
    }
    to.flush().context("write the backup")?;
    Ok(len)
}
