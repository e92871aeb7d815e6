//! What TLS can be told.

use std::{net::SocketAddr, path::PathBuf};

use crate::{auth::Files, config::words};

words! {
    /// Whether clients of the gRPC port have to show a certificate.
    ClientAuth {
        /// Who shows none gets no connection.
        Required = "required",
        /// Who shows none is known by a token, or not at all.
        Optional = "optional",
    }
}

words! {
    /// A version of TLS.
    TlsVersion {
        /// The newest.
        V13 = "1.3",
        /// The one before it.
        V12 = "1.2",
    }
}

/// How ports are secured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// Where sinks connect over TLS, once there is a certificate.
    pub grpc_addr: SocketAddr,
    /// Where HTTP is served over TLS.
    pub http_addr: Option<SocketAddr>,
    /// The server's certificate, and those above it. Without one there is no TLS.
    pub cert: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
    /// Whose signature makes a client's certificate good. Without it clients are not asked for one.
    pub client_ca: Option<PathBuf>,
    /// Whether they have to show one.
    pub client_auth: ClientAuth,
    /// The oldest version that is spoken.
    pub min_version: TlsVersion,
}

impl Default for TlsSettings {
    fn default() -> Self {
        Self {
            // The port of istiod that is secured. Unlike plaintext it is meant for other machines: who can't prove who they are
            // are nobody there.
            grpc_addr: SocketAddr::from(([0, 0, 0, 0], 15012)),
            http_addr: None,
            cert: None,
            key: None,
            client_ca: None,
            client_auth: ClientAuth::Required,
            min_version: TlsVersion::V13,
        }
    }
}

/// The files that ports are secured with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PemFiles {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) client_ca: Option<PathBuf>,
}

impl TlsSettings {
    /// The files, where there is TLS.
    pub(crate) fn pem_files(&self) -> Option<PemFiles> {
        let (cert, key) = (self.cert.clone()?, self.key.clone()?);
        Some(PemFiles { cert, key, client_ca: self.client_ca.clone() })
    }
}

impl PemFiles {
    /// As they are followed.
    pub(crate) fn files(&self) -> Files {
        let all = [Some(&self.cert), Some(&self.key), self.client_ca.as_ref()];
        Files::new("tls", all.into_iter().flatten().cloned())
    }
}
