//! Times as kubectl shortens them.

use std::time::Duration;

use mainsheet_api::{generated::google::protobuf, time::Timestamp};

/// How long ago something was.
pub(in crate::cli) fn age(created: Timestamp, now: Timestamp) -> String {
    span(now.since(created))
}

/// A time span: `5s`, `3m`, `2h`, `4d`.
pub(in crate::cli) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// As an answer has it; what lies before 1970 is 1970.
pub(in crate::cli) fn timestamp(at: protobuf::Timestamp) -> Timestamp {
    let seconds = u64::try_from(at.seconds).unwrap_or_default();
    let nanos = u64::try_from(at.nanos).unwrap_or_default();
    Timestamp(seconds.saturating_mul(1000).saturating_add(nanos / 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_is_short() {
        for (seconds, text) in
            [(0, "0s"), (119, "119s"), (120, "2m"), (7_199, "119m"), (7_200, "2h"), (172_800, "2d")]
        {
            assert_eq!(age(Timestamp(1_000), Timestamp(1_000 + seconds * 1000)), text);
        }
    }

    #[test]
    fn moments_of_answers_are_milliseconds() {
        assert_eq!(timestamp(protobuf::Timestamp { seconds: 2, nanos: 5_999_999 }), Timestamp(2_005));
        assert_eq!(timestamp(protobuf::Timestamp { seconds: -2, nanos: -5 }), Timestamp(0));
    }
}
