//! What the two halves of a stream share: the reader, which takes requests in, and the body, which is pulled for
//! responses. Neither waits for the other; the lock is held for one step of the session and never across an await.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::task::AtomicWaker;
use mainsheet_api::{
    limits::INSPECTIONS_WAITING_MAX,
    node::Node,
    planted::{self, Fault},
    time::Uptime,
    view::View,
    wire::Frame,
    xds::{
        catalog::Catalog,
        pin::Pins,
        server::{Bound, Outcome, Refusal, Request, Sent, ServerSession},
    },
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::{
    admission::{Client, Kept, Limit},
    sinks::{Moment, SinkWriter},
};

/// What the reader and the body of one stream share.
pub(super) struct Exchange<C> {
    state: Mutex<State<C>>,
    /// Wakes the body.
    body: AtomicWaker,
    /// Milliseconds of uptime, plus one, at which the transport last took a chunk while it has not asked for more
    /// since. Zero: it has asked, and there was nothing to send.
    writing_since: AtomicU64,
    /// Cancelled when the body is dropped: the stream is over, however it ended.
    pub(super) gone: CancellationToken,
}

struct State<C> {
    session: ServerSession<C>,
    sink: SinkWriter,
    /// Answers about the server itself, at most [`INSPECTIONS_WAITING_MAX`].
    inspected: VecDeque<Frame>,
    /// What all of it takes.
    kept: Kept,
    end: Option<Status>,
    half_closed: bool,
}

/// What the body is to do.
pub(super) enum Pull {
    /// Send this; `None` where it is no configuration.
    Push(Frame, Option<Sent>),
    /// Send the trailers.
    End(Status),
    /// Wait for news, or until then.
    Nothing(Option<Uptime>),
}

impl<C: Catalog> Exchange<C> {
    pub(super) fn new(session: ServerSession<C>, sink: SinkWriter, kept: Kept) -> Self {
        Self {
            state: Mutex::new(State {
                session,
                sink,
                inspected: VecDeque::new(),
                kept,
                end: None,
                half_closed: false,
            }),
            body: AtomicWaker::new(),
            writing_since: AtomicU64::new(0),
            gone: CancellationToken::new(),
        }
    }

    /// A panic while it was held leaves a session that may answer wrongly, to this client alone.
    fn lock(&self) -> MutexGuard<'_, State<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // ---- the reader's side

    /// Takes a request in. `view_of` says what a client sees, once its node is known. Returns whether there may be
    /// more: a client that was refused is not listened to any longer.
    pub(super) fn on_request(
        &self,
        request: Request,
        now: Moment,
        view_of: impl FnOnce(&Arc<Node>) -> View,
    ) -> bool {
        let mut state = self.lock();
        let taken = state.session.on_request(request, now.uptime);
        let is_taken = taken.is_ok();
        match taken {
            Ok(outcomes) => {
                let connected = outcomes.iter().find_map(|outcome| match outcome {
                    Outcome::Connected(node) => Some(node),
                    _ => None,
                });
                if let Some(node) = connected {
                    state.session.on_view(view_of(node));
                }
                outcomes.iter().for_each(|outcome| state.sink.record(outcome, now));
                state.exchange_pins();
            }
            Err(refusal) => {
                let status = status_of(refusal, state.kept.client());
                state.end.get_or_insert(status);
            }
        }
        let is_within = state.count();
        drop(state);
        self.body.wake();
        is_taken && is_within
    }

    /// The client may see something else from now on.
    pub(super) fn on_view(&self, view: View) {
        let mut state = self.lock();
        state.session.on_view(view);
        state.exchange_pins();
        state.count();
        drop(state);
        self.body.wake();
    }

    /// News of what the sink is pinned to, once it is known who it is.
    pub(super) fn pins_news(&self) -> Option<watch::Receiver<Pins>> {
        self.lock().sink.pins_news()
    }

    /// Queues an answer about the server itself.
    pub(super) fn on_inspected(&self, answer: Frame) {
        let mut state = self.lock();
        if state.inspected.len() < INSPECTIONS_WAITING_MAX {
            state.inspected.push_back(answer);
            state.count();
        } else {
            let text = format!("more than {INSPECTIONS_WAITING_MAX} answers wait to be read");
            state.end.get_or_insert(Status::resource_exhausted(text));
        }
        drop(state);
        self.body.wake();
    }

    /// The client will send nothing more (rule 12).
    pub(super) fn on_half_close(&self) {
        let mut state = self.lock();
        state.half_closed = true;
        state.session.on_half_close();
        drop(state);
        self.body.wake();
    }

    /// There is a newer catalog; the body takes it when the transport has room.
    pub(super) fn on_news(&self) {
        if !planted::is(Fault::LostWakeUp) {
            self.body.wake();
        }
    }

    /// Ends the stream once the response under way is out. The first reason counts.
    pub(super) fn end(&self, status: Status) {
        self.lock().end.get_or_insert(status);
        self.body.wake();
    }

    /// For how long the transport has had a chunk that it did not get rid of.
    pub(super) fn stuck_for(&self, now: Uptime) -> Duration {
        match self.writing_since.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            since => now.since(Uptime(Duration::from_millis(since - 1))),
        }
    }

    // ---- the body's side

    /// What to do next. `newer` is the newest catalog, where it changed since the last call.
    pub(super) fn pull(&self, newer: Option<C>, now: Moment) -> Pull {
        let mut state = self.lock();
        if let Some(status) = state.end.take() {
            return Pull::End(status);
        }
        if let Some(catalog) = newer {
            state.sink.record_published(catalog.revision(), catalog.committed(), now);
            state.session.on_catalog(catalog);
        }
        state.exchange_pins();
        if let Some(frame) = state.inspected.pop_front() {
            return Pull::Push(frame, None);
        }
        match state.session.render(now.uptime) {
            Some(push) => {
                state.count();
                Pull::Push(push.frame, Some(push.sent))
            }
            None if state.half_closed && state.session.is_finished() => Pull::End(Status::ok("")),
            None => {
                if let Some(revision) = state.session.told() {
                    state.sink.record_told(revision);
                }
                Pull::Nothing(state.session.next_deadline())
            }
        }
    }

    /// The last chunk of a response was handed to the transport.
    pub(super) fn on_sent(&self, sent: &Sent, now: Moment) {
        self.lock().sink.record_sent(sent, now);
    }

    /// The transport took a chunk, or (`None`) asked for one and there was nothing.
    pub(super) fn note_writing(&self, since: Option<Uptime>) {
        let millis = since.map_or(0, |now| u64::try_from(now.0.as_millis()).unwrap_or(u64::MAX - 1) + 1);
        self.writing_since.store(millis, Ordering::Relaxed);
    }

    pub(super) fn register(&self, waker: &std::task::Waker) {
        self.body.register(waker);
    }
}

impl<C: Catalog> State<C> {
    /// Tells the session what its sink is pinned to, and the sink what is over of it.
    fn exchange_pins(&mut self) {
        if let Some(pins) = self.sink.newer_pins() {
            self.session.on_pins(pins.iter());
        }
        self.sink.record_ended(&self.session.take_ended_pins());
    }

    /// Adds up what it takes, and ends the stream where that is too much. Whether it is not.
    fn count(&mut self) -> bool {
        let unread: usize = self.inspected.iter().map(|answer| answer.len).sum();
        let within = self.kept.set(self.session.kept_bytes() + unread);
        within.map_err(|status| self.end.get_or_insert(status)).is_ok()
    }
}

fn status_of(refusal: Refusal, client: &Client) -> Status {
    match refusal {
        Refusal::InvalidArgument(reason) => Status::invalid_argument(reason),
        Refusal::ResourceExhausted(bound, reason) => {
            let limit = match bound {
                Bound::Names => Limit::Names,
                Bound::Types => Limit::Types,
                Bound::Node => Limit::Node,
            };
            client.refuse(limit, reason)
        }
    }
}
