//! The response body of one stream: pulled by the transport, it renders the newest state when there is room, and sends
//! shared bytes as they are. It holds one response at most, so a client that reads slowly has no queue.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};
use mainsheet_api::{
    time::{Clock, Uptime},
    xds::{catalog::Catalog, server::Sent},
};
use tokio::{sync::watch, time::Sleep};
use tonic::Status;

use super::{
    exchange::{Exchange, Pull},
    pieces::Pieces,
};
use crate::sinks::Moment;

/// The response body of one stream.
pub(super) struct StreamBody<C: Catalog> {
    exchange: Arc<Exchange<C>>,
    newest: watch::Receiver<C>,
    clock: Arc<dyn Clock>,
    pieces: Pieces,
    /// What the pieces are, until the last one is handed over.
    sent: Option<Sent>,
    deadline: Option<(Uptime, Pin<Box<Sleep>>)>,
    is_over: bool,
}

impl<C: Catalog> StreamBody<C> {
    pub(super) fn new(exchange: Arc<Exchange<C>>, newest: watch::Receiver<C>, clock: Arc<dyn Clock>) -> Self {
        Self {
            exchange,
            newest,
            clock,
            pieces: Pieces::default(),
            sent: None,
            deadline: None,
            is_over: false,
        }
    }

    fn newer_catalog(&mut self) -> Option<C> {
        let changed = self.newest.has_changed().unwrap_or(false);
        changed.then(|| self.newest.borrow_and_update().clone())
    }

    /// The next chunk of the response under way.
    fn next_chunk(&mut self) -> Option<Bytes> {
        let chunk = self.pieces.next_chunk()?;
        let now = Moment::of(&*self.clock);
        self.exchange.note_writing(Some(now.uptime));
        if self.pieces.is_empty()
            && let Some(sent) = self.sent.take()
        {
            self.exchange.on_sent(&sent, now);
        }
        Some(chunk)
    }

    /// Whether `deadline` has passed; if not, the body is woken when it does.
    fn poll_deadline(&mut self, deadline: Option<Uptime>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = deadline else {
            self.deadline = None;
            return Poll::Pending;
        };
        if self.deadline.as_ref().is_none_or(|(armed, _)| *armed != at) {
            let left = at.since(self.clock.uptime());
            self.deadline = Some((at, Box::pin(tokio::time::sleep(left))));
        }
        match &mut self.deadline {
            Some((_, sleep)) => sleep.as_mut().poll(cx).map(|()| self.deadline = None),
            None => Poll::Pending,
        }
    }
}

impl<C: Catalog> Drop for StreamBody<C> {
    fn drop(&mut self) {
        self.exchange.gone.cancel();
    }
}

/// Nothing in it is pinned in place: the timer has a box of its own.
impl<C: Catalog> Unpin for StreamBody<C> {}

impl<C: Catalog> Body for StreamBody<C> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        if this.is_over {
            return Poll::Ready(None);
        }
        // Before looking, so that news between looking and waiting is not lost.
        this.exchange.register(cx.waker());
        loop {
            if let Some(chunk) = this.next_chunk() {
                return Poll::Ready(Some(Ok(Frame::data(chunk))));
            }
            let newer = this.newer_catalog();
            match this.exchange.pull(newer, Moment::of(&*this.clock)) {
                Pull::Push(frame, sent) => {
                    this.pieces = Pieces::of(frame);
                    this.sent = sent;
                }
                Pull::End(status) => {
                    this.is_over = true;
                    return Poll::Ready(Some(Ok(Frame::trailers(trailers(&status)))));
                }
                Pull::Nothing(deadline) => {
                    this.exchange.note_writing(None);
                    if this.poll_deadline(deadline, cx).is_pending() {
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}

fn trailers(status: &Status) -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(2);
    if status.add_header(&mut trailers).is_err() {
        // The text can't be a header; the code alone always can.
        trailers.insert("grpc-status", http::HeaderValue::from(status.code() as i32));
    }
    trailers
}
