//! One stream's client: who it is, and for each type what it asked for, was sent, took and refused.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use mainsheet_api::{
    node::Node,
    time::{Timestamp, Uptime},
    version::{Nonce, Revision},
    xds::{
        pin::{PinId, Pins},
        server::{self, Outcome},
    },
};
use tokio::sync::watch;

use super::{Moment, Peer, Sinks, StreamId, pins::SinkId};

/// Responses of one type whose ACK is awaited for the statistics. A page of a delta is a response, so a first answer
/// of 128 MiB fits.
const AWAITED_MAX: usize = 64;

/// One stream's client.
#[derive(Debug)]
pub struct Sink {
    /// Which stream.
    pub id: StreamId,
    /// Its other end.
    pub peer: Peer,
    /// Since when.
    pub connected: Timestamp,
    node: OnceLock<(Arc<Node>, SinkId)>,
    types: Mutex<BTreeMap<Arc<str>, TypeState>>,
    told: AtomicU64,
}

/// What is known of one type on one stream.
#[derive(Clone, Debug, Default)]
pub struct TypeState {
    /// What is asked for.
    pub subscription: Subscription,
    /// The last response.
    pub sent: Option<Sent>,
    /// The last response that was taken.
    pub acked: Option<Acked>,
    /// The last response that was refused.
    pub nacked: Option<Nacked>,
    /// Since when the subscription is what it is.
    since: Uptime,
    /// Responses that count for the time from commit to ACK, and were not answered yet.
    awaited: VecDeque<(Nonce, Revision)>,
}

/// What a client asks for of a type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Subscription {
    /// All that there is.
    pub wildcard: bool,
    /// This many names.
    pub names: usize,
}

/// A response that was handed to the transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// What it said.
    pub what: server::Sent,
    /// When.
    pub at: Timestamp,
}

/// A response that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acked {
    /// Of the response.
    pub nonce: Nonce,
    /// Of the response.
    pub version: String,
    /// Of the response.
    pub revision: Revision,
    /// Names that it refused before, and was not sent anew since.
    pub still_refused: usize,
    /// When.
    pub at: Timestamp,
}

/// A response that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nacked {
    /// Of the response.
    pub nonce: Nonce,
    /// Of the response.
    pub version: String,
    /// Of the response.
    pub revision: Revision,
    /// What the client said.
    pub message: String,
    /// When.
    pub at: Timestamp,
}

/// How a client stands with a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncState {
    /// Nothing was sent yet.
    NotSent,
    /// It took the last response.
    Synced,
    /// It has not answered the last response.
    Stale,
    /// It refused the last response, or an older one of which it was not sent all anew.
    Error,
}

impl TypeState {
    /// How the client stands with it.
    #[must_use]
    pub fn sync_state(&self) -> SyncState {
        let Some(sent) = &self.sent else { return SyncState::NotSent };
        let refused_last = self.nacked.as_ref().is_some_and(|nacked| nacked.nonce == sent.what.nonce);
        let refused_some = self.acked.as_ref().is_some_and(|acked| acked.still_refused > 0);
        if refused_last || refused_some {
            SyncState::Error
        } else if self.acked.as_ref().is_some_and(|acked| acked.nonce == sent.what.nonce) {
            SyncState::Synced
        } else {
            SyncState::Stale
        }
    }

    /// The client answered the response of this nonce: which revisions are not awaited any more. A client may leave
    /// out the answer to a response when a newer one came (rule 15), so older ones are settled with it.
    fn settle(&mut self, nonce: &Nonce) -> Vec<Revision> {
        match self.awaited.iter().position(|(awaited, _)| awaited == nonce) {
            Some(place) => self.awaited.drain(..=place).map(|(_, revision)| revision).collect(),
            None => Vec::new(),
        }
    }
}

impl Sink {
    pub(super) fn new(id: StreamId, peer: Peer, connected: Timestamp) -> Self {
        Self { id, peer, connected, node: OnceLock::new(), types: Mutex::default(), told: AtomicU64::new(0) }
    }

    /// Who it says it is, once its first request came.
    #[must_use]
    pub fn node(&self) -> Option<&Node> {
        self.node.get().map(|(node, _)| &**node)
    }

    /// Which sink it is a stream of, once its first request came.
    #[must_use]
    pub fn sink_id(&self) -> Option<&SinkId> {
        self.node.get().map(|(_, sink)| sink)
    }

    /// What is known of each type, by type URL.
    #[must_use]
    pub fn types(&self) -> BTreeMap<Arc<str>, TypeState> {
        self.lock().clone()
    }

