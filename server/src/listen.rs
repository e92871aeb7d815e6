//! Accepting connections, each with a handle that can close it from outside, all of them ended within the grace time when
//! the order to stop is given.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::Status;
use tracing::warn;

use crate::network::{Network, Port, Wire};

/// How long accepting pauses when the machine has run out of file descriptors: retrying at once would only burn CPU.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// One connection, as those that serve it see it. Cloning shares it.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    /// The other end.
    pub(crate) peer: SocketAddr,
    /// Cancelled when the server stops: take nothing new.
    pub(crate) stopping: CancellationToken,
    /// Cancelled by whoever serves it, when it is its turn to end: finish what is under way.
    pub(crate) draining: CancellationToken,
    /// Why, where its client would not be let in any more.
    pub(crate) lapsed: Arc<OnceLock<Status>>,
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

    /// Serves whoever comes, until `stop`; then whatever runs in `tasks` is ended within the grace time. Until that is done
    /// the port stays open, so that clients which come meanwhile can be told why they are not served.
    pub(crate) async fn run<F, S>(self, stop: CancellationToken, tasks: TaskTracker, serve: F)
    where
        F: Fn(Wire, Connection) -> S,
        S: Future<Output = ()> + Send + 'static,
    {
        let close = CancellationToken::new();
        let in_time = tokio::select! {
            biased;
            in_time = self.ended(&stop, &tasks) => in_time,
            () = self.accept_all(&stop, &close, |wire, connection| drop(tasks.spawn(serve(wire, connection)))) => true,
        };
        drop(self.port);
        if !in_time {
            warn!(left = tasks.len(), "grace time is over: closing connections");
            close.cancel();
            tasks.wait().await;
        }
    }

    /// Waits for the order to stop, and then for the tasks; says whether they ended in time.
    async fn ended(&self, stop: &CancellationToken, tasks: &TaskTracker) -> bool {
        stop.cancelled().await;
        tasks.close();
        tokio::time::timeout(self.grace, tasks.wait()).await.is_ok()
    }

    async fn accept_all(
        &self,
        stop: &CancellationToken,
        close: &CancellationToken,
        serve: impl Fn(Wire, Connection),
    ) {
        loop {
            match self.port.accept().await {
                Ok((wire, peer)) => {
                    let (stopping, draining) = (stop.clone(), CancellationToken::new());
                    let (lapsed, close) = (Arc::default(), close.child_token());
                    serve(wire, Connection { peer, stopping, draining, lapsed, close });
                }
                Err(error) => {
                    warn!(%error, address = %self.local_addr(), "accepting failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}
