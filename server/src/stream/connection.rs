//! One HTTP/2 connection: its settings, its tasks, its end.

use std::{future::Future, pin::pin, time::Duration};

use hyper::{rt::Executor, server::conn::http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use mainsheet_api::xds::catalog::Catalog;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, info};

use super::{
    StreamOptions,
    grpc::{OnConnection, Services},
};
use crate::{listen::Connection, network::Wire};

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
    builder: http2::Builder<Tracked>,
    services: Services<C>,
    first_request_deadline: Duration,
}

impl<C> Clone for Protocol<C> {
    fn clone(&self) -> Self {
        let (builder, services) = (self.builder.clone(), self.services.clone());
        Self { builder, services, first_request_deadline: self.first_request_deadline }
    }
}

impl<C: Catalog + Send + Sync + 'static> Protocol<C> {
    pub(super) fn new(options: &StreamOptions, services: Services<C>, tasks: &TaskTracker) -> Self {
        let first_request_deadline = options.first_request_deadline;
        Self { builder: builder(options, tasks), services, first_request_deadline }
    }

    /// Serves one connection until the client leaves, it is closed from outside, or it was drained. A client that has
    /// not asked for anything by the deadline is cut off, whether it speaks HTTP/2 or nothing at all.
    pub(super) async fn serve(self, wire: Wire, connection: Connection) {
        let asked = CancellationToken::new();
        let (services, on) = (self.services, connection.clone());
        let service = OnConnection { services, connection: on, asked: asked.clone() };
        let mut http2 = pin!(self.builder.serve_connection(TokioIo::new(wire), service));
        let mut late = pin!(tokio::time::sleep(self.first_request_deadline));
        let (mut has_asked, mut draining) = (false, false);
        let served = loop {
            tokio::select! {
                biased;
                () = connection.close.cancelled() => return,
                () = connection.draining.cancelled(), if !draining => {
                    draining = true;
                    // GOAWAY: no new streams; those that run are ended by their readers.
                    http2.as_mut().graceful_shutdown();
                }
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
}
