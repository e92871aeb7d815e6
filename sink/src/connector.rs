//! How connections are opened, where it is not TCP that is meant.

use std::{
    error::Error,
    fmt, io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tonic::codegen::Service;

/// Opens connections in place of TCP: over a Unix socket, through a proxy, in memory. Cloning shares it.
#[derive(Clone)]
pub struct Connector(Arc<dyn Fn(Uri) -> Opening + Send + Sync>);

pub(crate) type Opening = Pin<Box<dyn Future<Output = io::Result<TokioIo<Box<dyn Duplex>>>> + Send>>;

/// The bytes of a connection, both ways.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

impl Connector {
    /// Of a [`tower`](https://docs.rs/tower) service that is given the server's address as `http://HOST:PORT/`;
    /// `tower::service_fn` makes one of a function. TLS is spoken on what it opens, where the address says so.
    pub fn new<C>(service: C) -> Self
    where
        C: Service<Uri> + Clone + Send + Sync + 'static,
        C::Response: AsyncRead + AsyncWrite + Send + Unpin + 'static,
        C::Error: Into<Box<dyn Error + Send + Sync>>,
        C::Future: Send,
    {
        Self(Arc::new(move |uri| {
            let mut service = service.clone();
            Box::pin(async move {
                std::future::poll_fn(|cx| service.poll_ready(cx)).await.map_err(io::Error::other)?;
                let opened = service.call(uri).await.map_err(io::Error::other)?;
                Ok(TokioIo::new(Box::new(opened) as Box<dyn Duplex>))
            })
        }))
    }
}

/// A connector as the transport calls it.
pub(crate) struct Opener(pub(crate) Connector);

impl Service<Uri> for Opener {
    type Response = TokioIo<Box<dyn Duplex>>;
    type Error = io::Error;
    type Future = Opening;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Opening {
        (self.0.0)(uri)
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}
