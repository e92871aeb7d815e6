//! What sinks are pinned to: shared by the streams of a sink, and kept in the status area, so that neither a new stream nor
//! a restarted server sends again what was refused.
//!
//! Sessions say which pins are to be made and which are over; here is kept what holds beyond a session.
//!
//! | file | is |
//! |---|---|
//! | `note` | pins in the status area |
//! | `of_sink` | those of one sink |
//! | `task` | writes what changed, and forgets sinks that went away |

mod note;
mod of_sink;
mod task;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use mainsheet_api::{
    limits::{PINS_AWAY_MAX, PINS_BYTES_MAX},
    time::{Timestamp, Uptime},
    view::View,
    xds::{
        catalog::Catalog,
        pin::{Pin, PinId, Pins},
    },
};
use mainsheet_cache::{StoreError, store::SharedStore};
use tokio::sync::{Notify, watch};

use crate::metrics::Metrics;
use of_sink::OfSink;
pub use task::run;

/// A sink, whatever the stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SinkId {
    /// Who it is ([`crate::auth::Caller::sink_identity`]).
    pub identity: Arc<str>,
    /// As it calls itself.
    pub node: Arc<str>,
}

/// A pin, and how it came to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Pinned {
    /// The pin.
    pub pin: Pin,
    /// What the sink said.
    pub message: Arc<str>,
    /// When it said so.
    pub at: Timestamp,
}

/// The pins of all sinks.
#[derive(Debug)]
pub struct SinkPins {
    state: Mutex<State>,
    /// Something is to be written.
    news: Notify,
    metrics: Arc<Metrics>,
}

#[derive(Debug, Default)]
struct State {
    sinks: HashMap<SinkId, OfSink>,
    /// Of all pins.
    bytes: usize,
    /// What the status area does not say yet.
    unwritten: BTreeMap<String, Option<Bytes>>,
}

impl SinkPins {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self { state: Mutex::default(), news: Notify::new(), metrics }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As an earlier process left them.
    ///
    /// # Errors
    /// Where the store can't be read.
    pub async fn load(&self, store: &SharedStore) -> Result<(), StoreError> {
        let notes = store.status(note::PREFIX).await?;
        let mut state = self.lock();
        for (key, value) in notes {
            let read = note::read(&key, value).filter(|(sink, pinned)| state.has_room(sink, &[pinned]));
            match read {
                Some((sink, pinned)) => {
                    self.metrics.pins(pinned.pin.kind).inc();
                    state.insert(&sink, pinned);
                }
                None => drop(state.unwritten.insert(key, None)),
            }
        }
        Ok(())
    }

    /// A stream of this sink was opened; what it is pinned to, as news.
    pub(super) fn connect(&self, sink: &SinkId) -> watch::Receiver<Pins> {
        self.lock().sinks.entry(sink.clone()).or_default().connect()
    }

    /// A stream of this sink was closed.
    pub(super) fn disconnect(&self, sink: &SinkId) {
        let mut state = self.lock();
        if state.sinks.get_mut(sink).is_some_and(OfSink::disconnect) {
            state.sinks.remove(sink);
        }
    }

    /// Pins a sink that said this: to all of these, or to none where there is no room.
    pub(super) fn pin(&self, sink: &SinkId, pins: &[Pin], (message, at): (&str, Timestamp)) {
        let mut state = self.lock();
        let new = pins.iter().filter(|pin| !state.has(sink, &pin.id())); // another stream may have said so before
        let message: Arc<str> = message.into();
        let pinned = |pin| Pinned { pin: of_its_own(pin), message: Arc::clone(&message), at };
        let new: Vec<Pinned> = new.map(pinned).collect();
        if new.is_empty() {
            return;
        }
        if !state.has_room(sink, &new.iter().collect::<Vec<_>>()) {
            let (node, resources) = (&sink.node, new.len());
            tracing::warn!(%node, resources, "not pinned: as many are pinned as are allowed");
            return;
        }
        for pinned in new {
            self.pin_one(&mut state, sink, pinned);
        }
        drop(state);
        self.news.notify_one();
    }

    fn pin_one(&self, state: &mut State, sink: &SinkId, pinned: Pinned) {
        let Pinned { pin, message, .. } = &pinned;
        let (kind, name) = (pin.kind.info().name, &*pin.name);
        let (refused, good) = (pin.refused.as_str(), good_version(pin));
        tracing::warn!(node = %sink.node, kind, name, refused, good, %message, "pinned: refused by the client");
        let id = pin.id();
        if state.remove(sink, &id).is_some() {
            self.metrics.pins(id.kind).dec();
        }
        state.unwritten.insert(note::key(sink, &id), Some(note::value(&pinned)));
        state.insert(sink, pinned);
        self.metrics.on_pinned(id.kind);
    }

