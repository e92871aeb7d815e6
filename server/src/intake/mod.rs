//! The intake: the only writer of the sources' layers.
//!
//! ```text
//! sources --Batch--> merge + debounce --Round--> judge --> plan (guard) --Commit--> cache
//! API, expiry --Planner--> write (group) -----------------------------------^
//! ```
//!
//! | module | is |
//! |---|---|
//! | `merge`, `debounce` | what waits, and until when: pure |
//! | `judge` | documents to accepted and rejected ones: pure |
//! | `criteria` | what they are judged by |
//! | `plan` | what a round changes in its source's layer: pure |
//! | `guard` | removals that are held, and until when: pure |
//! | `retired` | sources that nobody configures any more: pure |
//! | `notes` | holds in the status area, for after a restart |
//! | `verdicts`, `stats` | what others may read |
//! | `warned` | warnings of what is served, for the log |
//! | `ended` | rollbacks that end with what is committed: pure |
//! | `commit` | one round's way into the store |
//! | `write` | what is written that is no source's |
//! | `start`, `task` | the task around all of it |
//!
//! A rejected resource changes nothing: what was last good of its key stays, and the rest of its file is taken in. Content
//! that is the same makes no commit. One commit is in flight; receiving goes on beside it.

mod commit;
pub(crate) mod criteria;
mod debounce;
pub(crate) mod ended;
mod guard;
pub(crate) mod judge;
mod merge;
mod notes;
mod plan;
mod retired;
mod start;
#[cfg(test)]
pub(crate) mod states;
mod stats;
mod task;
mod verdicts;
mod warned;
mod write;

use std::{collections::HashMap, sync::Arc, time::Duration};

pub use mainsheet_api::time::Now;
use mainsheet_api::{limits::WRITES_WAITING_MAX, resource::SourceName, time::Clock, validate};
use mainsheet_cache::Cache;
use tokio::sync::{mpsc, oneshot, watch};

use self::{criteria::Criteria, write::Job};
pub use self::{
    guard::{GuardRule, Hold},
    start::Intake,
    stats::{IntakeStats, Step},
    verdicts::{REJECTED_PREFIX, RejectedCandidate, Verdicts},
    write::{Planned, Planner, WriteError, Written},
};
use crate::{leases::Leases, readiness::Readiness, source::Batch};

/// Batches between the sources and the intake, which empties them into its map at once: room for a burst.
const BATCHES_LEN_MAX: usize = 256;

/// How the intake behaves.
#[derive(Clone, Debug)]
pub struct IntakeOptions {
    /// How long a namespace must be quiet before its changes are taken in.
    pub quiet: Duration,
    /// How long a namespace that never is waits at most.
    pub delay_max: Duration,
    /// How long the shrink guard holds removals.
    pub guard_hold: Duration,
    /// What happens then.
    pub guard: GuardRule,
    /// The namespace whose validation rules are about every namespace.
    pub root_namespace: String,
    /// How long what a source tells lives; as long as it says, where it is not named.
    pub lifetimes: HashMap<SourceName, Lifetime>,
    /// Sources whose documents of access count.
    pub authorities: Arc<[SourceName]>,
    /// What the rules of validation weigh.
    pub validation: validate::Options,
}

/// How long what a source tells lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lifetime {
    /// As long as it says itself; what does not say has no end.
    #[default]
    Said,
    /// As long as it says itself, or else this long.
    SaidOr(Duration),
    /// As long as the server that it comes from has it. Its leases are renewed there, which changes nothing here.
    Upstream,
}

impl Default for IntakeOptions {
    fn default() -> Self {
        Self {
            quiet: Duration::from_millis(100),
            delay_max: Duration::from_secs(1),
            guard_hold: Duration::from_secs(60),
            guard: GuardRule::Proceed,
            root_namespace: "istio-system".to_owned(),
            lifetimes: HashMap::new(),
            authorities: Arc::default(),
            validation: validate::Options::default(),
        }
    }
}

impl IntakeOptions {
    /// How long held removals are held, for people.
    fn hold_text(&self) -> String {
        match self.guard {
            GuardRule::Proceed => {
                format!("for {} s, unless the source has them again", self.guard_hold.as_secs())
            }
            GuardRule::Stay => {
                "until the source has them again, `mainsheet confirm`, or guard-mode is proceed".to_owned()
            }
        }
    }
}

