//! A network that delays, partitions, and closes connections half-way: pipes with a queue of segments each, which one task
//! delivers in the order of their times.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_util::future::BoxFuture;
use mainsheet_server::network::{Network, Port, Wire};
use mainsheet_sink::Connector;
use tokio::sync::Notify;

use super::{
    check::foreign::Scanner,
    dial::Dialer,
    dice::Dice,
    journal::Journal,
    lane::{Lane, Segment},
    stream::{Side, SimStream},
    timeline::{Phase, Timeline},
};

/// The network of one history. Cloning shares it.
#[derive(Clone)]
pub(super) struct Net {
    pub(super) timeline: Timeline,
    pub(super) journal: Journal,
    seed: u64,
    inner: Arc<Mutex<Inner>>,
    earlier: Arc<Notify>,
}

/// How the lines are, in milliseconds and bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) latency: (u64, u64),
    pub(super) bytes_per_ms: u64,
    /// What may be under way; whoever writes more waits.
    pub(super) window: usize,
}

#[derive(Default)]
pub(super) struct Inner {
    ports: BTreeMap<SocketAddr, Bound>,
    pub(super) wires: Vec<Pair>,
    /// When, on which wire (by who opened it, and the how manieth it is), which way.
    due: BTreeSet<(u64, u64, usize, usize)>,
    /// Who can't reach anybody, each way, and until when.
    partitions: BTreeMap<(u32, usize), u64>,
    opened: BTreeMap<u32, u32>,
}

#[derive(Default)]
struct Bound {
    waiting: VecDeque<(SimStream, SocketAddr)>,
    waker: Option<Waker>,
}

/// Both ways of one connection: to the server, and to the client.
pub(super) struct Pair {
    pub(super) client: u32,
    pub(super) server: SocketAddr,
    key: u64,
    pub(super) lanes: [Lane; 2],
    pub(super) is_over: bool,
}

/// How a connection is broken.
#[derive(Clone, Copy, Debug)]
pub(super) enum Break {
    /// Both ends learn of it at once.
    Reset,
    /// The client gets a part of what is on its way to it, and then nothing more comes.
    HalfWay,
    /// Nobody learns of it: nothing passes any more.
    Silent,
}

pub(super) const UP: usize = 0;
pub(super) const DOWN: usize = 1;

