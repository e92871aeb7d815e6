//! Who opens connections, and how.

use std::{
    collections::BTreeSet,
    io,
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
};

use hyper_util::rt::TokioIo;
use tonic::codegen::{Service, http::Uri};

use super::{
    network::{Line, Net, Opening},
    stream::SimStream,
};

/// Somebody who opens connections.
#[derive(Clone, Debug)]
pub(super) struct Dialer {
    pub(super) name: Arc<str>,
    pub(super) client: u32,
    pub(super) line: Line,
    /// Whether it comes from the server's own machine, whose clients may do everything.
    pub(super) is_near: bool,
    /// The namespaces that may be on its wires; none where that is not checked.
    pub(super) sees: Option<Arc<BTreeSet<String>>>,
}

impl Dialer {
    /// Whether it may be told of a resource of this name.
    pub(super) fn may_see(&self, name: &str) -> bool {
        let Some(sees) = &self.sees else { return true };
        sees.iter().any(|zone| name.starts_with(zone.as_str()))
    }

    pub(super) fn on(&self, net: &Net) -> Dial {
        Dial { dialer: self.clone(), net: net.clone() }
    }
}

/// Opens connections, as the sink library wants it.
#[derive(Clone)]
pub(super) struct Dial {
    dialer: Dialer,
    net: Net,
}

impl Dial {
    fn open(&self, uri: &Uri) -> Opening {
        let to = uri.authority().and_then(|authority| authority.as_str().parse::<SocketAddr>().ok());
        let (net, dialer) = (self.net.clone(), self.dialer.clone());
        Box::pin(async move { net.dial(dialer, to.ok_or(io::ErrorKind::InvalidInput)?).await })
    }
}

impl Service<Uri> for Dial {
    type Response = SimStream;
    type Error = io::Error;
    type Future = Opening;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Opening {
        self.open(&uri)
    }
}

/// The same, as tonic wants it.
#[derive(Clone)]
pub(super) struct TonicDial(pub(super) Dial);

impl Service<Uri> for TonicDial {
    type Response = TokioIo<SimStream>;
    type Error = io::Error;
    type Future = std::pin::Pin<Box<dyn Future<Output = io::Result<TokioIo<SimStream>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let opening = self.0.open(&uri);
        Box::pin(async move { opening.await.map(TokioIo::new) })
    }
}