    /// The newest state of which it was told everything: of a type whose last response it took, it has everything.
    #[must_use]
    pub fn told(&self) -> Revision {
        Revision(self.told.load(Ordering::Relaxed))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, TypeState>> {
        self.types.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_type<T>(&self, type_url: &Arc<str>, change: impl FnOnce(&mut TypeState) -> T) -> T {
        change(self.lock().entry(Arc::clone(type_url)).or_default())
    }
}

/// The only writer of one [`Sink`]. Dropping it takes the stream from the registry.
#[derive(Debug)]
pub struct SinkWriter {
    sinks: Arc<Sinks>,
    sink: Arc<Sink>,
    /// What it is pinned to, once it is known who it is.
    pins: Option<watch::Receiver<Pins>>,
}

impl SinkWriter {
    pub(super) fn new(sinks: Arc<Sinks>, sink: Arc<Sink>) -> Self {
        Self { sinks, sink, pins: None }
    }

    /// What a request meant.
    pub fn record(&mut self, outcome: &Outcome, now: Moment) {
        match outcome {
            Outcome::Connected(node) => {
                let identity = self.sink.peer.caller.sink_identity().into();
                let sink = SinkId { identity, node: node.id.as_str().into() };
                self.pins = Some(self.sinks.pins.connect(&sink));
                // Given once a stream; a second one would change nothing.
                let _ = self.sink.node.set((Arc::clone(node), sink));
            }
            Outcome::Subscribed { type_url, wildcard, names } => {
                // What it asks for anew is left to be said.
                self.record_told(Revision::ZERO);
                self.sink.with_type(type_url, |state| {
                    state.subscription = Subscription { wildcard: *wildcard, names: *names };
                    state.since = now.uptime;
                });
            }
            Outcome::Acked { still_refused, type_url, nonce, version, revision } => {
                let (nonce, version) = (nonce.clone(), version.clone());
                let (revision, still_refused) = (*revision, *still_refused);
                let acked = Acked { nonce, version, revision, still_refused, at: now.wall };
                self.on_acked(type_url, acked, now.uptime);
            }
            Outcome::Nacked { type_url, nonce, version, revision, message, pins, .. } => {
                if let Some(sink) = self.sink.sink_id() {
                    self.sinks.pins.pin(sink, pins, (message, now.wall));
                }
                let (version, revision, message) = (version.clone(), *revision, message.clone());
                let nacked = Nacked { nonce: nonce.clone(), version, revision, message, at: now.wall };
                self.on_nacked(type_url, nacked);
            }
        }
    }

    /// What the sink is pinned to, where that changed since this was asked last.
    pub fn newer_pins(&mut self) -> Option<Pins> {
        let pins = self.pins.as_mut()?;
        pins.has_changed().unwrap_or(false).then(|| pins.borrow_and_update().clone())
    }

    /// News of what the sink is pinned to, once it is known who it is.
    pub fn pins_news(&self) -> Option<watch::Receiver<Pins>> {
        self.pins.clone()
    }

    /// Pins of the sink are over, as this stream sees it.
    pub fn record_ended(&self, over: &[PinId]) {
        if let Some(sink) = self.sink.sink_id()
            && !over.is_empty()
        {
            self.sinks.pins.end(sink, over);
        }
    }

    /// A revision reached this stream. Said before anything of it is sent, so that what is sent can be timed.
    pub fn record_published(&self, revision: Revision, committed: Option<Timestamp>, now: Moment) {
        self.sinks.on_published(revision, committed, now);
    }

    /// Nothing is left to be said of this state. Said after everything of it was recorded as sent.
    pub fn record_told(&self, revision: Revision) {
        self.sink.told.store(revision.0, Ordering::Relaxed);
    }

    /// A response was handed to the transport.
    pub fn record_sent(&mut self, sent: &server::Sent, now: Moment) {
        self.sinks.metrics.on_sent(sent);
        if sent.is_heartbeat {
            return;
        }
        self.sink.with_type(&sent.type_url, |state| {
            if self.sinks.times().sent(sent.revision, state.since) {
                state.awaited.push_back((sent.nonce.clone(), sent.revision));
            }
            if state.awaited.len() > AWAITED_MAX
                && let Some((_, revision)) = state.awaited.pop_front()
            {
                self.sinks.times().abandoned(revision);
            }
            state.sent = Some(Sent { what: sent.clone(), at: now.wall });
        });
    }

    fn on_acked(&self, type_url: &Arc<str>, acked: Acked, now: Uptime) {
        self.sinks.metrics.on_acked(type_url);
        let settled = self.sink.with_type(type_url, |state| {
            let settled = state.settle(&acked.nonce);
            state.acked = Some(acked);
            settled
        });
        for revision in settled {
            let answered = self.sinks.times().acked(revision, now);
            if let Some(answered) = answered {
                self.sinks.metrics.on_answered(answered.after, answered.is_last);
            }
        }
    }

    fn on_nacked(&self, type_url: &Arc<str>, nacked: Nacked) {
        self.sinks.metrics.on_nacked(type_url);
        let node = self.sink.node().map_or("", |node| node.id.as_str());
        tracing::warn!(node, %type_url, version = nacked.version, message = nacked.message, "refused by the client");
        let settled = self.sink.with_type(type_url, |state| {
            let settled = state.settle(&nacked.nonce);
            state.nacked = Some(nacked);
            settled
        });
        settled.into_iter().for_each(|revision| self.sinks.times().abandoned(revision));
    }
}

impl Drop for SinkWriter {
    fn drop(&mut self) {
        for state in self.sink.lock().values() {
            state.awaited.iter().for_each(|(_, revision)| self.sinks.times().abandoned(*revision));
        }
        if let Some(sink) = self.sink.sink_id() {
            self.sinks.pins.disconnect(sink);
        }
        self.sinks.close(&self.sink);
    }
}
