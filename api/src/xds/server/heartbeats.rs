//! Heartbeats: what keeps resources with a time to live alive at the client (rule 73). They are no pushes: they say nothing
//! new, wait for nothing, and nothing waits for their answers (rule 75).
//!
//! Times to live are beaten for in classes, so that what a stream keeps does not grow with its resources, and what is due
//! goes together.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::BytesMut;

use super::{Push, ServerSession, answer::LastSent, push};
use crate::{
    time::Uptime,
    version::{Nonce, ResourceVersion},
    wire::put_heartbeat,
    xds::catalog::{Catalog, Shared},
};

/// Heartbeats in each time to live, at least: two may get lost or late.
const BEATS_PER_TTL: u32 = 3;

/// When a sub-stream's resources need a heartbeat.
#[derive(Debug)]
pub(super) struct Heartbeats {
    /// Whether the client understands times to live. There are no heartbeats for one that does not.
    pub(super) carries_ttl: bool,
    /// The newest response that was none.
    pub(super) last_sent: Option<LastSent>,
    /// When the next one of each class is due; nothing where the client holds no time to live.
    due: BTreeMap<Class, Uptime>,
    /// The client holds resources from an older stream, and nobody knows since when it has not heard of them.
    is_urgent: bool,
    /// Not sent yet, of those that are due.
    ready: Vec<Shared>,
}

/// Milliseconds between heartbeats: a power of two, so that there are few classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Class(u64);

impl Class {
    /// Of a time to live.
    pub(super) fn of(ttl: Duration) -> Self {
        let millis = u64::try_from((ttl / BEATS_PER_TTL).as_millis()).unwrap_or(u64::MAX).max(1);
        Self(1 << millis.ilog2())
    }

    fn interval(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

/// One resource that the client is to go on using.
#[derive(Debug)]
pub(super) struct Heartbeat {
    pub(super) name: Arc<str>,
    /// In which the client has it.
    pub(super) version: ResourceVersion,
    pub(super) ttl: Duration,
}

impl Heartbeats {
    pub(super) fn new(carries_ttl: bool) -> Self {
        Self { carries_ttl, last_sent: None, due: BTreeMap::new(), is_urgent: false, ready: Vec::new() }
    }

    /// The client holds, or is about to be sent, resources of just these times to live.
    pub(super) fn look(&mut self, ttls: impl IntoIterator<Item = Duration>, now: Uptime) {
        let before = std::mem::take(&mut self.due);
        let is_urgent = std::mem::take(&mut self.is_urgent);
        for class in ttls.into_iter().map(Class::of) {
            let first = if is_urgent { now } else { now.after(class.interval()) };
            self.due.entry(class).or_insert_with(|| before.get(&class).copied().unwrap_or(first));
        }
    }

    /// The client holds resources from an older stream.
    pub(super) fn hurry(&mut self) {
        self.is_urgent = true;
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Uptime> {
        self.due.values().min().copied()
    }

    /// Takes the classes that are due.
    pub(super) fn take_due(&mut self, now: Uptime) -> Vec<Class> {
        let due = self.due.iter_mut().filter(|(_, due)| **due <= now);
        let taken = due.map(|(class, due)| {
            *due = now.after(class.interval());
            *class
        });
        taken.collect()
    }

    /// These are to be sent, one response each.
    pub(super) fn prepare(&mut self, ready: Vec<Shared>) {
        self.ready = ready;
        self.ready.reverse();
    }

    /// What is to be sent next.
    pub(super) fn pop(&mut self) -> Option<Shared> {
        self.ready.pop()
    }
}

impl<C: Catalog> ServerSession<C> {
    /// Tells the client to go on using what it has, where that is due. Ahead of what is new, which may be much.
    pub(super) fn heartbeat(&mut self, now: Uptime) -> Option<Push> {
        if self.is_half_closed || !self.carries_ttl {
            return None;
        }
        let mut substreams = self.substreams.iter_mut();
        let (substream, (last, resources)) =
            substreams.find_map(|substream| substream.heartbeat(now).map(|beat| (substream, beat)))?;
        self.responses += 1;
        let nonce = Nonce(self.responses.to_string());
        let of = (substream.type_url(), &nonce);
        let push = push::heartbeat(self.variant, &self.control_plane, of, (&last, &resources));
        substream.beat(last, nonce);
        Some(push)
    }
}

/// Heartbeats as `resources` of delta responses, cut as pages are.
pub(super) fn pages(heartbeats: &[Heartbeat], bytes_max: usize) -> Vec<Shared> {
    let mut pages: Vec<(BytesMut, usize)> = Vec::new();
    for heartbeat in heartbeats {
        let mut own = BytesMut::new();
        put_heartbeat(&mut own, (&heartbeat.name, &heartbeat.version), heartbeat.ttl);
        match pages.last_mut() {
            Some((page, count)) if page.len() + own.len() <= bytes_max => {
                page.extend_from_slice(&own);
                *count += 1;
            }
            _ => pages.push((own, 1)),
        }
    }
    let shared =
        |(page, count): (BytesMut, usize)| Shared { len: page.len(), count, pieces: vec![page.freeze()] };
    pages.into_iter().map(shared).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{TTL_MAX, TTL_MIN};

    /// rule 73
    #[test]
    fn beats_come_at_least_three_times_in_a_ttl_and_in_few_classes() {
        for ttl in [TTL_MIN, Duration::from_millis(1500), Duration::from_secs(30), TTL_MAX] {
            let interval = Class::of(ttl).interval();
            assert!(interval * 3 <= ttl && ttl < interval * 7, "{ttl:?}: {interval:?}");
        }
        let classes: std::collections::BTreeSet<_> =
            (1..100_000).map(|seconds| Class::of(Duration::from_secs(seconds))).collect();
        assert!(classes.len() < 20, "{}", classes.len());
    }

    #[test]
    fn class_keeps_its_time_while_others_come_and_go() {
        let seconds = |number: u64| Uptime(Duration::from_secs(number));
        let mut heartbeats = Heartbeats::new(true);
        assert_eq!(heartbeats.next(), None);
        let (short, long) = (Duration::from_millis(3072), Duration::from_millis(48 * 1024));
        heartbeats.look([long], seconds(0));
        assert_eq!(heartbeats.next(), Some(Uptime(Class::of(long).interval())));
        heartbeats.look([long, short], seconds(1));
        assert_eq!(heartbeats.take_due(seconds(3)), [Class::of(short)]);
        heartbeats.look([long], seconds(4));
        assert_eq!(heartbeats.next(), Some(Uptime(Class::of(long).interval())));
        heartbeats.look([], seconds(5));
        assert_eq!(heartbeats.next(), None);
        heartbeats.hurry();
        heartbeats.look([long], seconds(6));
        assert_eq!(heartbeats.take_due(seconds(6)), [Class::of(long)]);
    }
}
