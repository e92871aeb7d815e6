//! Responses that the client has not answered yet, and for how long they are waited for (rule 84).

use std::{
    collections::{BTreeSet, VecDeque},
    ops::Range,
    sync::Arc,
};

use crate::{
    limits::{ACK_GRACE, ORDER_GRACE},
    planted::{self, Fault},
    time::Uptime,
    version::{Nonce, Revision},
    wire::Entry,
    xds::catalog::Difference,
};

/// One response, as far as its ACK or NACK needs it.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) nonce: Nonce,
    pub(super) version: String,
    pub(super) revision: Revision,
    pub(super) members: Members,
    /// Which state of the session the client has reached with it; 0 where more is to come.
    pub(super) reaches: u64,
    /// Whether a newer state waits for its answer.
    pub(super) is_awaited: bool,
    /// Whether it said nothing new.
    pub(super) is_heartbeat: bool,
}

/// What was in a response: a place in a shared difference, or nothing that needs remembering.
#[derive(Debug, Default)]
pub(super) struct Members {
    pub(super) step: Arc<Difference>,
    pub(super) changed: Range<usize>,
    pub(super) removed: Range<usize>,
}

impl Members {
    pub(super) fn entries(&self) -> &[Entry] {
        &self.step.changed[self.changed.clone()]
    }

    pub(super) fn removed(&self) -> &[Arc<str>] {
        &self.step.removed[self.removed.clone()]
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.entries().iter().map(|entry| &entry.name).chain(self.removed())
    }
}

/// Whether a client is waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Patience {
    /// It answers, as far as is known.
    #[default]
    Waits,
    /// It let a grace time pass: not waited for until it answers something.
    Lost,
    /// Clients may well never answer this type (MeshConfig).
    Never,
}

/// Superseded responses whose late answers are still understood. A client that never answers must not fill memory.
const LATE_LEN_MAX: usize = 16;

/// An ACK or NACK, attributed.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) response: Response,
    /// Names that were sent again since; what became of them does not follow from this answer.
    pub(super) resent: BTreeSet<Arc<str>>,
}

/// The responses of one sub-stream without an answer: those of the newest step are waited for, and older ones that were
/// given up may still be answered late.
#[derive(Debug, Default)]
pub(super) struct Unanswered {
    responses: VecDeque<Response>,
    since: Uptime,
    patience: Patience,
}

impl Unanswered {
    pub(super) fn new(patience: Patience) -> Self {
        Self { patience, ..Self::default() }
    }

    /// A response was sent. The first of a new step ends the wait for whatever went before.
    pub(super) fn sent(&mut self, response: Response, starts_step: bool, now: Uptime) {
        if starts_step {
            self.supersede();
        }
        self.responses.push_back(response);
        self.since = now;
    }

    /// A heartbeat was sent: nobody waits for its answer, and only that of the newest one is understood.
    pub(super) fn beat(&mut self, response: Response) {
        self.responses.retain(|earlier| !earlier.is_heartbeat);
        self.responses.push_back(response);
    }

    fn supersede(&mut self) {
        if self.waits() {
            self.patience = Patience::Lost;
        }
        self.responses.iter_mut().for_each(|response| response.is_awaited = false);
        let excess = self.responses.len().saturating_sub(LATE_LEN_MAX);
        self.responses.drain(..excess);
    }

    /// The response of this nonce, if it has no answer yet. A client answers in order: those sent before it are not
    /// going to be answered any more.
    pub(super) fn settle(&mut self, nonce: &str) -> Option<Answered> {
        if self.patience == Patience::Lost {
            self.patience = Patience::Waits;
        }
        let index = self
            .responses
            .iter()
            .position(|response| response.nonce.0 == nonce || planted::is(Fault::AnyNonce))?;
        let response = self.responses.drain(..=index).next_back()?;
        let resent = self.responses.iter().flat_map(|later| later.members.names().cloned()).collect();
        Some(Answered { response, resent })
    }

    /// Resources and names of responses that only this client's answer is waited for.
    pub(super) fn kept_len(&self) -> usize {
        self.responses
            .iter()
            .map(|response| 1 + response.members.changed.len() + response.members.removed.len())
            .sum()
    }

    /// Names of all resources that are perhaps still on their way.
    pub(super) fn changed_names(&self) -> impl Iterator<Item = &Arc<str>> {
        let entries = self.responses.iter().flat_map(|response| response.members.entries());
        entries.map(|entry| &entry.name)
    }

    /// Whether every response that says something was answered.
    pub(super) fn is_empty(&self) -> bool {
        self.responses.iter().all(|response| response.is_heartbeat)
    }

    /// No answer will come any more.
    pub(super) fn give_up(&mut self) {
        self.responses.clear();
        self.patience = Patience::Never;
    }

    /// Until when a newer state of this type has to wait.
    pub(super) fn blocks_until(&self) -> Option<Uptime> {
        (self.waits() && !planted::is(Fault::NoAnswerAwaited)).then(|| self.since.after(ACK_GRACE))
    }

    /// Until when pushes of types that may refer to this one have to wait, if this one has something to say.
    pub(super) fn holds_others_until(&self) -> Option<Uptime> {
        self.waits().then(|| self.since.after(ORDER_GRACE))
    }

    /// Whether an answer is waited for.
    pub(super) fn waits(&self) -> bool {
        self.patience == Patience::Waits && self.responses.iter().any(|response| response.is_awaited)
    }
}
