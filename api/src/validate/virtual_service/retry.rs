//! Retries.

use crate::{
    generated::istio::networking::v1alpha3::HttpRetry,
    validate::{code, duration, report::Report},
};

/// Envoy's conditions for HTTP and gRPC.
const CONDITIONS: [&str; 16] = [
    "5xx",
    "gateway-error",
    "reset",
    "reset-before-request",
    "connect-failure",
    "retriable-4xx",
    "refused-stream",
    "retriable-status-codes",
    "retriable-headers",
    "envoy-ratelimited",
    "http3-post-connect-failure",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
];

pub(super) fn check(report: &mut Report<'_>, retry: &HttpRetry) {
    report.flag_at_if(retry.attempts < 0, "attempts", &code::NEGATIVE);
    let conditions = retry.per_try_timeout.is_some()
        || !retry.retry_on.is_empty()
        || retry.retry_remote_localities.is_some();
    report.flag_if(retry.attempts == 0 && conditions, &code::VS_RETRY_ZERO);
    duration::positive(report, "perTryTimeout", retry.per_try_timeout.as_ref());
    duration::positive(report, "backoff", retry.backoff.as_ref());
    let is_right = |conditions: &str| conditions.is_empty() || conditions.split(',').all(is_condition);
    report.expect("retryOn", retry.retry_on.as_str(), is_right, &code::VS_RETRY_ON);
}

fn is_condition(condition: &str) -> bool {
    CONDITIONS.contains(&condition) || condition.parse::<i64>().is_ok_and(is_registered_status)
}

/// The statuses that Go has a text for.
fn is_registered_status(status: i64) -> bool {
    let ranges = [100..=103, 200..=208, 226..=226, 300..=305, 307..=308, 400..=418, 421..=426, 428..=429];
    ranges.iter().any(|range| range.contains(&status))
        || [431, 451, 510, 511].contains(&status)
        || (500..=508).contains(&status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_names_and_registered_statuses() {
        for good in ["5xx", "503", "418", "226"] {
            assert!(is_condition(good), "{good}");
        }
        for bad in ["", " 503", "299", "306", "5XX"] {
            assert!(!is_condition(bad), "{bad}");
        }
    }
}
