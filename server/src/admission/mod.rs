//! Admission control: who is let in and how much of it, so that no client, and no number of clients, takes what others
//! need. Who is over a limit is told which, and when to come back.
//!
//! | file | is |
//! |---|---|
//! | `limit` | the limits, and what is said of each, as a table |
//! | `ledger` | connections and streams, of all and of each address: counts and rates |
//! | `token_bucket`, `queue` | how many a second; turns for those who come too fast |
//! | `pace` | requests a second of one stream |
//! | `budget`, `client` | bytes that several share; those that one connection makes the server keep |
//! | `framing`, `receive` | requests under way, charged while they come |
//! | `refusal`, `throttle` | what whoever is refused is told; log lines of which there could be too many |
//! | `peer` | whom connections come from |

mod budget;
mod client;
mod framing;
mod ledger;
mod limit;
mod pace;
mod peer;
mod queue;
mod receive;
mod refusal;
mod throttle;
mod token_bucket;

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use mainsheet_api::{
    limits::{
        CLIENT_BYTES_DEFAULT, CONNECTIONS_DEFAULT, CONNECTIONS_PER_PEER_DEFAULT,
        CONNECTIONS_PER_SECOND_DEFAULT, CONNECTIONS_PER_SECOND_PER_PEER_DEFAULT, REFUSED_CONNECTIONS_MAX,
        REQUESTS_BYTES_DEFAULT, REQUESTS_PER_SECOND_DEFAULT, STREAMS_DEFAULT, STREAMS_PER_PEER_DEFAULT,
    },
    planted::{self, Fault},
    time::{Clock, Uptime},
};
use prometheus::{IntCounter, IntCounterVec};
use tonic::Status;
use tracing::warn;

use self::{
    budget::Budget,
    ledger::{Ledger, Reached},
    peer::PeerGroup,
    throttle::Throttle,
};
pub(crate) use self::{
    client::{Client, Kept},
    limit::Limit,
    pace::{Pace, Step},
    receive::Receive,
    refusal::Refusal,
};
use crate::{
    metrics::Metrics,
    places::{Place, Places},
    surroundings::Randomness,
};

/// How many there may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at one time.
    pub connections_max: usize,
    /// Of one address.
    pub connections_per_peer_max: usize,
    /// New connections a second.
    pub connections_per_second: usize,
    /// Of one address.
    pub connections_per_second_per_peer: usize,
    /// Discovery streams at one time, over all connections.
    pub streams_max: usize,
    /// Of one address.
    pub streams_per_peer_max: usize,
    /// Requests a second of one stream.
    pub requests_per_second: usize,
    /// Bytes that one connection may make the server keep.
    pub client_bytes_max: usize,
    /// Bytes of requests that are under way, over all connections.
    pub requests_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: CONNECTIONS_DEFAULT,
            connections_per_peer_max: CONNECTIONS_PER_PEER_DEFAULT,
            connections_per_second: CONNECTIONS_PER_SECOND_DEFAULT,
            connections_per_second_per_peer: CONNECTIONS_PER_SECOND_PER_PEER_DEFAULT,
            streams_max: STREAMS_DEFAULT,
            streams_per_peer_max: STREAMS_PER_PEER_DEFAULT,
            requests_per_second: REQUESTS_PER_SECOND_DEFAULT,
            client_bytes_max: CLIENT_BYTES_DEFAULT,
            requests_bytes_max: REQUESTS_BYTES_DEFAULT,
        }
    }
}

/// Who is let in. Cloning shares it.
#[derive(Clone)]
pub struct Admission(Arc<Shared>);

struct Shared {
    limits: ArcSwap<Limits>,
    clock: Arc<dyn Clock>,
    randomness: Randomness,
    refusals: IntCounterVec,
    closed_untold: IntCounter,
    ledger: Mutex<Ledger>,
    /// For connections that are only let in to be refused.
    refused: Places,
    /// Bytes of requests that are under way.
    requests: Budget,
    /// Bytes that all clients together make the server keep.
    kept: Budget,
    lines: Mutex<BTreeMap<Limit, Throttle>>,
}

