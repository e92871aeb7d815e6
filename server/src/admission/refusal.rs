//! What a client is told that is over a limit: which, and when to come back.

use std::{collections::HashMap, fmt, time::Duration};

use tonic::{Status, metadata::MetadataValue};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::limit::Limit;

/// Of every `google.rpc.ErrorInfo`.
const DOMAIN: &str = "mainsheet.io";

/// What clients with a retry policy of gRPC's own go by (gRFC A6): in so many milliseconds.
const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// How much longer than it has to be a client may be told to wait, so that those who were refused together do not come
/// back together.
const SPREAD: f64 = 0.25;

/// A refusal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refusal {
    limit: Limit,
    text: String,
    retry_in: Duration,
}

impl Refusal {
    /// `text` says what there is too much of, and what may be. `fraction` is evenly distributed over [0, 1).
    pub(crate) fn new(limit: Limit, text: impl Into<String>, fraction: f64) -> Self {
        Self { limit, text: text.into(), retry_in: Duration::ZERO }.in_turn(limit.row().retry, fraction)
    }

    /// To be tried again not before it is its turn.
    pub(crate) fn in_turn(self, turn: Duration, fraction: f64) -> Self {
        let retry_in = turn.mul_f64(1.0 + SPREAD * fraction.clamp(0.0, 1.0));
        Self { retry_in: retry_in.max(Duration::from_millis(1)), ..self }
    }

    pub(crate) fn limit(&self) -> Limit {
        self.limit
    }

    /// As the client gets it: `google.rpc.ErrorInfo` says which limit, `google.rpc.RetryInfo` when to try again.
    pub(crate) fn status(&self) -> Status {
        let row = self.limit.row();
        let limit = HashMap::from([("limit".to_owned(), row.name.to_owned())]);
        let mut details = ErrorDetails::with_error_info(row.reason, DOMAIN, limit);
        details.set_retry_info(Some(self.retry_in));
        let mut status = Status::with_error_details(row.code, self.to_string(), details);
        let millis = u64::try_from(self.retry_in.as_millis()).unwrap_or(u64::MAX);
        status.metadata_mut().insert(PUSHBACK, MetadataValue::from(millis));
        status
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.retry_in.as_secs_f64();
        write!(f, "{} ({}); try again in {seconds:.1} s", self.text, self.limit.row().name)
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    #[test]
    fn client_is_told_which_limit_and_when_to_come_back() {
        let refusal = Refusal::new(Limit::Streams, "5 streams are open", 0.0);
        let status = refusal.in_turn(Duration::from_secs(2), 1.0).status();
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(status.message(), "5 streams are open (streams-max); try again in 2.5 s");
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("STREAMS", DOMAIN));
        assert_eq!(info.metadata["limit"], "streams-max");
        assert_eq!(details.retry_info().unwrap().retry_delay, Some(Duration::from_millis(2_500)));
        assert_eq!(status.metadata().get(PUSHBACK).unwrap(), "2500");
    }

    #[test]
    fn nobody_is_told_to_come_back_sooner_than_is_worth_it_nor_much_later() {
        for limit in Limit::ALL {
            for fraction in [0.0, 0.5, 1.0] {
                let retry_in = Refusal::new(limit, "", fraction).retry_in;
                let base = limit.row().retry;
                assert!(retry_in >= base && retry_in <= base.mul_f64(1.0 + SPREAD), "{limit:?} {retry_in:?}");
            }
        }
    }
}
