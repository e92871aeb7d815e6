//! The whole store as a stream.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use mainsheet_api::{generated::mainsheet::v1 as pb, limits::BACKUP_MESSAGE_BYTES};
use mainsheet_cache::store::Backup;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use super::{Answers, Links, error};

/// Messages that wait for a client to read them.
const WAITING_MAX: usize = 4;

/// One backup, or restoration, at a time: each takes about as much memory as what is served.
#[derive(Clone, Debug)]
pub(super) struct Turn(Arc<Semaphore>);

impl Default for Turn {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl Turn {
    pub(super) fn take(&self) -> Result<OwnedSemaphorePermit, Status> {
        let busy = "a backup or a restoration is under way; ask again once it is done";
        let take = Arc::clone(&self.0).try_acquire_owned();
        take.map_err(|_| error::because(Code::ResourceExhausted, "BUSY", busy, []))
    }
}

pub(super) async fn backup(links: &Links, turn: &Turn) -> Result<Answers<pb::BackupResponse>, Status> {
    let turn = turn.take()?;
    let backup = links.cache.store().export().await.map_err(|error| error::store(&error))?;
    let (to, from) = mpsc::channel(WAITING_MAX);
    // Ends with the stream: a client that is gone takes nothing more.
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        send(&backup, &to);
    });
    Ok(ReceiverStream::new(from).map(|data| Ok(pb::BackupResponse { data })).boxed())
}

fn send(backup: &Backup, to: &mpsc::Sender<Bytes>) {
    for mut piece in backup.encode() {
        while !piece.is_empty() {
            let message = piece.split_to(piece.len().min(BACKUP_MESSAGE_BYTES));
            if to.blocking_send(message).is_err() {
                return;
            }
        }
    }
}
