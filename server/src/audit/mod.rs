//! Who did what: each write, refusal, failed login and change of a view, in a log that shows whether somebody edited it.
//!
//! ```text
//! v1, streams, grants --Event--> queue --> writer --lines--> FILE, and older ones beside it
//! ```
//!
//! | module | is |
//! |---|---|
//! | `event` | what is told: pure |
//! | `request` | what a request is called |
//! | `repeats` | equal events that come one after the other: pure |
//! | `chain` | lines of which each names the one before it: pure |
//! | `verify` | what is wrong with them: pure |
//! | `file` | the file, and when the next one begins |
//! | `task` | the only writer |
//!
//! A write is told twice: before it is made, durably, and after. So where lines can't be written, none is made that is not told
//! (`audit-failure: refuse`), or what is lost is counted (`count`).

mod chain;
mod event;
mod file;
mod repeats;
mod request;
mod task;
mod verify;

use std::{
    fmt, io,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::Context as _;
use mainsheet_api::{
    access::Identity,
    limits::{
        AUDIT_LINE_RESOURCES_MAX, AUDIT_REPEATS_MAX, AUDIT_REPEATS_WINDOW, AUDIT_WAITING_BYTES_MAX,
        AUDIT_WAITING_MAX,
    },
    time::{Clock, Timestamp},
    version::{Digest, Revision},
};
use tokio::sync::{Semaphore, TryAcquireError, mpsc, oneshot};
use tracing::{error, info, warn};

pub(crate) use self::{
    chain::{Head, first_seq},
    event::{Action, Event, Touched, Verdict, Who, code_name},
    file::is_rotated,
    request::{REQUEST_ID, RequestId},
    task::Writer,
    verify::{Verified, Verifier},
};
use self::{
    file::{LogFile, Rotation},
    repeats::Repeats,
    task::Entry,
};
use crate::surroundings::Randomness;

/// Where it is written, and what happens where it can't be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditOptions {
    /// The file; none: nothing is written.
    pub path: Option<PathBuf>,
    /// Bytes at which a file is full.
    pub bytes_max: usize,
    /// Full files that are kept.
    pub kept: usize,
    /// Whether writes that can't be told are refused; they are made, and counted, otherwise.
    pub refuses: bool,
}

/// What the parts of the server tell the audit log by. Cloning shares it.
#[derive(Clone)]
pub struct Audit {
    clock: Arc<dyn Clock>,
    randomness: Randomness,
    /// None: nothing is written to a file, only to the server's log.
    log: Option<Arc<Log>>,
}

/// What a writer and those who tell it something share.
struct Log {
    clock: Arc<dyn Clock>,
    entries: mpsc::Sender<Entry>,
    /// For what waits, in KiB.
    room: Arc<Semaphore>,
    repeats: Mutex<Repeats>,
    refuses: bool,
    lines: AtomicU64,
    lost: AtomicU64,
    /// Of those, how many the log does not tell yet.
    lost_untold: AtomicU64,
    failing: Mutex<Option<String>>,
}

/// How the audit log gets on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditHealth {
    /// Lines that were written.
    pub lines: u64,
    /// Events that were not.
    pub lost: u64,
    /// Why they can't be, now.
    pub failing: Option<String>,
}

/// A write that can't be told.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum AuditError {
    /// It may not be made then.
    #[error("the audit log can't be written, so nothing is (audit-failure: refuse): {0}")]
    Failed(Arc<io::Error>),
    /// The server ends.
    #[error("the server is stopping; nothing was written")]
    Stopped,
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audit").field("health", &self.health()).finish_non_exhaustive()
    }
}

impl Audit {
    /// Opens the file, where there is one; its writer is to be run.
    ///
    /// # Errors
    /// Where the file can't be read or written.
    pub(crate) fn open(
        options: &AuditOptions,
        clock: Arc<dyn Clock>,
        randomness: Randomness,
    ) -> anyhow::Result<(Self, Option<Writer>)> {
        let Some(path) = &options.path else { return Ok((Self::nowhere(clock, randomness), None)) };
        let rotation = Rotation { bytes_max: options.bytes_max as u64, kept: options.kept };
        let file = LogFile::open(path, rotation, clock.wall());
        let file = file.with_context(|| {
            format!(
                "open the audit log `{}`: make its directory, or set `audit-log` to another file",
                path.display()
            )
        })?;
        info!(path = %path.display(), head = %file.head(), "audit log");
        let (entries, received) = mpsc::channel(AUDIT_WAITING_MAX);
        let log = Arc::new(Log {
            clock: Arc::clone(&clock),
            entries,
            room: Arc::new(Semaphore::new(AUDIT_WAITING_BYTES_MAX >> 10)),
            repeats: Mutex::new(Repeats::new(AUDIT_REPEATS_WINDOW, AUDIT_REPEATS_MAX)),
            refuses: options.refuses,
            lines: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            lost_untold: AtomicU64::new(0),
            failing: Mutex::new(None),
        });
        let file = Arc::new(Mutex::new(file));
        let writer = Writer { entries: received, log: Arc::clone(&log), file };
        Ok((Self { clock, randomness, log: Some(log) }, Some(writer)))
    }

    /// One that writes to no file, only to the server's log.
    #[must_use]
    pub fn nowhere(clock: Arc<dyn Clock>, randomness: Randomness) -> Self {
        Self { clock, randomness, log: None }
    }

    /// What the next request is called.
    pub(crate) fn request_id(&self) -> RequestId {
        RequestId::draw(&self.randomness)
    }

