//! Accepting TCP connections: bounded in number, each with a handle that can close it from outside, all of them ended
//! within the grace time when the order to stop is given.

use std::{future::Future, io, net::SocketAddr, time::Duration};

use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};

use crate::places::Places;

/// How long accepting pauses when the machine has run out of file descriptors: retrying at once would only burn CPU.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Unsent bytes in the kernel above which a socket takes no more. What is still ours can be replaced by something
/// newer; what the kernel holds will be sent however stale it is.
const NOTSENT_BYTES_MAX: u32 = 128 << 10;

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
    tcp: TcpListener,
    local: SocketAddr,
    /// How long connections have to end by themselves after the order to stop.
    grace: Duration,
}

impl Listener {
    /// Takes the port, so that an error surfaces before anybody says that it is served.
    pub(crate) async fn bind(address: SocketAddr, grace: Duration) -> io::Result<Self> {
        let tcp = TcpListener::bind(address).await?;
        let local = tcp.local_addr()?;
        Ok(Self { tcp, local, grace })
    }

    /// The address with the port that the machine chose.
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.local
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
        F: Fn(TcpStream, Connection) -> S,
        S: Future<Output = ()> + Send + 'static,
    {
        let places = Places::default();
        let close = CancellationToken::new();
        while let Some((stream, peer)) = self.accept(&stop).await {
            let max = connections_max();
            let Some(place) = places.take(max) else {
                warn!(%peer, max, "connection refused: too many");
                continue;
            };
            prepare(&stream);
            let connection = Connection { peer, draining: stop.child_token(), close: close.child_token() };
            let served = serve(stream, connection);
            tasks.spawn(async move {
                served.await;
                drop(place);
            });
        }
        tasks.close();
        drop(self.tcp);
        if tokio::time::timeout(self.grace, tasks.wait()).await.is_err() {
            warn!(left = tasks.len(), "grace time is over: closing connections");
            close.cancel();
            tasks.wait().await;
        }
    }

    async fn accept(&self, stop: &CancellationToken) -> Option<(TcpStream, SocketAddr)> {
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => return None,
                accepted = self.tcp.accept() => accepted,
            };
            match accepted {
                Ok(accepted) => return Some(accepted),
                Err(error) => {
                    warn!(%error, address = %self.local, "accepting failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Socket options that only make it better: without them the connection is served all the same.
fn prepare(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "TCP_NODELAY");
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_notsent_lowat(NOTSENT_BYTES_MAX) {
        debug!(%error, "TCP_NOTSENT_LOWAT");
    }
}