/// What becomes of a connection.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// It is served.
    Admitted(ConnectionPlace),
    /// It is served as far as it takes to say why it is not.
    Refused(Status, Place),
    /// It is closed: there are too many to tell all of them.
    Closed,
}

/// The place of a connection, until it is dropped.
#[derive(Debug)]
pub(crate) struct ConnectionPlace {
    of: Admission,
    group: PeerGroup,
}

/// The place of a stream, until it is dropped.
#[derive(Debug)]
pub(crate) struct StreamPlace {
    of: Admission,
    group: PeerGroup,
}

/// How a limit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Its setting.
    pub limit: &'static str,
    /// How many there are.
    pub used: usize,
    /// How many there may be.
    pub max: usize,
}

impl Admission {
    /// Nobody is in yet.
    #[must_use]
    pub fn new(limits: Limits, clock: Arc<dyn Clock>, randomness: Randomness, metrics: &Metrics) -> Self {
        Self(Arc::new(Shared {
            limits: ArcSwap::from_pointee(limits),
            clock,
            randomness,
            refusals: metrics.refusals.clone(),
            closed_untold: metrics.closed_untold.clone(),
            ledger: Mutex::default(),
            refused: Places::default(),
            requests: Budget::default(),
            kept: Budget::default(),
            lines: Mutex::default(),
        }))
    }

    /// These hold from now on. Who is in stays in.
    pub fn change(&self, limits: Limits) {
        self.0.limits.store(Arc::new(limits));
    }

    /// Those that hold now.
    #[must_use]
    pub fn limits(&self) -> Arc<Limits> {
        self.0.limits.load_full()
    }

    /// A connection comes.
    pub(crate) fn arrive(&self, peer: SocketAddr) -> Arrival {
        let group = PeerGroup::of(peer.ip());
        let reached = self.ledger().connect(group, &self.limits(), self.now());
        let Err(reached) = reached else {
            return Arrival::Admitted(ConnectionPlace { of: self.clone(), group });
        };
        let refusal = self.reached(reached, group);
        self.note(&refusal, peer);
        // One address that is over its limit must not be why others are not told.
        let is_its_own =
            matches!(reached.limit, Limit::ConnectionsPerPeer | Limit::ConnectionsPerSecondPerPeer);
        let places = if is_its_own { REFUSED_CONNECTIONS_MAX / 2 } else { REFUSED_CONNECTIONS_MAX };
        self.tell(refusal.status(), places)
    }

    /// A connection comes that nobody serves any more.
    pub(crate) fn turn_away(&self, reason: Status) -> Arrival {
        self.tell(reason, REFUSED_CONNECTIONS_MAX)
    }

    fn tell(&self, reason: Status, places: usize) -> Arrival {
        match self.0.refused.take(places) {
            Some(place) => Arrival::Refused(reason, place),
            None => {
                self.0.closed_untold.inc();
                Arrival::Closed
            }
        }
    }

    /// A discovery stream is opened.
    pub(crate) fn open(&self, peer: SocketAddr) -> Result<StreamPlace, Refusal> {
        let group = PeerGroup::of(peer.ip());
        let reached = self.ledger().open(group, &self.limits());
        match reached {
            Ok(()) => Ok(StreamPlace { of: self.clone(), group }),
            Err(reached) => {
                let refusal = self.reached(reached, group);
                self.note(&refusal, peer);
                Err(refusal)
            }
        }
    }

    fn reached(&self, reached: Reached, group: PeerGroup) -> Refusal {
        let Reached { limit, max, turn } = reached;
        let text = match limit {
            Limit::Connections => format!("{max} connections are open, as many as are allowed"),
            Limit::ConnectionsPerPeer => {
                format!("{max} connections of {group} are open, as many as are allowed")
            }
            Limit::ConnectionsPerSecond => format!("more than {max} connections a second"),
            Limit::ConnectionsPerSecondPerPeer => format!("more than {max} connections a second of {group}"),
            Limit::StreamsPerPeer => format!("{max} streams of {group} are open, as many as are allowed"),
            _ => format!("{max} streams are open, as many as are allowed"),
        };
        let refusal = Refusal::new(limit, text, self.fraction());
        match turn {
            Some(turn) => refusal.in_turn(turn, self.fraction()),
            None => refusal,
        }
    }

