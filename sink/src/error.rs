//! What can go wrong, by who has to act.

use std::time::Duration;

/// In so many milliseconds, says a server that is busy (gRFC A6).
const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// Nobody is kept away for longer by what a server said: it may have meant something else.
const PUSHBACK_MAX: Duration = Duration::from_secs(300);

/// Why a client can't be built: the embedder's mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// Not an address.
    #[error("`{0}` is not an address; write HOST:PORT or xds://HOST:PORT")]
    Address(String),
    /// An address that asks for TLS, which is not set up.
    #[error("`{0}` asks for TLS, which this client is not set up for; write xds://HOST:PORT for plaintext")]
    Tls(String),
    /// TLS is set up in a way that does not work: a certificate that is none, for example.
    #[error("TLS for `{address}`: {reason}")]
    TlsConfig {
        /// Where.
        address: String,
        /// Why not.
        reason: String,
    },
    /// Servers refuse a client without a node id (rule 6).
    #[error("node id is empty")]
    NoNode,
    /// Nothing is asked for.
    #[error("no subscription")]
    NoSubscription,
}

/// Why a stream ended, or did not open. None of it is final: a server that refuses now may take the client later.
#[derive(Debug, thiserror::Error)]
pub enum Disconnected {
    /// Nobody answers there.
    #[error("connect to `{address}`: {reason}")]
    Connect {
        /// Where.
        address: String,
        /// Why: the innermost cause, because the three around it only say that connecting failed.
        reason: String,
    },
    /// The server refused or ended the stream, or the connection broke.
    #[error("stream of `{address}`: {:?}: {}", status.code(), status.message())]
    Status {
        /// Where.
        address: String,
        /// What the server said.
        status: tonic::Status,
    },
    /// The server ended the stream in good order.
    #[error("stream of `{address}`: closed by the server")]
    Closed {
        /// Where.
        address: String,
    },
    /// The server keeps alive what has ended here because it was silent.
    #[error(
        "stream of `{address}`: the server keeps alive what has ended here, and gives it on another stream only"
    )]
    Silent {
        /// Where.
        address: String,
    },
    /// The server has stopped reading.
    #[error("stream of `{address}`: the server took no request for {} s", crate::transport::SEND_TIMEOUT.as_secs())]
    Stuck {
        /// Where.
        address: String,
    },
}

impl Disconnected {
    /// In how long the server wants to be tried again at the earliest, where it said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let Self::Status { status, .. } = self else { return None };
        let millis = status.metadata().get(PUSHBACK)?.to_str().ok()?.parse().ok()?;
        Some(Duration::from_millis(millis).min(PUSHBACK_MAX))
    }
}

#[cfg(test)]
mod tests {
    use tonic::{Status, metadata::MetadataValue};

    use super::*;

    fn told(pushback: Option<&'static str>) -> Option<Duration> {
        let mut status = Status::unavailable("busy");
        if let Some(pushback) = pushback {
            status.metadata_mut().insert(PUSHBACK, MetadataValue::from_static(pushback));
        }
        Disconnected::Status { address: "a:1".into(), status }.retry_after()
    }

    #[test]
    fn server_says_when_to_come_back_in_milliseconds() {
        assert_eq!(told(Some("1500")), Some(Duration::from_millis(1500)));
        assert_eq!(told(Some("99999999999")), Some(PUSHBACK_MAX));
        // Which would mean never; but this client never gives up.
        assert_eq!([told(Some("-1")), told(Some("soon")), told(None)], [None; 3]);
    }
}
