//! What happened in a history: counted always, written down where somebody wants to read it; and what checkers found.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::timeline::Timeline;

/// Which rule of docs/simulation.md was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Checker {
    /// Every honest sink holds the snapshot, as its view shows it, once all is quiet.
    Convergence,
    /// No byte of a namespace that a sink must not see is on its wire.
    Foreign,
    /// Revisions grow, what was answered is there, same content has the same version.
    Revisions,
    /// What a source told is what its layer holds; what was told as one is visible as one.
    Intake,
    /// Leases end, and not before their time.
    Leases,
    /// One unanswered response a type.
    Queues,
    /// What clients make a server keep is within its limits, and goes with them.
    Bounds,
    /// Nothing is sent twice without cause.
    Repeats,
    /// What was refused is not sent again as it is.
    Refused,
    /// A server or a task failed, other than by a fault of the history.
    Health,
}

impl fmt::Display for Checker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = format!("{self:?}").to_lowercase();
        f.write_str(&name)
    }
}

/// What a checker found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Which.
    pub checker: Checker,
    /// What is wrong.
    pub what: String,
    /// When, in milliseconds of the history.
    pub at: u64,
}

/// What happened so far. Cloning shares it.
#[derive(Clone, Debug)]
pub(super) struct Journal {
    timeline: Timeline,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    events: u64,
    counts: BTreeMap<&'static str, u64>,
    lines: Option<Vec<String>>,
    findings: Vec<Finding>,
}

/// Findings that are kept: the first is what matters.
const FINDINGS_MAX: usize = 20;

impl Journal {
    /// `is_read`: whether lines are kept.
    pub(super) fn new(timeline: Timeline, is_read: bool) -> Self {
        let state = State { lines: is_read.then(Vec::new), ..State::default() };
        Self { timeline, state: Arc::new(Mutex::new(state)) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something happened, of a sort that is counted.
    pub(super) fn note(&self, sort: &'static str, what: impl FnOnce() -> String) {
        let mut state = self.lock();
        state.events += 1;
        *state.counts.entry(sort).or_default() += 1;
        if let Some(lines) = &mut state.lines {
            lines.push(format!("{:>9.3} {sort:<10} {}", seconds(self.timeline.now()), what()));
        }
    }

    /// A checker found something.
    pub(super) fn fail(&self, checker: Checker, what: String) {
        let at = self.timeline.now();
        let mut state = self.lock();
        if let Some(lines) = &mut state.lines {
            lines.push(format!("{:>9.3} FAILED     {checker}: {what}", seconds(at)));
        }
        if state.findings.len() < FINDINGS_MAX {
            state.findings.push(Finding { checker, what, at });
        }
    }

    pub(super) fn has_failed(&self) -> bool {
        !self.lock().findings.is_empty()
    }

    /// How often something of a sort happened.
    pub(super) fn count(&self, sort: &'static str) -> u64 {
        self.lock().counts.get(sort).copied().unwrap_or(0)
    }

    /// How much happened.
    pub(super) fn events(&self) -> u64 {
        self.lock().events
    }

    /// The number of events, the lines, the findings.
    pub(super) fn finish(&self) -> (u64, Vec<String>, Vec<Finding>) {
        let mut state = self.lock();
        (state.events, state.lines.take().unwrap_or_default(), std::mem::take(&mut state.findings))
    }
}

#[allow(clippy::cast_precision_loss, reason = "for people; a history has minutes")]
fn seconds(millis: u64) -> f64 {
    millis as f64 / 1000.0
}
