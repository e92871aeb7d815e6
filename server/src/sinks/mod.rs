//! What is known of the clients: who is connected, what each asked for, what it was sent and what it holds. Each stream
//! has one writer; whatever inspects reads only this.

mod commit_times;
pub mod pins;
mod sink;

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use dashmap::DashMap;
use mainsheet_api::{
    time::{Clock, Timestamp, Uptime},
    version::Revision,
    xds::Variant,
};

use crate::{auth::Caller, metrics::Metrics};
use commit_times::CommitTimes;
use pins::{Pinned, SinkPins};
pub use sink::{Acked, Nacked, Sent, Sink, SinkWriter, Subscription, SyncState, TypeState};

/// One stream. Several may have the same node id, so that is not what they are told apart by (rule 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

/// The other end of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Who it is, and where it connects from.
    pub caller: Caller,
    /// What it speaks.
    pub variant: Variant,
}

/// One moment, on both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// For intervals.
    pub uptime: Uptime,
    /// For people.
    pub wall: Timestamp,
}

impl Moment {
    /// Now.
    pub fn of(clock: &dyn Clock) -> Self {
        Self { uptime: clock.uptime(), wall: clock.wall() }
    }
}

/// Every stream that is open.
#[derive(Debug)]
pub struct Sinks {
    open: DashMap<StreamId, Arc<Sink>>,
    last_id: AtomicU64,
    newest: AtomicU64,
    times: Mutex<CommitTimes>,
    pins: SinkPins,
    metrics: Arc<Metrics>,
}

impl Sinks {
    /// None is open yet.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self {
            open: DashMap::new(),
            last_id: AtomicU64::new(0),
            newest: AtomicU64::new(0),
            times: Mutex::default(),
            pins: SinkPins::new(Arc::clone(&metrics)),
            metrics,
        })
    }

    /// A stream was opened. It stays in the registry as long as the writer lives.
    #[must_use]
    pub fn open(self: &Arc<Self>, peer: Peer, now: Moment) -> SinkWriter {
        let id = StreamId(self.last_id.fetch_add(1, Ordering::Relaxed) + 1);
        self.metrics.streams(peer.variant).inc();
        let sink = Arc::new(Sink::new(id, peer, now.wall));
        self.open.insert(id, Arc::clone(&sink));
        SinkWriter::new(Arc::clone(self), sink)
    }

    fn close(&self, sink: &Sink) {
        self.open.remove(&sink.id);
        self.metrics.streams(sink.peer.variant).dec();
    }

    /// A revision can be seen by streams from now on; `committed` is when its commit was begun, where that is known. Who
    /// says it first counts; every stream says it, so the others pay one comparison.
    pub fn on_published(&self, revision: Revision, committed: Option<Timestamp>, now: Moment) {
        if self.newest.load(Ordering::Acquire) < revision.0 {
            self.times().published(revision, committed, now);
            // Only now: whoever finds it noted may count on it.
            self.newest.fetch_max(revision.0, Ordering::Release);
        }
    }

    /// Every open stream, the oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Sink>> {
        let mut all: Vec<_> = self.open.iter().map(|entry| Arc::clone(entry.value())).collect();
        all.sort_by_key(|sink| sink.id);
        all
    }

    /// What sinks are pinned to, whether or not a stream of theirs is open.
    #[must_use]
    pub fn pins(&self) -> &SinkPins {
        &self.pins
    }

    /// What the sink of this stream is pinned to.
    #[must_use]
    pub fn pins_on(&self, sink: &Sink) -> Vec<Pinned> {
        sink.sink_id().map(|sink| self.pins.of(sink)).unwrap_or_default()
    }

    /// How many are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether none is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    fn times(&self) -> std::sync::MutexGuard<'_, CommitTimes> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
