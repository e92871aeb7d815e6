//! The only writer of the audit log: what waits is written with one flush, in the order in which it came.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use mainsheet_cache::blocking;
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc, oneshot},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{
    Log,
    file::{LogFile, told},
};

/// Entries that are written at once.
const BATCH_LEN_MAX: usize = 256;

/// How often is looked whether something is to be told of what came repeatedly, or to be tried again.
const TICK: Duration = Duration::from_secs(1);

/// Something to be written, and the room that it takes until it is.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) bodies: Vec<String>,
    #[expect(dead_code, reason = "it is let go")]
    pub(super) room: Option<OwnedSemaphorePermit>,
    /// Who waits for it to be durable, and gives up what it is about where it is not.
    pub(super) awaited: Option<oneshot::Sender<Result<(), Arc<io::Error>>>>,
}

/// Writes what the parts of the server tell.
pub(crate) struct Writer {
    pub(super) entries: mpsc::Receiver<Entry>,
    pub(super) log: Arc<Log>,
    pub(super) file: Arc<Mutex<LogFile>>,
}

impl Writer {
    /// Until `stop`, and then what is left.
    ///
    /// # Errors
    /// Where writing panicked.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        // What could not be written, and nobody waits for.
        let mut waiting: Vec<Entry> = Vec::new();
        let mut stopping = false;
        loop {
            let mut batch = Vec::new();
            let ended = tokio::select! {
                biased;
                () = stop.cancelled(), if !stopping => {
                    stopping = true;
                    self.entries.close();
                    continue;
                }
                received = self.entries.recv_many(&mut batch, BATCH_LEN_MAX) => received == 0,
                () = sleep(TICK) => false,
            };
            batch.extend(self.log.repeated(ended));
            waiting.append(&mut batch);
            waiting = self.write(waiting).await?;
            if ended {
                tracing::info!(head = %lock(&self.file).head(), "the audit log ends for now");
                return Ok(());
            }
        }
    }

    /// Writes all of it, or returns those that are to be tried again.
    async fn write(&self, entries: Vec<Entry>) -> anyhow::Result<Vec<Entry>> {
        let lost = self.log.lost_untold.load(Ordering::Relaxed);
        let now = self.log.clock.wall();
        let mut bodies: Vec<String> = Vec::new();
        if lost > 0 {
            bodies.push(told("lost", now, &format!(r#","times":{lost}"#)));
        }
        bodies.extend(entries.iter().flat_map(|entry| entry.bodies.iter().cloned()));
        if bodies.is_empty() {
            return Ok(entries);
        }
        let (lines, written) = (bodies.len() as u64, self.append(bodies).await?);
        match written {
            Ok(()) => {
                self.log.lost_untold.fetch_sub(lost, Ordering::Relaxed);
                self.log.works(lines);
                let answer = |entry: Entry| entry.awaited.map(|awaited| awaited.send(Ok(())));
                // Whoever waited may have gone.
                entries.into_iter().for_each(|entry| drop(answer(entry)));
                Ok(Vec::new())
            }
            Err(error) => {
                let error = Arc::new(error);
                self.log.fails(&error);
                Ok(entries.into_iter().filter_map(|entry| given_up(entry, &error)).collect())
            }
        }
    }

    /// On a thread of its own: a disk may take long.
    async fn append(&self, bodies: Vec<String>) -> anyhow::Result<io::Result<()>> {
        let (file, now) = (Arc::clone(&self.file), self.log.clock.wall());
        let writing = blocking::spawn(move || lock(&file).append(&bodies, now));
        Ok(writing.await?)
    }
}

fn lock(file: &Mutex<LogFile>) -> MutexGuard<'_, LogFile> {
    file.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells whoever waits for an entry that it is not written, which is then not to be written later either.
fn given_up(mut entry: Entry, error: &Arc<io::Error>) -> Option<Entry> {
    match entry.awaited.take() {
        Some(awaited) => {
            let _ = awaited.send(Err(Arc::clone(error)));
            None
        }
        None => Some(entry),
    }
}