    /// Refuses what goes over a limit: counts it, logs it, and says what the client is told.
    pub(crate) fn refuse(&self, limit: Limit, peer: SocketAddr, text: impl Into<String>) -> Refusal {
        let refusal = Refusal::new(limit, text, self.fraction());
        self.note(&refusal, peer);
        refusal
    }

    fn note(&self, refusal: &Refusal, peer: SocketAddr) {
        let limit = refusal.limit();
        self.0.refusals.with_label_values(&[limit.row().name]).inc();
        let line = lock(&self.0.lines).entry(limit).or_default().line(self.now());
        if let Some(withheld) = line {
            warn!(%peer, limit = limit.row().name, reason = %refusal, withheld, "refused: over a limit");
        }
    }

    /// How the limits stand of which there is something to be used up.
    #[must_use]
    pub fn usage(&self) -> Vec<Usage> {
        let limits = self.limits();
        let (connections, streams, peers) = {
            let ledger = self.ledger();
            (ledger.connections(), ledger.streams(), ledger.peers())
        };
        let most =
            |count: fn(&(PeerGroup, usize, usize)) -> usize| peers.iter().map(count).max().unwrap_or(0);
        let usage = |limit: Limit, used, max| Usage { limit: limit.row().name, used, max };
        vec![
            usage(Limit::Connections, connections, limits.connections_max),
            usage(Limit::ConnectionsPerPeer, most(|peer| peer.1), limits.connections_per_peer_max),
            usage(Limit::Streams, streams, limits.streams_max),
            usage(Limit::StreamsPerPeer, most(|peer| peer.2), limits.streams_per_peer_max),
            usage(Limit::RequestsBytes, self.0.requests.taken(), limits.requests_bytes_max),
        ]
    }

    /// How often each limit was why somebody was refused.
    #[must_use]
    pub fn refused(&self) -> Vec<(&'static str, u64)> {
        let count = |name: &'static str| (name, self.0.refusals.with_label_values(&[name]).get());
        Limit::ALL.map(|limit| count(limit.row().name)).to_vec()
    }

    /// The addresses with the most connections: how many, and how many streams.
    #[must_use]
    pub fn busiest(&self, count: usize) -> Vec<(String, usize, usize)> {
        let peers = self.ledger().peers();
        peers
            .into_iter()
            .take(count)
            .map(|(group, connections, streams)| (group.to_string(), connections, streams))
            .collect()
    }

    /// Bytes that all clients together make the server keep.
    #[must_use]
    pub fn kept_bytes(&self) -> usize {
        self.0.kept.taken()
    }

    /// Over how long the ends of so many connections are spread: they come back no faster than a server like this one
    /// lets them in.
    pub(crate) fn spread(&self, connections: usize) -> Duration {
        Duration::from_secs(1)
            .mul_f64(connections as f64 / self.limits().connections_per_second.max(1) as f64)
    }

    /// Connections that are in.
    pub(crate) fn connections(&self) -> usize {
        self.ledger().connections()
    }

    /// Evenly distributed over [0, 1).
    pub(crate) fn fraction(&self) -> f64 {
        self.0.randomness.fraction()
    }

    pub(crate) fn now(&self) -> Uptime {
        self.0.clock.uptime()
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.0.ledger)
    }
}

/// What is counted is whole after each step, whoever panics beside it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission").field("limits", &self.limits()).finish_non_exhaustive()
    }
}

impl Drop for ConnectionPlace {
    fn drop(&mut self) {
        self.of.ledger().disconnect(self.group);
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        if !planted::is(Fault::PlaceKept) {
            self.of.ledger().close(self.group);
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