impl Net {
    pub(super) fn new(seed: u64, timeline: Timeline, journal: Journal) -> Self {
        Self { timeline, journal, seed, inner: Arc::default(), earlier: Arc::default() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Delivers what is due, for ever.
    pub(super) async fn run(self) {
        loop {
            let next = self.lock().due.first().map(|(at, ..)| *at);
            let wait = async {
                match next {
                    Some(at) => self.timeline.until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = self.earlier.notified() => {}
                () = wait => self.deliver(),
            }
        }
    }

    fn deliver(&self) {
        let now = self.timeline.now();
        let mut inner = self.lock();
        while let Some(next) = inner.due.first().copied().filter(|(at, ..)| *at <= now) {
            inner.due.remove(&next);
            let (_, key, wire, way) = next;
            let client = inner.wires[wire].client;
            if let Some(until) = inner.partitions.get(&(client, way)).copied().filter(|until| *until > now) {
                inner.due.insert((until, key, wire, way));
                continue;
            }
            let end = inner.wires[wire].lanes[way].arrive(now);
            if end {
                // Whoever closed reads no more either.
                inner.wires[wire].lanes[1 - way].refuse();
                inner.wires[wire].is_over = true;
            }
            if let Some(at) = inner.wires[wire].lanes[way].next_due() {
                inner.due.insert((at.max(now + 2), key, wire, way));
            }
        }
    }

    /// Puts a segment on its way.
    pub(super) fn send(&self, inner: &mut Inner, (wire, way): (usize, usize), segment: Segment) {
        let pair = &mut inner.wires[wire];
        let (at, is_first) = pair.lanes[way]
            .put(segment, self.timeline.now(), |delay| self.timeline.next(Phase::Network, delay));
        if is_first {
            let is_earliest = inner.due.first().is_none_or(|(first, ..)| at < *first);
            inner.due.insert((at, pair.key, wire, way));
            if is_earliest {
                self.earlier.notify_one();
            }
        }
    }

    /// Opens a connection, where somebody listens.
    pub(super) async fn dial(&self, dialer: Dialer, to: SocketAddr) -> io::Result<SimStream> {
        let mut dice = self.wire_dice(&dialer);
        let there = dice.millis(dialer.line.latency.0, dialer.line.latency.1);
        self.timeline.pause(Phase::Network, there).await;
        loop {
            let now = self.timeline.now();
            let until =
                (0..2).filter_map(|way| self.lock().partitions.get(&(dialer.client, way)).copied()).max();
            match until.filter(|until| *until > now) {
                Some(until) => self.timeline.until(until).await,
                None => break,
            }
        }
        let mut inner = self.lock();
        let number = inner.opened.entry(dialer.client).or_default();
        *number += 1;
        let key = u64::from(dialer.client) << 32 | u64::from(*number);
        let network = if dialer.is_near { 127 } else { 10 };
        let host = u8::try_from(dialer.client % 250).unwrap_or(0);
        let peer = SocketAddr::from(([network, 1, 0, host], 40_000));
        let wire = inner.wires.len();
        let Some(port) = inner.ports.get_mut(&to) else {
            self.journal.note("refused", || format!("{}: nobody listens at {to}", dialer.name));
            return Err(io::ErrorKind::ConnectionRefused.into());
        };
        let stream = |side| SimStream::new(self.clone(), wire, side);
        port.waiting.push_back((stream(Side::Server), peer));
        port.waker.take().into_iter().for_each(Waker::wake);
        let lane = |way: &str, scanner| {
            Lane::new(dialer.line, Dice::of(self.seed, &format!("{}/{key}/{way}", dialer.name)), scanner)
        };
        let scanner = dialer.sees.clone().map(|sees| Scanner::new(dialer.name.clone(), sees));
        let lanes = [lane("up", None), lane("down", scanner)];
        inner.wires.push(Pair { client: dialer.client, server: to, key, lanes, is_over: false });
        drop(inner);
        self.journal.note("connect", || format!("{} to {to}", dialer.name));
        Ok(stream(Side::Client))
    }

    fn wire_dice(&self, dialer: &Dialer) -> Dice {
        let number = self.lock().opened.get(&dialer.client).copied().unwrap_or(0);
        Dice::of(self.seed, &format!("{}/dial/{number}", dialer.name))
    }

    /// Breaks the connections that `which` says. Returns how many.
    pub(super) fn break_where(&self, how: Break, which: impl Fn(&Pair) -> bool) -> usize {
        let now = self.timeline.now();
        let mut inner = self.lock();
        let mut broken = 0;
        for pair in inner.wires.iter_mut().filter(|pair| !pair.is_over && which(pair)) {
            broken += 1;
            pair.is_over = true;
            match how {
                Break::Reset => pair.lanes.iter_mut().for_each(Lane::reset),
                Break::HalfWay => {
                    pair.lanes[DOWN].truncate(now);
                    pair.lanes[UP].reset();
                }
                Break::Silent => pair.lanes.iter_mut().for_each(Lane::swallow),
            }
        }
        broken
    }

    /// Nothing passes from or to a client for a while.
    pub(super) fn part(&self, client: u32, ways: &[usize], duration: Duration) {
        let until = self.timeline.next(Phase::Network, duration);
        let mut inner = self.lock();
        inner.partitions.extend(ways.iter().map(|way| ((client, *way), until)));
    }

    /// Everything passes again.
    pub(super) fn heal(&self) {
        let mut inner = self.lock();
        let now = self.timeline.next(Phase::Network, Duration::ZERO);
        for until in inner.partitions.values_mut() {
            *until = now.min(*until);
        }
        let waiting: Vec<_> = inner.due.iter().filter(|(at, ..)| *at > now).copied().collect();
        for (at, key, wire, way) in waiting {
            let due = inner.wires[wire].lanes[way].next_due().unwrap_or(now).max(now);
            inner.due.remove(&(at, key, wire, way));
            inner.due.insert((due, key, wire, way));
        }
        self.earlier.notify_one();
    }

    /// Ends a port, as when its process is gone: nobody listens, and all its connections are reset.
    pub(super) fn unplug(&self, address: SocketAddr) {
        let bound = self.lock().ports.remove(&address);
        // Not under the lock, which whoever waits in it takes as it goes.
        drop(bound);
        self.break_where(Break::Reset, |pair| pair.server == address);
    }

    /// Connections to an address that are not over.
    pub(super) fn open_to(&self, server: SocketAddr) -> usize {
        self.lock().wires.iter().filter(|pair| pair.server == server && !pair.is_over).count()
    }

    /// Of every byte that passed, with its time, wire by wire.
    pub(super) fn digest(&self) -> u64 {
        let inner = self.lock();
        let mut wires: Vec<(u64, [u64; 2])> = inner
            .wires
            .iter()
            .map(|pair| (pair.key, [pair.lanes[UP].digest(), pair.lanes[DOWN].digest()]))
            .collect();
        wires.sort_unstable();
        wires.iter().fold(0, |sum: u64, (key, [up, down])| {
            sum.rotate_left(7).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ key ^ up.rotate_left(1) ^ down
        })
    }

    /// How late, in milliseconds, anything came to a client.
    pub(super) fn lag(&self, client: u32) -> u64 {
        let inner = self.lock();
        let of_client = inner.wires.iter().filter(|pair| pair.client == client);
        of_client.map(|pair| pair.lanes[DOWN].lag()).max().unwrap_or(0)
    }

    /// Until when what the client says was held back by its last partition.
    pub(super) fn held_back_until(&self, client: u32) -> u64 {
        self.lock().partitions.get(&(client, UP)).copied().unwrap_or(0)
    }

    /// What the scanners of foreign bytes found.
    pub(super) fn leaks(&self) -> Vec<String> {
        self.lock().wires.iter().filter_map(|pair| pair.lanes[DOWN].leak()).collect()
    }
}

/// One host's part of the network.
pub(super) struct Host {
    pub(super) net: Net,
    /// As whom it opens connections.
    pub(super) dialer: Dialer,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("name", &self.dialer.name).finish_non_exhaustive()
    }
}

impl Network for Host {
    fn listen(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn Port>>> {
        let net = self.net.clone();
        Box::pin(async move {
            let before = net.lock().ports.insert(address, Bound::default());
            drop(before);
            Ok(Box::new(SimPort { net, address }) as Box<dyn Port>)
        })
    }

    fn connector(&self) -> Option<Connector> {
        Some(Connector::new(self.dialer.on(&self.net)))
    }
}

struct SimPort {
    net: Net,
    address: SocketAddr,
}

impl fmt::Debug for SimPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimPort").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Port for SimPort {
    fn local_addr(&self) -> SocketAddr {
        self.address
    }

    fn accept(&self) -> BoxFuture<'_, io::Result<(Wire, SocketAddr)>> {
        Box::pin(std::future::poll_fn(|cx| self.poll_accept(cx)))
    }
}

impl SimPort {
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Wire, SocketAddr)>> {
        let mut inner = self.net.lock();
        let Some(bound) = inner.ports.get_mut(&self.address) else { return Poll::Pending };
        match bound.waiting.pop_front() {
            Some((stream, peer)) => Poll::Ready(Ok((Wire::Other(Box::new(stream)), peer))),
            None => {
                bound.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// What opens connections, as a future that is boxed.
pub(super) type Opening = Pin<Box<dyn Future<Output = io::Result<SimStream>> + Send>>;
