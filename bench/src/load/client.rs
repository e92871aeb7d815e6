//! One client: a connection of its own, made again when it ends.

use std::{
    cell::RefCell,
    fmt,
    future::poll_fn,
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use mainsheet_api::xds::Variant;
use rand::Rng;
use tokio::{
    io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf},
    time::{sleep, timeout},
};

use super::{
    door::{Door, Wire},
    held::State,
    hpack::Said,
    ledger::{Ledger, Seen, Sight},
    reasons::Reasons,
    session::{End, Session},
};
use crate::process::now;

/// How long a connection may take to be made before it is tried again.
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);

/// How long a client waits at least and at most before it tries again: twice as long after each failure.
const RETRY_MIN: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(2);

/// How often a slow client reads.
const SLOW_TICK: Duration = Duration::from_millis(100);

/// Bytes that are read at once. All clients of a thread share the buffer: between reads they keep nothing.
const READ_BYTES: usize = 256 << 10;

thread_local! {
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into());
}

/// How a client behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Reads as fast as it can, and answers at once.
    Quick,
    /// Reads so many bytes a second.
    Slow(usize),
    /// Asks, and then neither reads nor answers.
    Mute,
}

/// What a client is told to do.
#[derive(Clone, Debug)]
pub(super) struct Orders {
    pub(super) server: Door,
    pub(super) variant: Variant,
    pub(super) behaviour: Behaviour,
    /// Bytes that it lets the server send ahead.
    pub(super) window: u32,
    pub(super) node: String,
    /// How long it stays before it comes back as a new one; for good, where there is none.
    pub(super) stay_max: Option<Duration>,
}

/// What all clients tell.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) ledger: Ledger,
    /// Why connections ended before their first answer, and after it.
    pub(super) refused: Reasons,
    pub(super) broken: Reasons,
    pub(super) received_bytes: AtomicU64,
    pub(super) responses: AtomicU64,
    /// Connections that are open and have asked.
    pub(super) open: AtomicUsize,
}

/// What one client holds at the moment; `None` before its first answer.
#[derive(Debug, Default)]
pub(super) struct Holding(Mutex<Option<State>>);

impl Holding {
    pub(super) fn get(&self) -> Option<State> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, state: Option<State>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

/// Why a connection is over.
enum Over {
    /// It was not made, or broke.
    Io(io::Error),
    Closed,
    /// What came was not understood.
    Nonsense(anyhow::Error),
    Ended(End),
    /// It stayed as long as it was to.
    Left,
}

impl fmt::Display for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::Closed => f.write_str("closed by the server"),
            Self::Nonsense(error) => write!(f, "{error:#}"),
            Self::Ended(End::Code(code)) => write!(f, "HTTP/2 error {code}"),
            Self::Ended(End::Said(Said { status, message })) => {
                write!(f, "gRPC status {}: {message}", status.unwrap_or_default())
            }
            Self::Left => f.write_str("left"),
        }
    }
}

/// Runs for ever: connects, and connects again.
pub(super) async fn run(orders: Orders, told: Arc<Told>, holding: Arc<Holding>) {
    let mut seen = match orders.behaviour {
        Behaviour::Quick => Seen::default(),
        Behaviour::Slow(_) | Behaviour::Mute => Seen::untimed(),
    };
    let mut failures = 0;
    loop {
        let over = stay(&orders, (&told, &holding), &mut seen).await;
        let was_answered = holding.get().is_some();
        holding.set(None);
        if was_answered || matches!(orders.behaviour, Behaviour::Mute) {
            told.ledger.skip(&mut seen);
            failures = 0;
        }
        match over {
            Over::Left => continue,
            over if was_answered => told.broken.count(&over),
            over => told.refused.count(&over),
        }
        let at_most = RETRY_MAX.min(RETRY_MIN * (1 << failures));
        failures = (failures + 1).min(10);
        let pause = rand::rng().random_range(at_most / 2..=at_most);
        sleep(pause).await;
    }
}

/// One connection, until it is over.
async fn stay(orders: &Orders, (told, holding): (&Told, &Holding), seen: &mut Seen) -> Over {
    let stream = match timeout(CONNECT_DEADLINE, orders.server.enter()).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Over::Io(error),
        Err(_) => return Over::Io(io::ErrorKind::TimedOut.into()),
    };
    let open = Open::of(&told.open);
    let session = Session::new(orders.variant, orders.window, &orders.node);
    let mut connection = Connection { stream, session, told, holding, seen };
    let over = match orders.stay_max {
        None => connection.talk(orders.behaviour).await,
        Some(max) => {
            let stay = rand::rng().random_range(max / 10..=max);
            timeout(stay, connection.talk(orders.behaviour)).await.unwrap_or(Over::Left)
        }
    };
    drop(open);
    over
}

/// Counts a connection as long as it is there.
struct Open<'a>(&'a AtomicUsize);

impl<'a> Open<'a> {
    fn of(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Relaxed);
        Self(count)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

struct Connection<'a> {
    stream: Wire,
    session: Session,
    told: &'a Told,
    holding: &'a Holding,
    seen: &'a mut Seen,
}

impl Connection<'_> {
    async fn talk(&mut self, behaviour: Behaviour) -> Over {
        loop {
            if !self.session.out.is_empty() {
                let sent = async {
                    self.stream.write_all(&self.session.out).await?;
                    self.stream.flush().await
                };
                if let Err(error) = sent.await {
                    return Over::Io(error);
                }
                // Given back, because thousands of clients wait with nothing to say.
                self.session.out = Vec::new();
            }
            let len_max = match behaviour {
                Behaviour::Quick => READ_BYTES,
                Behaviour::Slow(rate) => {
                    sleep(SLOW_TICK).await;
                    (rate / 10).clamp(1, READ_BYTES)
                }
                Behaviour::Mute => std::future::pending().await,
            };
            let read =
                poll_fn(|cx| BUFFER.with_borrow_mut(|buffer| self.poll_read(&mut buffer[..len_max], cx)));
            if let Some(over) = read.await {
                return over;
            }
        }
    }

    /// Takes in what is there.
    fn poll_read(&mut self, buffer: &mut [u8], cx: &mut Context<'_>) -> Poll<Option<Over>> {
        let mut read = ReadBuf::new(buffer);
        if let Err(error) = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read)) {
            return Poll::Ready(Some(Over::Io(error)));
        }
        let over = match read.filled() {
            [] => Some(Over::Closed),
            bytes => self.take(bytes),
        };
        Poll::Ready(over)
    }

    fn take(&mut self, bytes: &[u8]) -> Option<Over> {
        let len = bytes.len();
        self.told.received_bytes.fetch_add(len as u64, Relaxed);
        let Self { session, told, holding, seen, .. } = self;
        let variant = session.variant;
        match session.receive(bytes, |state| on_response((told, holding), seen, (variant, state))) {
            Ok(None) => None,
            Ok(Some(end)) => Some(Over::Ended(end)),
            Err(error) => {
                told.ledger.wrong(format!("what came is no response: {error:#}"));
                Some(Over::Nonsense(error))
            }
        }
    }
}

fn on_response((told, holding): (&Told, &Holding), seen: &mut Seen, (variant, state): (Variant, State)) {
    told.responses.fetch_add(1, Relaxed);
    holding.set(Some(state));
    let sight = told.ledger.see(seen, state, now());
    // A delta client may be told in several responses: what it holds between them nobody wrote.
    if sight == Sight::Unknown && variant == Variant::Sotw {
        told.ledger
            .wrong(format!("a response of {} resources that are of no state that was written", state.len));
    }
}
