//! Whoever makes a request, and how that is known.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use mainsheet_api::{access::Identity, time::Timestamp};
use rustls::pki_types::CertificateDer;

use super::certificate::{Fingerprint, Serial};

/// Whoever makes a request. Every service finds it among the request's extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who it is.
    pub identity: Identity,
    /// How that is known.
    pub via: Via,
    /// The other end of the connection.
    pub peer: SocketAddr,
    /// When the credential expires, where there is one.
    pub ends: Option<Timestamp>,
}

/// How it is known who a caller is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    /// It is on the server's own machine, and that is enough.
    Loopback,
    /// It is not known: no credential was shown.
    Nothing,
    /// It showed a certificate when it connected.
    Certificate(Arc<ShownCertificate>),
    /// It sent a token with its request.
    Token {
        /// The token's own id, where it has one.
        id: Option<Arc<str>>,
    },
}

/// A client's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownCertificate {
    /// Its number.
    pub serial: Serial,
    /// SHA-256 of all of it.
    pub fingerprint: Fingerprint,
    /// It, and those between it and the CA.
    pub chain: Arc<[CertificateDer<'static>]>,
}

/// Where Istio's sidecar brings in connections of other machines from: they look as if they were made on this one.
const SIDECAR_INBOUND: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 6);

impl Caller {
    /// Of a connection in plaintext: whoever is on this machine administers the server, where that is trusted.
    #[must_use]
    pub fn in_plaintext(peer: SocketAddr, trust_loopback: bool) -> Self {
        if trust_loopback && is_this_machine(peer.ip()) {
            Self { identity: Identity::local(), via: Via::Loopback, peer, ends: None }
        } else {
            Self::anonymous(peer)
        }
    }

    /// Of whom nothing is known.
    #[must_use]
    pub fn anonymous(peer: SocketAddr) -> Self {
        Self { identity: Identity::anonymous(), via: Via::Nothing, peer, ends: None }
    }

    /// What its sinks are told apart by, together with their node ids, whatever the credential's age or number: its user.
    /// Empty for whoever is trusted without a credential, as it was before there were any.
    #[must_use]
    pub fn sink_identity(&self) -> &str {
        match self.via {
            Via::Loopback => "",
            Via::Nothing | Via::Certificate(_) | Via::Token { .. } => self.identity.user(),
        }
    }

    /// The number of its certificate, where it showed one.
    #[must_use]
    pub fn serial(&self) -> Option<&Serial> {
        if let Via::Certificate(shown) = &self.via { Some(&shown.serial) } else { None }
    }

    pub(crate) fn has_certificate(&self) -> bool {
        self.serial().is_some()
    }
}

fn is_this_machine(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    ip.is_loopback() && ip != IpAddr::V4(SIDECAR_INBOUND)
}

/// In a word, for logs.
impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "loopback",
            Self::Nothing => "nothing",
            Self::Certificate(_) => "certificate",
            Self::Token { .. } => "token",
        })
    }
}

/// As logs name it: user and address.
impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.identity, self.peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ip: &str, trust_loopback: bool) -> Caller {
        Caller::in_plaintext(SocketAddr::new(ip.parse().unwrap(), 1), trust_loopback)
    }

    #[test]
    fn whoever_is_on_this_machine_administers_the_server_where_that_is_trusted() {
        for ip in ["127.0.0.1", "127.0.0.5", "::1", "::ffff:127.0.0.1"] {
            assert!(at(ip, true).identity.is_master(), "{ip}");
            assert_eq!(at(ip, false).identity, Identity::anonymous(), "{ip}");
        }
    }

    #[test]
    fn whoever_is_elsewhere_is_nobody() {
        for ip in ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1", "0.0.0.0"] {
            assert_eq!(at(ip, true), Caller::anonymous(SocketAddr::new(ip.parse().unwrap(), 1)), "{ip}");
        }
    }

    #[test]
    fn connections_that_a_sidecar_brings_in_are_not_of_this_machine() {
        assert_eq!(at("127.0.0.6", true).via, Via::Nothing);
    }

    #[test]
    fn sinks_of_nobody_are_not_those_of_this_machine() {
        assert_eq!(at("127.0.0.1", true).sink_identity(), "");
        assert_eq!(at("192.0.2.1", true).sink_identity(), "system:anonymous");
    }
}
