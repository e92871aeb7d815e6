//! HTTP: health, metrics, and the debug endpoints. Read only.

mod health;

use std::{net::SocketAddr, pin::pin, time::Duration};

use axum::{Router, extract::State, http::header, response::IntoResponse, routing::get};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use mainsheet_api::limits::HTTP_WRITE_BYTES_MIN;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::Service as _;
use tracing::{debug, warn};

pub use crate::debug::Links;
use crate::{
    auth::Caller,
    clashes, debug as pages,
    listen::{Connection, Listener},
    metrics::FindingsRead,
    network::{Network, Wire},
    places::Places,
    write_deadline::WriteDeadline,
};

/// Connections at once: scrapers, probes and a few people.
pub(crate) const CONNECTIONS_MAX: usize = 256;

/// How long a client has to send a request's headers, and how long a connection may be idle.
const HEADER_DEADLINE: Duration = Duration::from_secs(30);

/// How long responses have to end when the server stops.
const GRACE: Duration = Duration::from_secs(2);

/// The HTTP service, with its port taken.
pub struct Server {
    listener: Listener,
    router: Router,
    options: OptionsNow,
}

/// What applies to connections that open now.
#[derive(Clone, Copy, Debug)]
pub struct HttpOptions {
    /// How long a client may leave a response unread before it is cut off.
    pub write_deadline: Duration,
    /// Whether clients on this machine may do everything without a credential.
    pub trust_loopback: bool,
}

type OptionsNow = Box<dyn Fn() -> HttpOptions + Send + Sync>;

impl Server {
    /// Takes the port. The options are asked for each connection.
    ///
    /// # Errors
    /// Where it can't be had.
    pub async fn bind(
        network: &dyn Network,
        address: SocketAddr,
        links: Links,
        options: impl Fn() -> HttpOptions + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let listener = Listener::bind(network, address, GRACE).await?;
        links.metrics.show_intake(links.intake.clone());
        links.metrics.show_findings(FindingsRead {
            newest: links.newest.clone(),
            across: links.verdicts.clone(),
            rejected: links.intake.verdicts.clone(),
        });
        Ok(Self { listener, router: router(links), options: Box::new(options) })
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.listener.local_addr()
    }

    /// Serves until `stop`, then lets responses under way end within a grace time.
    ///
    /// # Errors
    /// None so far; the port is taken before.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let (router, options, places) = (self.router, self.options, Places::default());
        let serve = move |wire, connection: Connection| {
            let place = places.take(CONNECTIONS_MAX);
            let options = options();
            let wire =
                WriteDeadline::new(wire, options.write_deadline, connection.peer, HTTP_WRITE_BYTES_MIN);
            let caller = Caller::in_plaintext(connection.peer, options.trust_loopback);
            let router = router.clone();
            async move {
                match place {
                    Some(_place) => serve(wire, connection, (router, caller)).await,
                    None => {
                        warn!(peer = %connection.peer, max = CONNECTIONS_MAX, "connection refused: too many")
                    }
                }
            }
        };
        self.listener.run(stop, TaskTracker::new(), serve).await;
        Ok(())
    }
}

fn router(links: Links) -> Router {
    Router::new()
        .route("/healthz/live", get(health::live))
        .route("/healthz/ready", get(health::ready))
        .route("/metrics", get(metrics))
        .merge(pages::router())
        .with_state(links)
}

/// What says how things stand is read now; the rest was counted as it happened.
async fn metrics(State(links): State<Links>) -> impl IntoResponse {
    let snapshot = links.newest.borrow().clone();
    for kind in snapshot.0.all_kinds() {
        let count = i64::try_from(snapshot.0.count(kind)).unwrap_or(i64::MAX);
        links.metrics.resources.with_label_values(&[kind.info().name]).set(count);
    }
    links.metrics.clashes.set(i64::try_from(clashes::contests(&snapshot.0).count()).unwrap_or(i64::MAX));
    links.metrics.revision.set(i64::try_from(snapshot.0.revision().0).unwrap_or(i64::MAX));
    links.metrics.ready.set(i64::from(links.readiness.is_ready()));
    ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], links.metrics.text())
}

async fn serve(stream: WriteDeadline<Wire>, connection: Connection, (router, caller): (Router, Caller)) {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_DEADLINE);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(caller.clone());
        router.clone().call(request)
    });
    let mut http1 = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut draining = false;
    let served = loop {
        tokio::select! {
            biased;
            () = connection.close.cancelled() => return,
            () = connection.stopping.cancelled(), if !draining => {
                draining = true;
                http1.as_mut().graceful_shutdown();
            }
            served = http1.as_mut() => break served,
        }
    };
    if let Err(error) = served {
        debug!(peer = %connection.peer, %error, "connection ended");
    }
}
