//! The handshake of one connection. It takes place beside the accept loop, once the connection is let in, and within a deadline.

use std::{io, sync::Arc};

use mainsheet_api::limits::HANDSHAKE_DEADLINE;
use rustls::pki_types::CertificateDer;
use tokio::{sync::watch, time::timeout};
use tokio_rustls::TlsAcceptor;

use super::Material;
use crate::network::Wire;

/// Secures connections with the newest material.
#[derive(Clone)]
pub(crate) struct Acceptor {
    material: watch::Receiver<Material>,
    port: Port,
}

/// Whose connections.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Port {
    Grpc,
    Http,
}

/// What a connection shows of its client.
#[derive(Clone, Debug)]
pub(crate) enum Shown {
    /// Nothing: it is plaintext.
    Plaintext,
    /// What TLS tells: the certificate, and those between it and the CA; none where the client showed none.
    Tls(Arc<[CertificateDer<'static>]>),
}

impl Acceptor {
    pub(crate) fn new(material: watch::Receiver<Material>, port: Port) -> Self {
        Self { material, port }
    }

    /// Shakes hands.
    pub(crate) async fn accept(&self, wire: Wire) -> io::Result<(Wire, Shown)> {
        let config = {
            let material = self.material.borrow();
            Arc::clone(match self.port {
                Port::Grpc => &material.grpc,
                Port::Http => &material.http,
            })
        };
        let late =
            || io::Error::new(io::ErrorKind::TimedOut, format!("no handshake within {HANDSHAKE_DEADLINE:?}"));
        let stream = timeout(HANDSHAKE_DEADLINE, TlsAcceptor::from(config).accept(wire))
            .await
            .map_err(|_| late())??;
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let chain = chain.iter().map(|certificate| certificate.clone().into_owned()).collect();
        Ok((Wire::Tls(Box::new(stream)), Shown::Tls(chain)))
    }
}

/// How the connections of a port are secured.
#[derive(Clone)]
pub(crate) enum Security {
    /// They are not.
    Plaintext,
    /// By TLS.
    Tls(Acceptor),
}

impl Security {
    /// Secures one.
    pub(crate) async fn secure(&self, wire: Wire) -> io::Result<(Wire, Shown)> {
        match self {
            Self::Plaintext => Ok((wire, Shown::Plaintext)),
            Self::Tls(acceptor) => acceptor.accept(wire).await,
        }
    }
}
