//! How connections come in and go out: TCP, unless the server runs in a network of somebody else's making.

use std::{
    fmt,
    io::{self, IoSlice},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use mainsheet_sink::Connector;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpSocket, TcpStream},
};
use tokio_rustls::server::TlsStream;
use tracing::debug;

/// Unsent bytes in the kernel above which a socket takes no more. What is still ours can be replaced by something
/// newer; what the kernel holds will be sent however stale it is.
const NOTSENT_BYTES_MAX: u32 = 128 << 10;

/// Connections that the kernel completes before they are accepted: those of a fleet that comes at once. It takes no more than
/// `net.core.somaxconn` says; who finds no room tries again after a second, two, four.
const BACKLOG: u32 = 16 << 10;

/// Where a server listens and connects.
pub trait Network: fmt::Debug + Send + Sync {
    /// Takes a port.
    fn listen(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn Port>>>;

    /// How servers that this one follows are reached; none where TCP is meant.
    fn connector(&self) -> Option<Connector>;
}

/// A port that was taken.
pub trait Port: fmt::Debug + Send + Sync {
    /// The address, with the port that the machine chose.
    fn local_addr(&self) -> SocketAddr;

    /// The next connection, and where it comes from. May be dropped and called again; nothing is lost.
    fn accept(&self) -> BoxFuture<'_, io::Result<(Wire, SocketAddr)>>;
}

/// The machine's network.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tcp;

impl Network for Tcp {
    fn listen(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn Port>>> {
        Box::pin(async move {
            let tcp = listen(address)?;
            let local = tcp.local_addr()?;
            Ok(Box::new(TcpPort { tcp, local }) as Box<dyn Port>)
        })
    }

    fn connector(&self) -> Option<Connector> {
        None
    }
}

#[derive(Debug)]
struct TcpPort {
    tcp: TcpListener,
    local: SocketAddr,
}

impl Port for TcpPort {
    fn local_addr(&self) -> SocketAddr {
        self.local
    }

    fn accept(&self) -> BoxFuture<'_, io::Result<(Wire, SocketAddr)>> {
        Box::pin(async {
            let (stream, peer) = self.tcp.accept().await?;
            prepare(&stream);
            Ok((Wire::Tcp(stream), peer))
        })
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A server that starts again gets its port back, though connections of the one before linger.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
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

/// What a connection of another network is.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// The bytes of one connection, both ways.
pub enum Wire {
    /// Of the machine's network.
    Tcp(TcpStream),
    /// Of another one.
    Other(Box<dyn Duplex>),
    /// What TLS makes of either.
    Tls(Box<TlsStream<Wire>>),
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp(_) => "Tcp",
            Self::Other(_) => "Other",
            Self::Tls(_) => "Tls",
        })
    }
}

/// Does the same to either.
macro_rules! on {
    ($wire:expr, $stream:ident => $do:expr) => {
        match $wire {
            Wire::Tcp($stream) => $do,
            Wire::Other($stream) => $do,
            Wire::Tls($stream) => $do,
        }
    };
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        on!(self.get_mut(), stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        on!(self.get_mut(), stream => Pin::new(stream).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on!(self.get_mut(), stream => Pin::new(stream).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        on!(self, stream => stream.is_write_vectored())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on!(self.get_mut(), stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on!(self.get_mut(), stream => Pin::new(stream).poll_shutdown(cx))
    }
}

/// As it is passed around.
pub type SharedNetwork = Arc<dyn Network>;
