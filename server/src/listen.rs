//! Accepting connections: bounded in number, each with a handle that can close it from outside, all of them ended
//! within the grace time when the order to stop is given.

use std::{future::Future, io, net::SocketAddr, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::warn;

use crate::{
    network::{Network, Port, Wire},
    places::Places,
};

/// How long accepting pauses when the machine has run out of file descriptors: retrying at once would only burn CPU.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// One connection, as those that serve it see it. Cloning shares it.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    /// The other end.
    pub(crate) peer: SocketAddr,
    /// Cancelled when the server stops: finish what is under way, take nothing new.
    pub(crate) draining: CancellationToken,
    /// Cancel it to close the connection at once, whatever the client does.
    pub(crate) close: CancellationToken,
}

/// A bound port.
#[derive(Debug)]
pub(crate) struct Listener {
    port: Box<dyn Port>,
    /// How long connections have to end by themselves after the order to stop.
    grace: Duration,
}

impl Listener {
    /// Takes the port, so that an error surfaces before anybody says that it is served.
    pub(crate) async fn bind(
        network: &dyn Network,
        address: SocketAddr,
        grace: Duration,
    ) -> io::Result<Self> {
        Ok(Self { port: network.listen(address).await?, grace })
    }

    /// The address with the port that the machine chose.
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.port.local_addr()
    }

    /// Accepts until `stop`; then ends everything that runs in `tasks`, within the grace time. Connections beyond
    /// `connections_max`, which is asked for each, are closed as soon as they are accepted.
    pub(crate) async fn run<F, S>(
        self,
        stop: CancellationToken,
        tasks: TaskTracker,
        connections_max: impl Fn() -> usize,
        serve: F,
    ) where
        F: Fn(Wire, Connection) -> S,
        S: Future<Output = ()> + Send + 'static,
    {
        let places = Places::default();
        let close = CancellationToken::new();
        while let Some((wire, peer)) = self.accept(&stop).await {
            let max = connections_max();
            let Some(place) = places.take(max) else {
                warn!(%peer, max, "connection refused: too many");
                continue;
            };
            let connection = Connection { peer, draining: stop.child_token(), close: close.child_token() };
            let served = serve(wire, connection);
            tasks.spawn(async move {
                served.await;
                drop(place);
            });
        }
        tasks.close();
        drop(self.port);
        if tokio::time::timeout(self.grace, tasks.wait()).await.is_err() {
            warn!(left = tasks.len(), "grace time is over: closing connections");
            close.cancel();
            tasks.wait().await;
        }
    }

    async fn accept(&self, stop: &CancellationToken) -> Option<(Wire, SocketAddr)> {
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => return None,
                accepted = self.port.accept() => accepted,
            };
            match accepted {
                Ok(accepted) => return Some(accepted),
                Err(error) => {
                    warn!(%error, address = %self.local_addr(), "accepting failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}
