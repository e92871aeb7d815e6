//! The pins of one sink, whatever its streams.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use mainsheet_api::{
    kind::Kind,
    limits::{PINS_PER_SINK_BYTES_MAX, PINS_PER_SINK_MAX},
    time::Uptime,
    xds::pin::{Pin, PinId, Pins},
};
use tokio::sync::watch;

use super::Pinned;

/// One sink.
#[derive(Debug, Default)]
pub(super) struct OfSink {
    /// Each with the bytes that it takes.
    pinned: BTreeMap<(Kind, Arc<str>), (Pinned, usize)>,
    bytes: usize,
    news: watch::Sender<Pins>,
    streams: usize,
    /// Since when it is known that no stream is open.
    away_since: Option<Uptime>,
}

impl OfSink {
    pub(super) fn connect(&mut self) -> watch::Receiver<Pins> {
        self.streams += 1;
        self.away_since = None;
        let mut news = self.news.subscribe();
        news.mark_changed();
        news
    }

    /// Whether nothing is left of it.
    pub(super) fn disconnect(&mut self) -> bool {
        self.streams = self.streams.saturating_sub(1);
        self.is_idle()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.streams == 0 && self.pinned.is_empty()
    }

    /// For how long it is known that it has no stream; `None` where it has one.
    pub(super) fn away_for(&mut self, now: Uptime) -> Option<Duration> {
        (self.streams == 0).then(|| now.since(*self.away_since.get_or_insert(now)))
    }

    pub(super) fn has_room(&self, pins: usize, bytes: usize) -> bool {
        self.pinned.len() + pins <= PINS_PER_SINK_MAX && self.bytes + bytes <= PINS_PER_SINK_BYTES_MAX
    }

    pub(super) fn insert(&mut self, pinned: Pinned, bytes: usize) {
        self.bytes += bytes;
        self.news.send_modify(|pins| pins.insert(pinned.pin.clone()));
        self.pinned.insert((pinned.pin.kind, Arc::clone(&pinned.pin.name)), (pinned, bytes));
    }

    /// Takes the pin of a resource away, whatever the refused version.
    pub(super) fn remove(&mut self, id: &PinId) -> Option<(Pinned, usize)> {
        let removed = self.pinned.remove(&(id.kind, Arc::clone(&id.name)))?;
        self.bytes -= removed.1;
        self.news.send_modify(|pins| drop(pins.remove(id.kind, &id.name)));
        Some(removed)
    }

    pub(super) fn has(&self, id: &PinId) -> bool {
        let pinned = self.pinned.get(&(id.kind, Arc::clone(&id.name)));
        pinned.is_some_and(|(pinned, _)| pinned.pin.refused == id.refused)
    }

    pub(super) fn pins(&self) -> impl Iterator<Item = &Pin> {
        self.pinned.values().map(|(pinned, _)| &pinned.pin)
    }

    pub(super) fn pinned(&self) -> Vec<Pinned> {
        self.pinned.values().map(|(pinned, _)| pinned.clone()).collect()
    }
}