/// What the intake is connected to.
pub struct IntakeParts {
    /// Where it commits, and reads what its sources' layers hold.
    pub cache: Cache,
    /// Times debounces and holds, and dates commits.
    pub clock: Arc<dyn Clock>,
    /// Awaits every source that never told everything into this store.
    pub readiness: Readiness,
    /// The configured sources. What the store holds of any other is removed once each of these has told everything, but
    /// for the layers of rollbacks and of the API, which are always there.
    pub sources: Vec<SourceName>,
    /// What lives as long as it is renewed, or written again.
    pub leases: Leases,
}

/// What others do with the intake. Cloning shares it.
#[derive(Clone)]
pub struct IntakeHandle {
    /// Where sources send.
    pub batches: mpsc::Sender<Batch>,
    /// Counters and gauges.
    pub stats: Arc<IntakeStats>,
    /// What is rejected now.
    pub verdicts: Verdicts,
    /// What the shrink guard holds now.
    pub holds: watch::Receiver<Vec<Hold>>,
    /// Changes when every source is to tell everything again, because it is judged by other rules now.
    pub retell: watch::Receiver<()>,
    writes: mpsc::Sender<Box<dyn Job>>,
    criteria: watch::Receiver<Criteria>,
    confirmations: mpsc::Sender<Confirmation>,
    /// How the intake behaves. What changes while it runs is its times, and the rule of its guard.
    pub(crate) options: watch::Sender<IntakeOptions>,
}

impl IntakeHandle {
    /// Says that the removals that are held of a source are meant. Returns what was held once that is removed.
    ///
    /// # Errors
    /// Where the intake ends before: nothing was removed, or nobody knows.
    pub async fn confirm(&self, source: SourceName) -> Result<Vec<Hold>, WriteError> {
        let (reply, answer) = oneshot::channel();
        let confirmation = Confirmation { source, reply };
        self.confirmations.send(confirmation).await.map_err(|_| WriteError::Stopped)?;
        answer.await.map_err(|_| WriteError::Interrupted)
    }

    /// How long removals are held now; until they are confirmed where there is none.
    pub(crate) fn guard_hold(&self) -> Option<Duration> {
        let options = self.options.borrow();
        (options.guard == GuardRule::Proceed).then_some(options.guard_hold)
    }

    /// What documents are judged by now.
    pub(crate) fn criteria(&self) -> Criteria {
        self.criteria.borrow().clone()
    }
}

/// Somebody says that what is held of a source is meant, and waits for it to be made.
struct Confirmation {
    source: SourceName,
    reply: oneshot::Sender<Vec<Hold>>,
}

impl Confirmation {
    fn answer(self, held: Vec<Hold>) {
        // Whoever asked may have gone.
        let _ = self.reply.send(held);
    }
}

/// An intake, to be run by a task ([`Intake::run`]), and its handle. From here on every source is awaited.
#[must_use]
pub fn intake(parts: IntakeParts, options: IntakeOptions) -> (Intake, IntakeHandle) {
    let IntakeParts { cache, clock, readiness, sources, leases } = parts;
    let (batches, received) = mpsc::channel(BATCHES_LEN_MAX);
    let (writes, written) = mpsc::channel(WRITES_WAITING_MAX);
    let (confirmations, confirmed) = mpsc::channel(1);
    let (holds, held) = watch::channel(Vec::new());
    let (retell, told_again) = watch::channel(());
    let (criteria, judged_by) = watch::channel(task::criteria(&cache.snapshot(), &options));
    let (changing, changed_options) = watch::channel(options.clone());
    let stats = Arc::<IntakeStats>::default();
    let verdicts = verdicts::VerdictsWriter::default();
    let handle = IntakeHandle {
        batches,
        stats: Arc::clone(&stats),
        verdicts: verdicts.reader(),
        holds: held,
        retell: told_again,
        writes,
        criteria: judged_by,
        confirmations,
        options: changing,
    };
    let awaited = sources
        .into_iter()
        .map(|source| (source.clone(), readiness.guard(format!("source {source}"))))
        .collect();
    let intake = Intake {
        cache,
        leases,
        clock,
        stats,
        batches: received,
        writes: written,
        confirmations: confirmed,
        holds,
        retell,
        criteria,
        awaited,
        verdicts,
        notes: notes::HoldNotes::default(),
        options,
        changed_options,
    };
    (intake, handle)
}
