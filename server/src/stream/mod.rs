//! What goes out: discovery streams, rendered when the transport has room, over an accept loop of our own; ordinary tonic for
//! every other service.
//!
//! | file | is |
//! |---|---|
//! | `ads` | opens streams: admission, and the two halves of each |
//! | `reader` | the reading half: requests in, news on, a watch over the writing half |
//! | `body` | the writing half: pulled by the transport |
//! | `exchange` | what the halves share: the session, under a lock held for one step |
//! | `inspect` | questions about the server itself, answered beside the session |
//! | `pieces` | a frame cut into chunks of shared bytes |
//! | `entrance` | a connection until it is known whose it is: admission, the handshake |
//! | `connection` | one HTTP/2 connection: its settings, its tasks, its end |
//! | `requests` | requests out of the bytes of a stream |
//! | `relay` | a client that is a server, and follows this one |
//! | `seeing` | what the client of a stream sees, from one moment to the next |
//! | `services` | the discovery services, and what each of their methods is |
//! | `grpc` | which service a request is for |
//! | `health` | grpc.health.v1, following readiness |

mod ads;
mod body;
mod connection;
mod entrance;
mod exchange;
mod grpc;
mod health;
mod inspect;
mod options;
mod pieces;
mod reader;
mod relay;
mod requests;
mod seeing;
mod services;

use std::{net::SocketAddr, sync::Arc};

use mainsheet_api::{time::Clock, xds::catalog::Catalog};
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::service::Routes;

pub use options::StreamOptions;

use self::entrance::Entrance;
use crate::{
    admission::Admission,
    audit::Audit,
    auth::{Authenticator, Grants},
    chain::Chain,
    inspection::Inspector,
    listen::Listener,
    metrics::Metrics,
    network::Network,
    readiness::Readiness,
    sinks::{Moment, Sinks},
    tls::Security,
};

/// What the stream service is connected to.
#[derive(Clone)]
pub struct Links<C> {
    /// The newest catalog, as news.
    pub newest: watch::Receiver<C>,
    /// Until it awaits nothing, streams are refused.
    pub readiness: Readiness,
    /// Where what sinks hold is kept.
    pub sinks: Arc<Sinks>,
    /// Where is counted.
    pub metrics: Arc<Metrics>,
    /// Who is let in.
    pub admission: Admission,
    /// Where is told who was refused.
    pub audit: Audit,
    /// Who clients are.
    pub authenticator: Authenticator,
    /// Who is granted what.
    pub grants: Grants,
    /// Both clocks.
    pub clock: Arc<dyn Clock>,
    /// Whom this server follows.
    pub chain: Chain,
    /// Who answers questions about the server itself.
    pub inspector: Arc<dyn Inspector>,
    /// Services on the same port that are ordinary gRPC.
    pub others: Routes,
}

/// The stream service, with its port taken.
pub struct Server<C> {
    plaintext: Listener,
    over_tls: Option<(Listener, Security)>,
    options: watch::Sender<StreamOptions>,
    links: Links<C>,
}

impl<C: Catalog + Send + Sync + 'static> Server<C> {
    /// Takes the port.
    ///
    /// # Errors
    /// Where it can't be had.
    pub async fn bind(
        network: &dyn Network,
        address: SocketAddr,
        options: StreamOptions,
        links: Links<C>,
    ) -> std::io::Result<Self> {
        let plaintext = Listener::bind(network, address, options.grace).await?;
        Ok(Self { plaintext, over_tls: None, options: watch::Sender::new(options), links })
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
        let grace = self.options.borrow().grace;
        let listener = Listener::bind(network, address, grace).await?;
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

    /// What it was told. What changes is that of connections and streams which open from then on.
    #[must_use]
    pub fn options(&self) -> watch::Sender<StreamOptions> {
        self.options.clone()
    }

    /// Serves until `stop`. Then it is not ready any more, refuses what is new, ends what runs with UNAVAILABLE, one
    /// connection after the other, and closes what is left after the grace time (rule 94).
    ///
    /// # Errors
    /// None so far; the port is taken before.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let tasks = TaskTracker::new();
        let (health, health_service) = health::service().await;
        let ads = Arc::new(ads::Ads::new(self.links.clone(), self.options.subscribe(), tasks.clone()));
        let others = (self.links.others.clone(), self.options.borrow().allow_api_beyond_loopback);
        let who = (ads, self.links.authenticator.clone());
        let grpc = grpc::Services::new(who, others, self.links.audit.clone(), health_service)?;
        let protocol = connection::Protocol::new(
            self.options.subscribe(),
            grpc,
            self.links.admission.clone(),
            tasks.clone(),
        );
        let entrance = Entrance::new(&self.links, protocol);
        let plaintext = self.plaintext.run(stop.clone(), tasks.clone(), entrance.serve(Security::Plaintext));
        let over_tls = async {
            if let Some((listener, security)) = self.over_tls {
                listener.run(stop.clone(), tasks, entrance.serve(security)).await;
            }
        };
        let unready = unready(&self.links.readiness, &stop);
        let following = health::follow(health, self.links.readiness.clone(), stop.clone());
        let timing = follow_revisions(self.links.newest, self.links.sinks, self.links.clock, stop.clone());
        tokio::join!(unready, plaintext, over_tls, following, timing);
        Ok(())
    }
}

/// Lets nobody be sent here any more, from the order to stop on.
async fn unready(readiness: &Readiness, stop: &CancellationToken) {
    stop.cancelled().await;
    // Never released.
    drop(readiness.guard("shutdown"));
}

/// Notes when each revision was published, for the time until it is acknowledged.
async fn follow_revisions<C: Catalog>(
    mut newest: watch::Receiver<C>,
    sinks: Arc<Sinks>,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) {
    loop {
        let changed = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            changed = newest.changed() => changed,
        };
        if changed.is_err() {
            return;
        }
        let catalog = newest.borrow_and_update().clone();
        sinks.on_published(catalog.revision(), catalog.committed(), Moment::of(&*clock));
    }
}
