//! The whole store as a stream.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use mainsheet_api::{
    generated::mainsheet::v1 as pb,
    limits::{BACKUP_BYTES_MAX, BACKUP_MESSAGE_BYTES, BACKUP_MESSAGE_DEADLINE},
};
use mainsheet_cache::store::{Backup, SharedStore};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::timeout,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use super::{Answers, Links, asking::Asking, error};

/// Messages that wait for a client to read them.
const WAITING_MAX: usize = 4;

/// One backup, or restoration, at a time: each takes about as much memory as what is served.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    one: Arc<Semaphore>,
    /// For what is received of files, in KiB: so much of one, or of several that are smaller.
    received: Arc<Semaphore>,
}

impl Default for Turn {
    fn default() -> Self {
        Self {
            one: Arc::new(Semaphore::new(1)),
            received: Arc::new(Semaphore::new(BACKUP_BYTES_MAX.div_ceil(1024))),
        }
    }
}

impl Turn {
    pub(super) fn take(&self) -> Result<OwnedSemaphorePermit, Status> {
        Arc::clone(&self.one).try_acquire_owned().map_err(|_| busy())
    }

    /// Memory for a file that is received, none at first.
    pub(super) fn room(&self) -> Room {
        Room { of: Arc::clone(&self.received), taken: None, kib: 0 }
    }
}

fn busy() -> Status {
    let busy = "a backup or a restoration is under way; ask again once it is done";
    error::because(Code::ResourceExhausted, "BUSY", busy, [])
}

/// Memory for what is received of a file. It grows with what came, so that a client which sends nothing keeps none.
#[derive(Debug)]
pub(super) struct Room {
    of: Arc<Semaphore>,
    taken: Option<OwnedSemaphorePermit>,
    kib: usize,
}

impl Room {
    /// Takes as much as so many bytes need in all.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), Status> {
        let more = bytes.div_ceil(1024).saturating_sub(self.kib);
        let more_permits = u32::try_from(more).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.of).try_acquire_many_owned(more_permits).map_err(|_| busy())?;
        match &mut self.taken {
            Some(taken) => taken.merge(permit),
            none => *none = Some(permit),
        }
        self.kib += more;
        Ok(())
    }
}

pub(super) async fn backup(
    (links, asking): (&Links, &Asking),
    turn: &Turn,
) -> Result<Answers<pb::BackupResponse>, Status> {
    let turn = turn.take()?;
    asking.begin("backup", Vec::new()).await?;
    #[allow(
        clippy::disallowed_methods,
        reason = "awaited at once; the turn is kept until it has read, whoever waits"
    )]
    let exporting = tokio::spawn(export(Arc::clone(links.cache.store()), turn));
    let exported = exporting.await;
    let (backup, turn) = exported.map_err(error::internal)??;
    Ok(answers(backup, turn, BACKUP_MESSAGE_DEADLINE))
}

async fn export(
    store: SharedStore,
    turn: OwnedSemaphorePermit,
) -> Result<(Backup, OwnedSemaphorePermit), Status> {
    let backup = store.export().await.map_err(|error| error::store(&error))?;
    Ok((backup, turn))
}

/// Ends with the stream, or where a message is not read in time.
fn answers(backup: Backup, turn: OwnedSemaphorePermit, deadline: Duration) -> Answers<pb::BackupResponse> {
    let (to, from) = mpsc::channel(WAITING_MAX);
    #[allow(clippy::disallowed_methods, reason = "it waits for the client, which nobody may do inline")]
    let sending = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        send(&backup, &to, deadline)
    });
    // What is cut short must not look like a whole one.
    let end = stream::once(sending).filter_map(async |sent| match sent {
        Ok(sent) => sent.err().map(Err),
        Err(error) => Some(Err(error::internal(error))),
    });
    ReceiverStream::new(from).map(|data| Ok(pb::BackupResponse { data })).chain(end).boxed()
}

fn send(backup: &Backup, to: &mpsc::Sender<Bytes>, deadline: Duration) -> Result<(), Status> {
    let runtime = Handle::current();
    for mut piece in backup.encode() {
        while !piece.is_empty() {
            let message = piece.split_to(piece.len().min(BACKUP_MESSAGE_BYTES));
            match runtime.block_on(async { timeout(deadline, to.send(message)).await }) {
                Ok(Ok(())) => {}
                // A client that is gone takes nothing more.
                Ok(Err(_)) => return Ok(()),
                Err(_) => return Err(late("a message was not read in time")),
            }
        }
    }
    Ok(())
}

pub(super) fn late(message: &str) -> Status {
    error::because(Code::DeadlineExceeded, "SLOW", message, [])
}

#[cfg(test)]
mod tests {
    use mainsheet_cache::store::{MemoryStore, Store as _};

    use super::*;

    /// A backup of more messages than wait.
    async fn large() -> Backup {
        let mut backup = MemoryStore::default().export().await.unwrap();
        let size = BACKUP_MESSAGE_BYTES;
        backup.status = (0..WAITING_MAX + 4).map(|n| (n.to_string(), Bytes::from(vec![0; size]))).collect();
        backup
    }

    #[tokio::test]
    async fn client_that_does_not_read_lets_others_have_their_turn() {
        let turn = Turn::default();
        let answers = answers(large().await, turn.take().unwrap(), Duration::from_millis(20));
        assert!(turn.take().is_err());
        let patience = Duration::from_secs(60);
        let next = timeout(patience, Arc::clone(&turn.one).acquire_owned()).await;
        drop(next.unwrap().unwrap());
        let last = answers.collect::<Vec<_>>().await.pop().unwrap();
        assert_eq!(last.unwrap_err().code(), Code::DeadlineExceeded);
    }

    #[test]
    fn files_that_are_received_share_memory_by_what_came_of_them() {
        let turn = Turn::default();
        let (mut idle, mut large) = (turn.room(), turn.room());
        idle.grow(1).unwrap();
        assert!(large.grow(BACKUP_BYTES_MAX).is_err());
        drop(idle);
        large.grow(10).unwrap();
        large.grow(BACKUP_BYTES_MAX).unwrap();
        assert!(turn.room().grow(1).is_err());
    }
}
