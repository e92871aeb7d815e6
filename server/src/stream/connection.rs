//! One HTTP/2 connection: its settings, its tasks, its end.

use std::{
    convert::Infallible,
    future::{Future, pending, ready},
    pin::pin,
    time::Duration,
};

use http::Request;
use hyper::{body::Incoming, rt::Executor, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use mainsheet_api::{limits::REFUSED_CONNECTION_AGE_MAX, xds::catalog::Catalog};
use tokio::{sync::watch, time::sleep};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{Status, body::Body};
use tracing::{debug, info};

use super::{
    StreamOptions,
    grpc::{OnConnection, Services},
};
use crate::{
    admission::{Admission, Client},
    auth::Caller,
    listen::Connection,
    network::Wire,
    write_deadline::WriteDeadline,
};

/// Bytes of requests that one stream may have under way: a large first request should not take a round trip for each
/// 64 KiB, and 100 of them should not hold much.
const STREAM_WINDOW_BYTES: u32 = 256 << 10;

/// The same, for all streams of a connection.
const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;

/// Bytes of one stream that HTTP/2 holds back at most before it stops asking for more.
const SEND_BYTES_MAX: usize = 256 << 10;

/// Bytes of a request's headers. Tokens of a few KiB are the largest honest ones.
const HEADER_BYTES_MAX: u32 = 32 << 10;

/// Runs a connection's streams as tasks that are known, so that stopping waits for them.
#[derive(Clone)]
pub(super) struct Tracked(TaskTracker);

impl<F> Executor<F> for Tracked
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}

/// The settings of every connection. Pings from clients are answered, however many (rule 88).
fn builder(options: &StreamOptions, tasks: &TaskTracker) -> http2::Builder<Tracked> {
    let mut builder = http2::Builder::new(Tracked(tasks.clone()));
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(options.keepalive_interval)
        .keep_alive_timeout(options.keepalive_timeout)
        .max_concurrent_streams(options.streams_per_connection_max)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(SEND_BYTES_MAX)
        .max_header_list_size(HEADER_BYTES_MAX)
        // No client of gRPC reads it.
        .auto_date_header(false);
    builder
}

/// How connections are served. Cloning shares it.
pub(super) struct Protocol<C> {
    options: watch::Receiver<StreamOptions>,
    services: Services<C>,
    admission: Admission,
    tasks: TaskTracker,
}

impl<C> Clone for Protocol<C> {
    fn clone(&self) -> Self {
        Self {
            options: self.options.clone(),
            services: self.services.clone(),
            admission: self.admission.clone(),
            tasks: self.tasks.clone(),
        }
    }
}

impl<C: Catalog + Send + Sync + 'static> Protocol<C> {
    pub(super) fn new(
        options: watch::Receiver<StreamOptions>,
        services: Services<C>,
        admission: Admission,
        tasks: TaskTracker,
    ) -> Self {
        Self { options, services, admission, tasks }
    }

    /// Serves one connection until the client leaves, it is closed from outside, or it was drained. A client that has
    /// not asked for anything by the deadline is cut off, whether it speaks HTTP/2 or nothing at all.
    pub(super) async fn serve(self, wire: Wire, connection: Connection, caller: Caller) {
        let options = self.options.borrow().clone();
        let (client, asked) =
            (Client::new(self.admission.clone(), connection.peer), CancellationToken::new());
        let lapse = self.services.authenticator().lapse_of_connection(&caller);
        let service = OnConnection {
            services: self.services,
            caller,
            connection: connection.clone(),
            client,
            asked: asked.clone(),
        };
        let builder = builder(&options, &self.tasks);
        // Streams have deadlines of their own; this is for what goes out when there is none any more, the end among it.
        let wire = WriteDeadline::new(wire, options.write_deadline, connection.peer, 1);
        let mut http2 = pin!(builder.serve_connection(TokioIo::new(wire), service));
        let mut late = pin!(sleep(options.first_request_deadline));
        let mut turn = pin!(turn_to_end(&connection.stopping, &self.admission, &options));
        let mut lapse = pin!(lapse);
        let mut overdue = pin!(overdue(&connection.draining, options.grace));
        let (mut has_asked, mut draining) = (false, false);
        let served = loop {
            tokio::select! {
                biased;
                () = connection.close.cancelled() => return,
                () = &mut turn, if !draining => {
                    draining = true;
                    connection.draining.cancel();
                    // GOAWAY: no new streams; those that run are ended by their readers.
                    http2.as_mut().graceful_shutdown();
                }
                status = &mut lapse, if !draining => {
                    info!(peer = %connection.peer, reason = status.message(), "ending: not let in any more");
                    draining = true;
                    let _ = connection.lapsed.set(status);
                    connection.draining.cancel();
                    http2.as_mut().graceful_shutdown();
                }
                () = &mut overdue => return info!(peer = %connection.peer, "closed: it did not end in time"),
                () = asked.cancelled(), if !has_asked => has_asked = true,
                () = &mut late, if !has_asked => {
                    return info!(peer = %connection.peer, "closed: it asked for nothing");
                }
                served = http2.as_mut() => break served,
            }
        };
        if let Err(error) = served {
            debug!(peer = %connection.peer, %error, "connection ended");
        }
    }

    /// Whether whoever connects now from this machine may do everything.
    pub(super) fn trusts_loopback(&self) -> bool {
        self.options.borrow().trust_loopback
    }

    /// Serves a connection that is not let in: whatever it asks for first is answered with the reason.
    pub(super) async fn refuse(self, wire: Wire, connection: Connection, reason: Status) {
        let asked = CancellationToken::new();
        let service = service_fn(|_: Request<Incoming>| {
            asked.cancel();
            ready(Ok::<_, Infallible>(reason.clone().into_http::<Body>()))
        });
        let builder = builder(&self.options.borrow(), &self.tasks);
        let mut http2 = pin!(builder.serve_connection(TokioIo::new(wire), service));
        let mut late = pin!(sleep(REFUSED_CONNECTION_AGE_MAX));
        let mut told = false;
        loop {
            tokio::select! {
                biased;
                () = connection.close.cancelled() => return,
                () = &mut late => return,
                () = asked.cancelled(), if !told => {
                    told = true;
                    http2.as_mut().graceful_shutdown();
                }
                _ = http2.as_mut() => return,
            }
        }
    }
}

/// Waits until it is a connection's turn to end: when it is too old, or some time after the order to stop. Not all at once,
/// because their clients come back, here or to another server.
async fn turn_to_end(stopping: &CancellationToken, admission: &Admission, options: &StreamOptions) {
    let aged = async {
        match options.connection_age_max {
            Some(age) => sleep(jittered(age, admission.fraction())).await,
            None => pending().await,
        }
    };
    tokio::select! {
        biased;
        () = stopping.cancelled() => {}
        () = aged => return,
    }
    let spread = admission.spread(admission.connections()).min(options.grace / 2);
    sleep(spread.mul_f64(admission.fraction())).await;
}

/// Ten percent more or less, so that those which came together do not go together.
fn jittered(age: Duration, fraction: f64) -> Duration {
    age.mul_f64(0.9 + 0.2 * fraction)
}

/// Waits until a connection that was told to end has had the time for it.
async fn overdue(draining: &CancellationToken, grace: Duration) {
    draining.cancelled().await;
    sleep(grace).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_spread_over_a_fifth() {
        let age = Duration::from_secs(100);
        let ages = [0.0, 0.5, 1.0].map(|fraction| jittered(age, fraction).as_millis());
        assert_eq!(ages, [90_000, 100_000, 110_000]);
    }
}
