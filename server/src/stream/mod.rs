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
//! | `connection` | one HTTP/2 connection: its settings, its tasks, its end |
//! | `relay` | a client that is a server, and follows this one |
//! | `services` | the discovery services, and what each of their methods is |
//! | `grpc` | which service a request is for |
//! | `health` | grpc.health.v1, following readiness |

mod ads;
mod body;
mod connection;
mod exchange;
mod grpc;
mod health;
mod inspect;
mod options;
mod pieces;
mod reader;
mod relay;
mod services;

use std::{net::SocketAddr, sync::Arc};

use mainsheet_api::{time::Clock, xds::catalog::Catalog};
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::service::Routes;

pub use options::StreamOptions;

use crate::{
    chain::Chain,
    inspection::Inspector,
    listen::Listener,
    metrics::Metrics,
    network::Network,
    readiness::Readiness,
    sinks::{Moment, Sinks},
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
    listener: Listener,
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
        let listener = Listener::bind(network, address, options.grace).await?;
        Ok(Self { listener, options: watch::Sender::new(options), links })
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.listener.local_addr()
    }

    /// What it was told. What changes is that of streams which open from then on, and how many connections there may be.
    #[must_use]
    pub fn options(&self) -> watch::Sender<StreamOptions> {
        self.options.clone()
    }

    /// Serves until `stop`; then refuses new streams, ends those that run with UNAVAILABLE, and closes what is left
    /// after the grace time (rule 94).
    ///
    /// # Errors
    /// None so far; the port is taken before.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let tasks = TaskTracker::new();
        let (health, health_service) = health::service().await;
        let ads = Arc::new(ads::Ads::new(self.links.clone(), self.options.subscribe(), tasks.clone()));
        let others = (self.links.others.clone(), self.options.borrow().allow_api_beyond_loopback);
        let grpc = grpc::Services::new(ads, others, health_service)?;
        let protocol = connection::Protocol::new(&self.options.borrow(), grpc, &tasks);
        let metrics = Arc::clone(&self.links.metrics);
        let serve = move |stream, connection| {
            let counted = metrics.connection();
            let served = protocol.clone().serve(stream, connection);
            async move {
                served.await;
                drop(counted);
            }
        };
        let connections_max = move || self.options.borrow().connections_max;
        let accepting = self.listener.run(stop.clone(), tasks, connections_max, serve);
        let following = health::follow(health, self.links.readiness, stop.clone());
        let timing = follow_revisions(self.links.newest, self.links.sinks, self.links.clock, stop);
        tokio::join!(accepting, following, timing);
        Ok(())
    }
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
