//! Who is connected, and who may be: counts and rates, of all clients together and of those of one address.
//!
//! Pure: it is told the time, and what the limits are by now.

use std::{collections::BTreeMap, time::Duration};

use mainsheet_api::{limits::CONNECTION_BURST_SECONDS, time::Uptime};

use super::{Limits, limit::Limit, peer::PeerGroup, queue::Queue, token_bucket::Rate};

/// Which limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reached {
    pub(super) limit: Limit,
    pub(super) max: usize,
    /// In how long there will be room, where that can be told.
    pub(super) turn: Option<Duration>,
}

impl Reached {
    fn of(limit: Limit, max: usize) -> Self {
        Self { limit, max, turn: None }
    }
}

/// Connections and streams, and of whom they are.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    connections: usize,
    streams: usize,
    arrivals: Queue,
    /// Those with connections, and those whose last is gone for less than they take to be as good as new: as many as come
    /// in a burst at most, because an entry is only made for a connection that is let in.
    peers: BTreeMap<PeerGroup, Peer>,
    /// How many there are before the next look for those that can go.
    sweep_at: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Peer {
    connections: usize,
    streams: usize,
    arrivals: Queue,
}

impl Peer {
    fn is_forgettable(&self, now: Uptime) -> bool {
        self.connections == 0 && self.streams == 0 && self.arrivals.is_idle(now)
    }
}

impl Ledger {
    /// A connection comes. Those of one address are looked at first, so that one which comes too often leaves the places
    /// and the turns of all to others.
    pub(super) fn connect(&mut self, group: PeerGroup, limits: &Limits, now: Uptime) -> Result<(), Reached> {
        let mut peer = self.peers.get(&group).copied().unwrap_or_default();
        if peer.connections >= limits.connections_per_peer_max {
            return Err(Reached::of(Limit::ConnectionsPerPeer, limits.connections_per_peer_max));
        }
        let per_second = limits.connections_per_second_per_peer;
        let entered = peer.arrivals.enter(Rate::with_burst_of(per_second, CONNECTION_BURST_SECONDS), now);
        if let Err(turn) = entered {
            // An entry that is there: one without has its burst before it.
            self.peers.entry(group).and_modify(|known| known.arrivals = peer.arrivals);
            return Err(Reached {
                limit: Limit::ConnectionsPerSecondPerPeer,
                max: per_second,
                turn: Some(turn),
            });
        }
        if self.connections >= limits.connections_max {
            return Err(Reached::of(Limit::Connections, limits.connections_max));
        }
        let per_second = limits.connections_per_second;
        let entered = self.arrivals.enter(Rate::with_burst_of(per_second, CONNECTION_BURST_SECONDS), now);
        if let Err(turn) = entered {
            return Err(Reached { limit: Limit::ConnectionsPerSecond, max: per_second, turn: Some(turn) });
        }
        self.connections += 1;
        peer.connections += 1;
        self.peers.insert(group, peer);
        self.sweep(now);
        Ok(())
    }

    /// A connection that was let in is gone.
    pub(super) fn disconnect(&mut self, group: PeerGroup) {
        self.connections -= 1;
        self.peers.entry(group).and_modify(|peer| peer.connections -= 1);
    }

    /// A stream is opened, on a connection that was let in.
    pub(super) fn open(&mut self, group: PeerGroup, limits: &Limits) -> Result<(), Reached> {
        let peer = self.peers.entry(group).or_default();
        if peer.streams >= limits.streams_per_peer_max {
            return Err(Reached::of(Limit::StreamsPerPeer, limits.streams_per_peer_max));
        }
        if self.streams >= limits.streams_max {
            return Err(Reached::of(Limit::Streams, limits.streams_max));
        }
        self.streams += 1;
        peer.streams += 1;
        Ok(())
    }

    /// A stream that was opened is gone.
    pub(super) fn close(&mut self, group: PeerGroup) {
        self.streams -= 1;
        self.peers.entry(group).and_modify(|peer| peer.streams -= 1);
    }

    pub(super) fn connections(&self) -> usize {
        self.connections
    }

    pub(super) fn streams(&self) -> usize {
        self.streams
    }

    /// Connections and streams of each address, those with the most connections first.
    pub(super) fn peers(&self) -> Vec<(PeerGroup, usize, usize)> {
        let here = self.peers.iter().filter(|(_, peer)| peer.connections + peer.streams > 0);
        let mut peers: Vec<_> = here.map(|(group, peer)| (*group, peer.connections, peer.streams)).collect();
        peers.sort_by_key(|(_, connections, streams)| std::cmp::Reverse((*connections, *streams)));
        peers
    }

    /// Forgets addresses, as seldom as it takes for each look to be worth it.
    fn sweep(&mut self, now: Uptime) {
        if self.peers.len() > self.sweep_at {
            self.peers.retain(|_, peer| !peer.is_forgettable(now));
            self.sweep_at = 2 * self.peers.len() + 64;
        }
    }
}

#[cfg(test)]
#[path = "ledger/tests.rs"]
mod tests;
