//! The reading half of one stream: a task that takes requests in and tells the body of news. It also watches the
//! writing half from outside, because a body that the transport has no room for is not polled and can't watch itself.

use std::{future::pending, pin::Pin, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use mainsheet_api::{
    kind::Kind,
    node::Node,
    time::Clock,
    view::View,
    xds::{catalog::Catalog, pin::Pins, server::Request},
};
use tokio::{
    sync::watch,
    time::{Interval, Sleep, interval, sleep},
};
use tonic::{Code, Status};
use tracing::{debug, warn};

use super::{
    exchange::Exchange,
    inspect::{Asked, Inspection},
    relay::Relay,
    requests::Requests,
    seeing::Seeing,
    services::keep_to,
};
use crate::{
    admission::{Client, Limit, Pace, Step},
    auth::{Authenticator, Caller},
    listen::Connection,
    sinks::Moment,
};

/// Requests handled before the other tasks of this thread get a turn: a client that never stops asking costs others
/// no more than this.
const BATCH_LEN_MAX: usize = 32;

/// How many times a write deadline is looked at within its length: the most that it can be overrun by is a quarter.
const LOOKS_PER_DEADLINE: u32 = 4;

/// The reading half of one stream.
pub(super) struct Reader<C> {
    pub(super) exchange: Arc<Exchange<C>>,
    pub(super) newest: watch::Receiver<C>,
    pub(super) connection: Connection,
    pub(super) client: Client,
    pub(super) caller: Caller,
    pub(super) authenticator: Authenticator,
    /// The type that all of the stream is about, where it is of a single one.
    pub(super) only: Option<Kind>,
    /// Where the client is a server that follows this one.
    pub(super) relay: Option<Relay>,
    pub(super) inspection: Inspection,
    /// Whether a request said who the node is.
    pub(super) is_known: bool,
    pub(super) seeing: Seeing,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) first_request_deadline: Duration,
    pub(super) write_deadline: Duration,
    pub(super) over_rate_max: Duration,
}

/// What woke the reader.
#[allow(
    clippy::large_enum_variant,
    reason = "made and taken apart at once; a box would cost an allocation a request"
)]
enum News {
    Request(Result<Option<Request>, Status>),
    Catalog,
    View(View),
    Pins,
    NoMoreCatalogs,
    Draining,
    Outdated(Status),
    Lapsed(Status),
    Late,
    Paused,
    Look,
    Gone,
}

/// What the reader waits for, as far as it may still come.
struct Awaited {
    requests: bool,
    catalogs: bool,
    endings: bool,
    look: Interval,
    /// The end of the caller's credential.
    lapse: BoxFuture<'static, Status>,
    /// What the sink is pinned to, once it is known who it is.
    pins: Option<watch::Receiver<Pins>>,
    /// The end of the time for the first request.
    late: Option<Pin<Box<Sleep>>>,
    pace: Pace,
    /// The end of the time in which no request is read, because the client sends too many.
    pause: Option<Pin<Box<Sleep>>>,
}

impl<C: Catalog> Reader<C> {
    /// Runs until the body is gone or the connection is closed for the client's not reading.
    pub(super) async fn run(mut self, mut requests: Requests<Incoming>) {
        let mut awaited = Awaited {
            requests: true,
            catalogs: true,
            endings: true,
            look: interval(self.write_deadline / LOOKS_PER_DEADLINE),
            lapse: self.authenticator.lapse_of_request(&self.caller),
            pins: None,
            late: Some(Box::pin(sleep(self.first_request_deadline))),
            pace: Pace::default(),
            pause: None,
        };
        let mut batch_len = 0;
        loop {
            match self.next_news(&mut requests, &mut awaited).await {
                News::Request(request) => {
                    awaited.late = None;
                    awaited.requests = self.on_request(request).await;
                    self.keep_pace(&mut awaited);
                    awaited.pins = awaited.pins.or_else(|| self.exchange.pins_news());
                    batch_len += 1;
                    if batch_len == BATCH_LEN_MAX {
                        batch_len = 0;
                        tokio::task::yield_now().await;
                    }
                }
                News::Catalog | News::Pins => self.exchange.on_news(),
                News::View(view) => self.exchange.on_view(view),
                News::Paused => awaited.pause = None,
                // The server stops; when it is this connection's turn is told by that.
                News::NoMoreCatalogs => awaited.catalogs = false,
                News::Draining => {
                    awaited.endings = false;
                    self.exchange.end(ending(&self.connection));
                }
                News::Outdated(status) | News::Lapsed(status) => {
                    awaited.endings = false;
                    self.exchange.end(status);
                }
                News::Late => {
                    (awaited.requests, awaited.late) = (false, None);
                    let text = format!(
                        "no request within {:?} of the stream's opening",
                        self.first_request_deadline
                    );
                    self.exchange.end(Status::deadline_exceeded(text));
                }
                News::Look if self.is_stuck() => return self.connection.close.cancel(),
                News::Look => {}
                News::Gone => return,
            }
        }
    }

