//! The limits that a client can reach, as a table: what each is called, and what whoever reaches it is told.

use std::time::Duration;

use mainsheet_api::limits::{
    CLIENT_FAULT_RETRY, CONNECTION_PLACE_RETRY, REQUEST_ROOM_RETRY, STREAM_PLACE_RETRY,
};
use tonic::Code;

/// A limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Limit {
    Connections,
    ConnectionsPerPeer,
    ConnectionsPerSecond,
    ConnectionsPerSecondPerPeer,
    Streams,
    StreamsPerPeer,
    RequestsPerSecond,
    ClientBytes,
    RequestsBytes,
    RequestBytes,
    Names,
    Types,
    Node,
}

/// What a limit is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// The setting that it is, or the bound in `api/src/limits.rs`; a label of metrics.
    pub(crate) name: &'static str,
    /// UNAVAILABLE where others have taken what there is, RESOURCE_EXHAUSTED where it is this client or this address.
    pub(crate) code: Code,
    /// `reason` of the `google.rpc.ErrorInfo`.
    pub(crate) reason: &'static str,
    /// In how long it may be worth trying again, where nothing better is known.
    pub(crate) retry: Duration,
}

use Code::{ResourceExhausted, Unavailable};

impl Limit {
    /// All of them.
    pub(crate) const ALL: [Self; 13] = [
        Self::Connections,
        Self::ConnectionsPerPeer,
        Self::ConnectionsPerSecond,
        Self::ConnectionsPerSecondPerPeer,
        Self::Streams,
        Self::StreamsPerPeer,
        Self::RequestsPerSecond,
        Self::ClientBytes,
        Self::RequestsBytes,
        Self::RequestBytes,
        Self::Names,
        Self::Types,
        Self::Node,
    ];

    #[rustfmt::skip]
    pub(crate) const fn row(self) -> Row {
        let (name, code, reason, retry) = match self {
            Self::Connections => ("connections-max", Unavailable, "CONNECTIONS", CONNECTION_PLACE_RETRY),
            Self::ConnectionsPerPeer => ("connections-per-peer-max", ResourceExhausted, "CONNECTIONS_PER_PEER", CONNECTION_PLACE_RETRY),
            Self::ConnectionsPerSecond => ("connections-per-second", Unavailable, "CONNECTION_RATE", STREAM_PLACE_RETRY),
            Self::ConnectionsPerSecondPerPeer => ("connections-per-second-per-peer", ResourceExhausted, "CONNECTION_RATE_PER_PEER", STREAM_PLACE_RETRY),
            Self::Streams => ("streams-max", Unavailable, "STREAMS", STREAM_PLACE_RETRY),
            Self::StreamsPerPeer => ("streams-per-peer-max", ResourceExhausted, "STREAMS_PER_PEER", STREAM_PLACE_RETRY),
            Self::RequestsPerSecond => ("requests-per-second", ResourceExhausted, "REQUEST_RATE", CLIENT_FAULT_RETRY),
            Self::ClientBytes => ("client-bytes-max", ResourceExhausted, "CLIENT_BYTES", CLIENT_FAULT_RETRY),
            Self::RequestsBytes => ("requests-bytes-max", ResourceExhausted, "REQUESTS_BYTES", REQUEST_ROOM_RETRY),
            Self::RequestBytes => ("request-bytes", ResourceExhausted, "REQUEST_BYTES", CLIENT_FAULT_RETRY),
            Self::Names => ("names", ResourceExhausted, "NAMES", CLIENT_FAULT_RETRY),
            Self::Types => ("types", ResourceExhausted, "TYPES", CLIENT_FAULT_RETRY),
            Self::Node => ("node-bytes", ResourceExhausted, "NODE_BYTES", CLIENT_FAULT_RETRY),
        };
        Row { name, code, reason, retry }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_limit_is_told_apart() {
        let rows = Limit::ALL.map(Limit::row);
        let different = |text: fn(&Row) -> &'static str| rows.iter().map(text).collect::<BTreeSet<_>>().len();
        assert_eq!((different(|row| row.name), different(|row| row.reason)), (rows.len(), rows.len()));
        assert!(Limit::ALL.is_sorted());
    }
}
