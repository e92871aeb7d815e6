//! `mainsheet restore`.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use bytes::Bytes;
use futures_util::stream;
use mainsheet_api::{generated::mainsheet::v1 as pb, limits::BACKUP_MESSAGE_BYTES};
use mainsheet_cache::store::{Backup, RedbStore};

use super::{Context, Exit, block_on, client::ServiceArgs};

/// Bring back what a backup holds
///
/// With --data-dir, into a directory that has no store yet, without a server: the store is then as it was in everything, and
/// a server that is started there goes on from it.
///
/// Without, into a running server: what was written through its API, and what was rolled back, is set to what the backup
/// holds, as one revision. What its sources tell is left alone. Leases begin anew.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  mainsheet restore mesh.backup --data-dir /var/lib/mainsheet\n  mainsheet restore mesh.backup --dry-run"
)]
pub(super) struct Args {
    /// The backup; - for standard input
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,
    /// Make the store of this directory, which a server is to be started with
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath, conflicts_with_all = ["dry_run", "message", "server", "timeout"])]
    data_dir: Option<PathBuf>,
    /// Say what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Why, for the log
    #[arg(short, long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    message: String,
    #[command(flatten)]
    service: ServiceArgs,
}

pub(super) fn run(args: Args, context: Context<'_>) -> anyhow::Result<Exit> {
    let file = read(&args.file).with_context(|| format!("read backup `{}`", args.file.display()))?;
    // What is wrong with it is found here in either case, before anybody is asked to change anything.
    let backup = Backup::decode(&file).with_context(|| format!("backup `{}`", args.file.display()))?;
    let text = match &args.data_dir {
        Some(dir) => into_directory(backup, dir)?,
        None => {
            drop(backup);
            told(&block_on(into_server(&args, file, &context))?, args.dry_run)
        }
    };
    write!(context.out, "{text}")?;
    Ok(Exit::Done)
}

fn read(path: &Path) -> io::Result<Bytes> {
    if path != Path::new("-") {
        return fs::read(path).map(Bytes::from);
    }
    let mut all = Vec::new();
    io::stdin().read_to_end(&mut all)?;
    Ok(all.into())
}

fn into_directory(backup: Backup, dir: &Path) -> anyhow::Result<String> {
    let (revision, records, commits) =
        (backup.state.revision, backup.state.records.len(), backup.commits.len());
    block_on(async { Ok(RedbStore::restore(dir, backup).await?) })?;
    let dir = dir.display();
    Ok(format!(
        "restored revision {revision} into `{dir}`: {records} records, {commits} revisions of history\nstart a server \
         there as the one before was started, with the same paths and servers to follow, and `--data-dir {dir}`: what a \
         source holds that is not named is removed\n"
    ))
}

async fn into_server(args: &Args, file: Bytes, context: &Context<'_>) -> anyhow::Result<pb::RestoreResponse> {
    let service = args.service.connect(context).await?;
    let authorship = pb::Authorship { message: args.message.clone(), ..pb::Authorship::default() };
    let first =
        pb::RestoreRequest { dry_run: args.dry_run, authorship: Some(authorship), data: Bytes::new() };
    let begins = (0..file.len()).step_by(BACKUP_MESSAGE_BYTES);
    let pieces = begins.map(move |begin| pb::RestoreRequest {
        data: file.slice(begin..file.len().min(begin + BACKUP_MESSAGE_BYTES)),
        ..pb::RestoreRequest::default()
    });
    let request = stream::iter(std::iter::once(first).chain(pieces));
    service.answer(service.client().restore(request)).await
}

fn told(answer: &pb::RestoreResponse, is_dry: bool) -> String {
    let pb::RestoreResponse { revision, backup_revision, put, removed, left } = answer;
    let mut text = match (is_dry, put + removed) {
        (true, _) => format!("would restore revision {backup_revision}: {put} put, {removed} removed\n"),
        (false, 0) => format!("nothing to restore: the server has what revision {backup_revision} had\n"),
        (false, _) => {
            format!(
                "restored revision {backup_revision} as revision {revision}: {put} put, {removed} removed\n"
            )
        }
    };
    if !left.is_empty() {
        text.push_str(&format!("left to their sources: {}\n", left.join(", ")));
    }
    text
}
