//! `mainsheet backup`.

use std::{
    io::{self, IsTerminal as _, Write},
    path::PathBuf,
};

use anyhow::{Context as _, bail};
use mainsheet_api::generated::mainsheet::v1 as pb;
use tonic::Response;

use super::{Context, Exit, block_on, client::ServiceArgs, output::note, progress::Progress, whole_file};

/// Write everything that a server's store holds to a file
///
/// As of one revision, while the server goes on: what is served, what other layers hold, the history, and what the server
/// noted beside it: leases, held removals, rejected documents. `mainsheet restore` takes it.
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
    let len = whole_file::write(path, |file| block_on(receive(&args.service, &context, file)))?;
    note(&format!("{len} bytes written to `{}`", path.display()));
    Ok(Exit::Done)
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