    /// Pins of a sink are over.
    pub(super) fn end(&self, sink: &SinkId, over: &[PinId]) {
        let mut state = self.lock();
        over.iter().for_each(|id| self.end_one(&mut state, sink, id));
        drop(state);
        self.news.notify_one();
    }

    fn end_one(&self, state: &mut State, sink: &SinkId, id: &PinId) {
        if !state.has(sink, id) {
            return;
        }
        state.remove(sink, id);
        state.unwritten.insert(note::key(sink, id), None);
        self.metrics.pins(id.kind).dec();
        tracing::info!(node = %sink.node, kind = id.kind.info().name, name = %id.name, "pin is over");
    }

    /// What a sink is pinned to, by kind and name.
    #[must_use]
    pub fn of(&self, sink: &SinkId) -> Vec<Pinned> {
        self.lock().sinks.get(sink).map(OfSink::pinned).unwrap_or_default()
    }

    /// Ends what is over of sinks without a stream, and forgets those that are away for long. `is_newer`: whether there is
    /// a state that was not looked at.
    fn sweep(&self, newest: &impl Catalog, is_newer: bool, now: Uptime) {
        let mut state = self.lock();
        let mut over: Vec<(SinkId, PinId)> = Vec::new();
        for (sink, of_sink) in &mut state.sinks {
            let away = of_sink.away_for(now);
            let is_over = |pin: &Pin| away >= Some(PINS_AWAY_MAX) || is_newer && is_over(pin, newest);
            let pins = of_sink.pins().filter(|pin| away.is_some() && is_over(pin));
            over.extend(pins.map(|pin| (sink.clone(), pin.id())));
        }
        over.iter().for_each(|(sink, id)| self.end_one(&mut state, sink, id));
        state.sinks.retain(|_, of_sink| !of_sink.is_idle());
    }

    fn take_unwritten(&self) -> BTreeMap<String, Option<Bytes>> {
        std::mem::take(&mut self.lock().unwritten)
    }

    /// These could not be written.
    fn put_back(&self, notes: BTreeMap<String, Option<Bytes>>) {
        let mut state = self.lock();
        for (key, note) in notes {
            state.unwritten.entry(key).or_insert(note);
        }
    }
}

impl State {
    fn has(&self, sink: &SinkId, id: &PinId) -> bool {
        self.sinks.get(sink).is_some_and(|of_sink| of_sink.has(id))
    }

    /// Whether these may be added.
    fn has_room(&self, sink: &SinkId, new: &[&Pinned]) -> bool {
        let bytes = new.iter().map(|pinned| bytes(sink, pinned)).sum::<usize>();
        let nothing = OfSink::default();
        let of_sink = self.sinks.get(sink).unwrap_or(&nothing);
        of_sink.has_room(new.len(), bytes) && self.bytes + bytes <= PINS_BYTES_MAX
    }

    fn insert(&mut self, sink: &SinkId, pinned: Pinned) {
        let bytes = bytes(sink, &pinned);
        self.bytes += bytes;
        self.sinks.entry(sink.clone()).or_default().insert(pinned, bytes);
    }

    /// Whatever the refused version.
    fn remove(&mut self, sink: &SinkId, id: &PinId) -> Option<Pinned> {
        let (pinned, bytes) = self.sinks.get_mut(sink)?.remove(id)?;
        self.bytes -= bytes;
        Some(pinned)
    }
}

/// Whether something else than what was refused is served, as far as anybody may see.
fn is_over(pin: &Pin, newest: &impl Catalog) -> bool {
    let served = newest.get(pin.kind, &View::everything(), &pin.name);
    newest.revision() >= pin.revision && served.is_none_or(|served| served.version != pin.refused)
}

/// With bytes of its own: those that it is made of are a part of what else was served then, and would keep all of it.
fn of_its_own(pin: &Pin) -> Pin {
    let mut pin = pin.clone();
    if let Some(good) = &mut pin.good {
        good.any = Bytes::copy_from_slice(&good.any);
    }
    pin
}

/// What it is kept on, for people.
pub(crate) fn good_version(pin: &Pin) -> &str {
    pin.good.as_ref().map_or("none", |good| good.version.as_str())
}

/// Bytes that a pin takes, here and in the status area.
fn bytes(sink: &SinkId, pinned: &Pinned) -> usize {
    let Pinned { pin, message, .. } = pinned;
    let good = pin.good.as_ref().map_or(0, |good| good.any.len() + good.version.as_str().len());
    let names = sink.identity.len() + sink.node.len() + pin.name.len() + pin.refused.as_str().len();
    good + names + message.len() + size_of::<Pinned>()
}
