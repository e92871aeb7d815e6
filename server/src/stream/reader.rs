//! The reading half of one stream: a task that takes requests in and tells the body of news. It also watches the
//! writing half from outside, because a body that the transport has no room for is not polled and can't watch itself.

use std::{future::pending, pin::Pin, sync::Arc, time::Duration};

use http_body::Body;
use mainsheet_api::{
    kind::Kind,
    limits::REQUEST_BYTES_MAX,
    time::Clock,
    wire::{DeltaDiscoveryRequest, DiscoveryRequest},
    xds::{Variant, catalog::Catalog, server::Request},
};
use tokio::{
    sync::watch,
    time::{Interval, Sleep, interval, sleep},
};
use tonic::{Code, Status, Streaming, codec::BufferSettings};
use tonic_prost::ProstDecoder;
use tracing::{debug, warn};

use super::{
    exchange::Exchange,
    inspect::{Asked, Inspection},
    relay::Relay,
    services::keep_to,
};
use crate::{listen::Connection, sinks::Moment, views::Views};

/// Requests handled before the other tasks of this thread get a turn: a client that never stops asking costs others
/// no more than this.
const BATCH_LEN_MAX: usize = 32;

/// Bytes that a stream's decoder starts with; an ACK takes about 200.
const BUFFER_BYTES: usize = 1 << 10;

/// How many times a write deadline is looked at within its length: the most that it can be overrun by is a quarter.
const LOOKS_PER_DEADLINE: u32 = 4;

/// The requests of a stream, in either form.
pub(super) enum Requests {
    Sotw(Streaming<DiscoveryRequest>),
    Delta(Streaming<DeltaDiscoveryRequest>),
}

impl Requests {
    pub(super) fn new<B>(variant: Variant, body: B) -> Self
    where
        B: Body + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let settings = BufferSettings::new(BUFFER_BYTES, BUFFER_BYTES);
        let max = Some(REQUEST_BYTES_MAX);
        match variant {
            Variant::Sotw => Self::Sotw(Streaming::new_request(ProstDecoder::new(settings), body, None, max)),
            Variant::Delta => {
                Self::Delta(Streaming::new_request(ProstDecoder::new(settings), body, None, max))
            }
        }
    }

    /// The next request; `None` once the client has sent its last.
    async fn next(&mut self) -> Result<Option<Request>, Status> {
        match self {
            Self::Sotw(requests) => Ok(requests.message().await?.map(Request::Sotw)),
            Self::Delta(requests) => Ok(requests.message().await?.map(Request::Delta)),
        }
    }
}

/// The reading half of one stream.
pub(super) struct Reader<C> {
    pub(super) exchange: Arc<Exchange<C>>,
    pub(super) newest: watch::Receiver<C>,
    pub(super) connection: Connection,
    /// The type that all of the stream is about, where it is of a single one.
    pub(super) only: Option<Kind>,
    /// Where the client is a server that follows this one.
    pub(super) relay: Option<Relay>,
    pub(super) inspection: Inspection,
    pub(super) views: Views,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) first_request_deadline: Duration,
    pub(super) write_deadline: Duration,
}

/// What woke the reader.
#[allow(
    clippy::large_enum_variant,
    reason = "made and taken apart at once; a box would cost an allocation a request"
)]
enum News {
    Request(Result<Option<Request>, Status>),
    Catalog,
    NoMoreCatalogs,
    Draining,
    Outdated(Status),
    Late,
    Look,
    Gone,
}

/// What the reader waits for, as far as it may still come.
struct Awaited {
    requests: bool,
    endings: bool,
    look: Interval,
    /// The end of the time for the first request.
    late: Option<Pin<Box<Sleep>>>,
}

impl<C: Catalog> Reader<C> {
    /// Runs until the body is gone or the connection is closed for the client's not reading.
    pub(super) async fn run(mut self, mut requests: Requests) {
        let mut awaited = Awaited {
            requests: true,
            endings: true,
            look: interval(self.write_deadline / LOOKS_PER_DEADLINE),
            late: Some(Box::pin(sleep(self.first_request_deadline))),
        };
        let mut batch_len = 0;
        loop {
            match self.next_news(&mut requests, &mut awaited).await {
                News::Request(request) => {
                    awaited.late = None;
                    awaited.requests = self.on_request(request).await;
                    batch_len += 1;
                    if batch_len == BATCH_LEN_MAX {
                        batch_len = 0;
                        tokio::task::yield_now().await;
                    }
                }
                News::Catalog => self.exchange.on_news(),
                News::Draining | News::NoMoreCatalogs => {
                    awaited.endings = false;
                    self.exchange.end(Status::unavailable("the server is stopping"));
                }
                News::Outdated(status) => {
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

    async fn next_news(&mut self, requests: &mut Requests, awaited: &mut Awaited) -> News {
        tokio::select! {
            biased;
            () = self.exchange.gone.cancelled() => News::Gone,
            () = self.connection.draining.cancelled(), if awaited.endings => News::Draining,
            changed = self.newest.changed(), if awaited.endings => match changed {
                Ok(()) => News::Catalog,
                Err(_) => News::NoMoreCatalogs,
            },
            status = outdated(&mut self.relay), if awaited.endings => News::Outdated(status),
            _ = awaited.look.tick() => News::Look,
            request = requests.next(), if awaited.requests => News::Request(request),
            () = elapsed(&mut awaited.late) => News::Late,
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
        if let Some(only) = self.only
            && let Err(status) = keep_to(only, &mut request)
        {
            self.exchange.end(status);
            return false;
        }
        match self.inspection.take(request).await {
            Ok(Asked::Catalog(request)) => {
                let now = Moment::of(&*self.clock);
                self.exchange.on_request(request, now, |node| self.views.of_node(&node.id))
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

    fn is_stuck(&self) -> bool {
        let stuck = self.exchange.stuck_for(self.clock.uptime()) >= self.write_deadline;
        if stuck {
            warn!(peer = %self.connection.peer, deadline = ?self.write_deadline, "closing: the client does not read");
        }
        stuck
    }
}

/// Waits for the end of a time; for ever, where there is none.
async fn elapsed(time: &mut Option<Pin<Box<Sleep>>>) {
    match time {
        Some(time) => time.as_mut().await,
        None => pending().await,
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
        Code::OutOfRange => Status::resource_exhausted(status.message()),
        _ => status,
    }
}
