//! What the stream service can be told.

use std::{sync::Arc, time::Duration};

use mainsheet_api::{
    limits::{FIRST_REQUEST_DEADLINE, REQUESTS_OVER_RATE_MAX},
    xds::server::Policy,
};

use crate::views::Views;

/// What the stream service can be told.
#[derive(Clone, Debug)]
pub struct StreamOptions {
    /// `control_plane.identifier` of every response (rule 8).
    pub identity: Arc<str>,
    /// Who sees what.
    pub views: Views,
    /// What of the protocol is the operator's choice.
    pub policy: Arc<Policy>,
    /// Whether clients on this machine may do everything without a credential.
    pub trust_loopback: bool,
    /// Whether services beside discovery that change things answer other machines.
    pub allow_api_beyond_loopback: bool,
    /// RPCs at once on one connection. An ADS client needs one; istiod opens one a source, istioctl one a command.
    pub streams_per_connection_max: u32,
    /// How long a connection may be open before its first request, and a stream before its first: whoever only connects
    /// must not take places for ever.
    pub first_request_deadline: Duration,
    /// How long a stream may go on sending requests faster than it may, being read no faster than that.
    pub over_rate_max: Duration,
    /// How often an idle client is pinged (rule 88).
    pub keepalive_interval: Duration,
    /// How long the client has to answer the ping before it counts as dead. The ping waits behind what was sent before it, a
    /// megabyte perhaps: no less than the write deadline, or who reads slowly would be cut off before it has its first
    /// answer, however often it comes back.
    pub keepalive_timeout: Duration,
    /// How long a client may leave what is sent to it unread before its connection is closed (rule 87).
    pub write_deadline: Duration,
    /// How old a connection may become, about; none where it may be of any age.
    pub connection_age_max: Option<Duration>,
    /// How long streams have to end by themselves when the server stops, or their connection is too old.
    pub grace: Duration,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self {
            identity: Arc::from("mainsheet"),
            views: Views::default(),
            policy: Arc::default(),
            trust_loopback: true,
            allow_api_beyond_loopback: false,
            streams_per_connection_max: 100,
            first_request_deadline: FIRST_REQUEST_DEADLINE,
            over_rate_max: REQUESTS_OVER_RATE_MAX,
            keepalive_interval: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(60),
            write_deadline: Duration::from_secs(60),
            connection_age_max: None,
            grace: Duration::from_secs(10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_reads_slowly_has_as_long_for_a_ping_as_for_a_write() {
        let options = StreamOptions::default();
        assert!(options.keepalive_timeout >= options.write_deadline);
    }
}
