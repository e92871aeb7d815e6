//! HTTP: health, metrics, and the debug endpoints. Read only.

mod health;

use std::{convert::Infallible, future::pending, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::get,
};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use mainsheet_api::limits::HTTP_WRITE_BYTES_MIN;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{Code, Status};
use tower::Service as _;
use tracing::{debug, warn};

pub use crate::debug::Links;
use crate::{
    auth::{Authenticator, Caller, Login, sight},
    clashes, debug as pages,
    listen::{Connection, Listener},
    metrics::FindingsRead,
    network::{Network, Wire},
    places::Places,
    tls::Security,
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
    plaintext: Listener,
    over_tls: Option<(Listener, Security)>,
    pages: Pages,
}

/// What connections are served. Cloning shares it.
#[derive(Clone)]
struct Pages {
    router: Router,
    options: OptionsNow,
    authenticator: Authenticator,
    places: Places,
}

/// What applies to connections that open now.
#[derive(Clone, Copy, Debug)]
pub struct HttpOptions {
    /// How long a client may leave a response unread before it is cut off.
    pub write_deadline: Duration,
    /// Whether clients on this machine may do everything without a credential.
    pub trust_loopback: bool,
}

type OptionsNow = Arc<dyn Fn() -> HttpOptions + Send + Sync>;

impl Server {
    /// Takes the port. The options are asked for each connection.
    ///
    /// # Errors
    /// Where it can't be had.
    pub async fn bind(
        network: &dyn Network,
        address: SocketAddr,
        links: Links,
        (options, authenticator): (impl Fn() -> HttpOptions + Send + Sync + 'static, Authenticator),
    ) -> std::io::Result<Self> {
        let plaintext = Listener::bind(network, address, GRACE).await?;
        links.metrics.show_intake(links.intake.clone());
        links.metrics.show_findings(FindingsRead {
            newest: links.newest.clone(),
            across: links.verdicts.clone(),
            rejected: links.intake.verdicts.clone(),
        });
        let (router, options, places) = (router(links), Arc::new(options), Places::default());
        Ok(Self { plaintext, over_tls: None, pages: Pages { router, options, authenticator, places } })
    }

    /// Takes another port, for the same over TLS.
    ///
    /// # Errors
    /// Where it can't be had.
    pub(crate) async fn also_over_tls(
        self,
        network: &dyn Network,
        address: SocketAddr,
        security: Security,
    ) -> std::io::Result<Self> {
        let listener = Listener::bind(network, address, GRACE).await?;
        Ok(Self { over_tls: Some((listener, security)), ..self })
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.plaintext.local_addr()
    }

    /// Where it listens over TLS.
    #[must_use]
    pub fn tls_addr(&self) -> Option<SocketAddr> {
        self.over_tls.as_ref().map(|(listener, _)| listener.local_addr())
    }

    /// Serves until `stop`, then lets responses under way end within a grace time.
    ///
    /// # Errors
    /// None so far; the port is taken before.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let pages = self.pages;
        let serve = |security: Security| {
            let pages = pages.clone();
            move |wire, connection| pages.clone().enter(security.clone(), wire, connection)
        };
        let plaintext = self.plaintext.run(stop.clone(), TaskTracker::new(), serve(Security::Plaintext));
        let over_tls = async {
            if let Some((listener, security)) = self.over_tls {
                listener.run(stop.clone(), TaskTracker::new(), serve(security)).await;
            }
        };
        tokio::join!(plaintext, over_tls);
        Ok(())
    }
}

impl Pages {
    async fn enter(self, security: Security, wire: Wire, connection: Connection) {
        let Some(_place) = self.places.take(CONNECTIONS_MAX) else {
            return warn!(peer = %connection.peer, max = CONNECTIONS_MAX, "connection refused: too many");
        };
        let secured = tokio::select! {
            biased;
            () = connection.close.cancelled() => return,
            secured = security.secure(wire) => secured,
        };
        let (wire, shown) = match secured {
            Ok(secured) => secured,
            Err(error) => return self.authenticator.refuse_handshake(connection.peer, &error),
        };
        let options = (self.options)();
        let caller = self.authenticator.on_connection(connection.peer, &shown, options.trust_loopback);
        let wire = WriteDeadline::new(wire, options.write_deadline, connection.peer, HTTP_WRITE_BYTES_MIN);
        serve(wire, connection, (self, caller)).await;
    }

    /// Answers whoever makes a request, once it is known who that is.
    async fn answer(
        mut self,
        mut request: Request<Incoming>,
        of_connection: Result<Caller, Status>,
    ) -> Result<Response, Infallible> {
        let caller = match of_connection.and_then(|caller| {
            let login = self.authenticator.on_request(&caller, request.headers())?;
            Ok((caller.peer, login))
        }) {
            Ok((_, Login::Known(caller))) => Ok(caller),
            Ok((peer, Login::Token(token))) => self.authenticator.of_token(peer, &token).await,
            Err(status) => Err(status),
        };
        match caller {
            Ok(caller) => {
                request.extensions_mut().insert(caller);
                self.router.call(request).await
            }
            Err(status) => Ok(refused(&status)),
        }
    }
}

fn refused(status: &Status) -> Response {
    let code = match status.code() {
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::UNAUTHORIZED,
    };
    let text = format!("{}\n", status.message());
    (code, [(header::WWW_AUTHENTICATE, "Bearer")], text).into_response()
}

fn router(links: Links) -> Router {
    let guarded = from_fn_with_state(links.grants.clone(), sight::guard);
    Router::new()
        .route("/healthz/live", get(health::live))
        .route("/healthz/ready", get(health::ready))
        .merge(Router::new().route("/metrics", get(metrics)).route_layer(guarded))
        .merge(pages::router(links.grants.clone()))
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

async fn serve(
    stream: WriteDeadline<Wire>,
    connection: Connection,
    (pages, caller): (Pages, Result<Caller, Status>),
) {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_DEADLINE);
    let lapse = async {
        match &caller {
            Ok(caller) => drop(pages.authenticator.lapse_of_connection(caller).await),
            Err(_) => pending().await,
        }
    };
    let mut lapse = pin!(lapse);
    let (for_requests, of_connection) = (pages.clone(), caller.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        for_requests.clone().answer(request, of_connection.clone())
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
            () = &mut lapse, if !draining => {
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