    async fn next_news(&mut self, requests: &mut Requests<Incoming>, awaited: &mut Awaited) -> News {
        tokio::select! {
            biased;
            () = self.exchange.gone.cancelled() => News::Gone,
            () = self.connection.draining.cancelled(), if awaited.endings => News::Draining,
            view = self.seeing.changed() => News::View(view),
            changed = self.newest.changed(), if awaited.catalogs && awaited.endings => match changed {
                Ok(()) => News::Catalog,
                Err(_) => News::NoMoreCatalogs,
            },
            () = pinned_anew(&mut awaited.pins) => News::Pins,
            status = outdated(&mut self.relay), if awaited.endings => News::Outdated(status),
            status = &mut awaited.lapse, if awaited.endings => News::Lapsed(status),
            _ = awaited.look.tick() => News::Look,
            () = elapsed(&mut awaited.pause), if awaited.pause.is_some() => News::Paused,
            request = requests.next(), if awaited.requests && awaited.pause.is_none() => News::Request(request),
            () = elapsed(&mut awaited.late) => News::Late,
        }
    }

    /// After a request: who sends too many is read more slowly, and in the end not at all.
    fn keep_pace(&self, awaited: &mut Awaited) {
        let admission = self.client.admission();
        let per_second = admission.limits().requests_per_second;
        match awaited.pace.on_request(per_second, self.over_rate_max, admission.now()) {
            Step::Go => {}
            Step::Wait(time) => awaited.pause = Some(Box::pin(sleep(time))),
            Step::Stop => {
                awaited.requests = false;
                let text = format!(
                    "more than {per_second} requests a second on one stream, for {:?}",
                    self.over_rate_max
                );
                self.exchange.end(self.client.refuse(Limit::RequestsPerSecond, text));
            }
        }
    }

    /// Whether there may be more requests.
    async fn on_request(&mut self, request: Result<Option<Request>, Status>) -> bool {
        match request {
            Ok(Some(request)) => return self.take(request).await,
            Ok(None) => self.exchange.on_half_close(),
            Err(status) => {
                debug!(peer = %self.connection.peer, %status, "request stream failed");
                self.exchange.end(as_client_fault(status));
            }
        }
        false
    }

    /// Whether there may be more: a client that was refused is not listened to any longer.
    async fn take(&mut self, mut request: Request) -> bool {
        if let Err(status) = self.check_claims(&request) {
            self.exchange.end(status);
            return false;
        }
        if let Some(only) = self.only
            && let Err(status) = keep_to(only, &mut request)
        {
            self.exchange.end(status);
            return false;
        }
        match self.inspection.take(request).await {
            Ok(Asked::Catalog(request)) => {
                let now = Moment::of(&*self.clock);
                self.exchange.on_request(request, now, |node| self.seeing.on_node(node))
            }
            Ok(Asked::Server(answer)) => {
                answer.into_iter().for_each(|frame| self.exchange.on_inspected(frame));
                true
            }
            Err(status) => {
                self.exchange.end(status);
                false
            }
        }
    }

    /// The first request says who the node is; no later one changes it.
    fn check_claims(&mut self, request: &Request) -> Result<(), Status> {
        let node = match request {
            Request::Sotw(request) => &request.node,
            Request::Delta(request) => &request.node,
        };
        let Some(node) = node.as_ref().filter(|_| !self.is_known) else { return Ok(()) };
        self.is_known = true;
        self.authenticator.check_claims(&self.caller, &Node::from(node))
    }

    fn is_stuck(&self) -> bool {
        let stuck = self.exchange.stuck_for(self.clock.uptime()) >= self.write_deadline;
        if stuck {
            warn!(peer = %self.connection.peer, deadline = ?self.write_deadline, "closing: the client does not read");
        }
        stuck
    }
}

/// Why what runs on a connection ends.
pub(super) fn ending(connection: &Connection) -> Status {
    if let Some(lapsed) = connection.lapsed.get() {
        return lapsed.clone();
    }
    Status::unavailable(if connection.draining.is_cancelled() && !connection.stopping.is_cancelled() {
        "the connection has reached its age (connection-age-max): connect again"
    } else {
        "the server is stopping"
    })
}

/// Waits for the end of a time; for ever, where there is none.
async fn elapsed(time: &mut Option<Pin<Box<Sleep>>>) {
    match time {
        Some(time) => time.as_mut().await,
        None => pending().await,
    }
}

/// Waits until the sink is pinned to something else; for ever, where it is not known who it is.
async fn pinned_anew(pins: &mut Option<watch::Receiver<Pins>>) {
    let Some(news) = pins else { return pending().await };
    if news.changed().await.is_err() {
        *pins = None;
    }
}

/// Waits until a relay has to hear of the chain anew; for ever, where the client is none.
async fn outdated(relay: &mut Option<Relay>) -> Status {
    match relay {
        Some(relay) => relay.outdated().await,
        None => pending().await,
    }
}

/// The decoder words what a client sent wrong as faults of its own.
fn as_client_fault(status: Status) -> Status {
    match status.code() {
        Code::Internal => Status::invalid_argument(status.message()),
        _ => status,
    }
}