    /// For an event that happens now.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.wall()
    }

    /// How it gets on; `None` where nothing is written.
    pub(crate) fn health(&self) -> Option<AuditHealth> {
        let log = self.log.as_ref()?;
        Some(AuditHealth {
            lines: log.lines.load(Ordering::Relaxed),
            lost: log.lost.load(Ordering::Relaxed),
            failing: log.failing.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        })
    }

    /// Tells that what an identity may see became something else, by the documents of a revision.
    pub fn view_changed(&self, identity: &Identity, (before, after): (Digest, Digest), revision: Revision) {
        let who = Who {
            user: identity.user().to_owned(),
            groups: identity.groups().map(str::to_owned).collect(),
            ..Who::default()
        };
        let what = format!("view {before} became {after}");
        let revision = Some(revision.0);
        self.tell(Event { what, revision, ..Event::new(Action::View, Verdict::Done, (who, self.now())) });
    }

    /// Tells something that happened.
    pub(crate) fn tell(&self, event: Event) {
        say(&event);
        if let Some(log) = &self.log {
            log.put(event);
        }
    }

    /// Tells a refusal that whoever it is about can bring about as often as he likes: of equal ones that come one after the
    /// other, how many they were.
    pub(crate) fn tell_once(&self, event: Event) {
        let Some(log) = &self.log else { return say(&event) };
        let now = self.clock.uptime();
        let first = log.repeats.lock().unwrap_or_else(PoisonError::into_inner).admit(event, now);
        if let Some(event) = first {
            say(&event);
            log.put(event);
        }
    }

    /// Tells what is about to be done. Once this returns it is durable, where writes are refused that are not.
    ///
    /// # Errors
    /// Where it can't be told: it is not to be done.
    pub(crate) async fn ask(&self, event: Event) -> Result<(), AuditError> {
        let Some(log) = &self.log else { return Ok(()) };
        if log.refuses {
            return log.ask(event).await;
        }
        log.put(event);
        Ok(())
    }
}

impl Log {
    /// Waits for nobody; what there is no room for is lost.
    fn put(&self, event: Event) {
        let bodies = event.bodies(AUDIT_LINE_RESOURCES_MAX);
        let room = match Arc::clone(&self.room).try_acquire_many_owned(kib(&bodies)) {
            Ok(room) => Some(room),
            Err(TryAcquireError::NoPermits) => return self.lose(),
            Err(TryAcquireError::Closed) => None,
        };
        if self.entries.try_send(Entry { bodies, room, awaited: None }).is_err() {
            self.lose();
        }
    }

    async fn ask(&self, event: Event) -> Result<(), AuditError> {
        let bodies = event.bodies(AUDIT_LINE_RESOURCES_MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(kib(&bodies)).await.ok();
        let (awaited, written) = oneshot::channel();
        let entry = Entry { bodies, room, awaited: Some(awaited) };
        self.entries.send(entry).await.map_err(|_| AuditError::Stopped)?;
        written.await.map_err(|_| AuditError::Stopped)?.map_err(AuditError::Failed)
    }

    /// Says loudly that something is not told, once for many.
    fn lose(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
        if self.lost_untold.fetch_add(1, Ordering::Relaxed) == 0 {
            error!("the audit log takes nothing more; what is lost is counted (mainsheet_audit_lost_total)");
        }
    }

    /// What came repeatedly and is to be told by now, or at the end.
    fn repeated(&self, is_end: bool) -> Vec<Entry> {
        let now = self.clock.uptime();
        let mut repeats = self.repeats.lock().unwrap_or_else(PoisonError::into_inner);
        let events = if is_end { repeats.rest(now) } else { repeats.due(now) };
        let entry = |event: Event| {
            say(&event);
            Entry { bodies: event.bodies(AUDIT_LINE_RESOURCES_MAX), room: None, awaited: None }
        };
        events.into_iter().map(entry).collect()
    }

    fn works(&self, lines: u64) {
        self.lines.fetch_add(lines, Ordering::Relaxed);
        if self.failing.lock().unwrap_or_else(PoisonError::into_inner).take().is_some() {
            warn!("the audit log can be written again");
        }
    }

    fn fails(&self, why: &io::Error) {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        if failing.replace(why.to_string()).is_none() {
            let then = if self.refuses {
                "writes are refused"
            } else {
                "writes are made, and told later if there is room"
            };
            error!(error = %why, "the audit log can't be written; {then} until it can");
        }
    }
}

fn kib(bodies: &[String]) -> u32 {
    let bytes: usize = bodies.iter().map(String::len).sum();
    u32::try_from(bytes.min(AUDIT_WAITING_BYTES_MAX).div_ceil(1024)).unwrap_or(u32::MAX)
}

/// In the server's log, whether there is an audit log or not.
fn say(event: &Event) {
    let Event { action, verdict, who, what, revision, code, times, .. } = event;
    let request = event.request.map(tracing::field::display);
    let (user, peer) = (&who.user, who.peer.map(tracing::field::display));
    let reason = crate::mask::mask_text(&event.reason);
    match verdict {
        Verdict::Asked => {}
        Verdict::Done => info!(request, user, peer, ?action, what, revision, "done"),
        Verdict::Unknown => {
            warn!(request, user, peer, ?action, what, code, reason, "nobody knows whether it was done")
        }
        Verdict::Forbidden | Verdict::Unauthenticated | Verdict::Refused => {
            warn!(request, user, peer, ?action, what, code, reason, times, "refused");
        }
    }
}

#[cfg(test)]
mod tests;
