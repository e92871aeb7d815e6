//! Durations and times as documents write them.

use prost_reflect::prost_types::{Duration, Timestamp};

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// Protobuf's bound: some 10,000 years.
const SECONDS_MAX: i128 = 315_576_000_000;

/// Units as Go's `time.ParseDuration` takes them. There is no day: it is not always 24 hours long.
const UNITS: [(&str, i128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", NANOS_PER_SECOND),
    ("m", 60 * NANOS_PER_SECOND),
    ("h", 3600 * NANOS_PER_SECOND),
];

/// `1h`, `1m30s`, `1.5s`, `-500ms`; `0` needs no unit. Parts of a nanosecond are cut off.
pub(super) fn parse_go_duration(text: &str) -> Result<Duration, String> {
    let (sign, mut rest) = sign(text);
    if rest == "0" {
        return Ok(Duration::default());
    }
    if rest.is_empty() {
        return Err("it is empty".to_owned());
    }
    let mut nanos = 0;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(number_end);
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        nanos += scaled(number, unit)?;
        rest = tail;
    }
    within_bounds(sign * nanos)
}

/// `90s`, `0.25s`: what protobuf's JSON allows, which is all that Envoy reads.
pub(super) fn parse_json_duration(text: &str) -> Result<Duration, String> {
    let (sign, rest) = sign(text);
    let Some(number) = rest.strip_suffix('s').filter(|number| number.ends_with(|c: char| c.is_ascii_digit()))
    else {
        return Err("it is no number of seconds with an `s`".to_owned());
    };
    if text.starts_with('+') || number.split_once('.').is_some_and(|(_, fraction)| fraction.len() > 9) {
        return Err("it is no number of seconds with at most 9 decimals".to_owned());
    }
    within_bounds(sign * scaled(number, "s")?)
}

fn sign(text: &str) -> (i128, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn scaled(number: &str, unit: &str) -> Result<i128, String> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return Err(format!("`{number}{unit}` does not begin with a number"));
    }
    let factor = match UNITS.iter().find(|(name, _)| *name == unit) {
        Some((_, factor)) => *factor,
        None if unit.is_empty() => return Err("it has no unit".to_owned()),
        None => return Err(format!("`{unit}` is no unit")),
    };
    let too_long = || "it is too long".to_owned();
    let digits = |text: &str| if text.is_empty() { Ok(0) } else { text.parse::<u64>() };
    let whole = i128::from(digits(whole).map_err(|_| too_long())?) * factor;
    // 18 decimals of an hour are far finer than a nanosecond.
    let fraction = &fraction[..fraction.len().min(18)];
    let scale = 10_i128.pow(u32::try_from(fraction.len()).map_err(|_| too_long())?);
    Ok(whole + i128::from(digits(fraction).map_err(|_| too_long())?) * factor / scale)
}

fn within_bounds(nanos: i128) -> Result<Duration, String> {
    let (seconds, nanos) = (nanos / NANOS_PER_SECOND, nanos % NANOS_PER_SECOND);
    match (i64::try_from(seconds), i32::try_from(nanos)) {
        (Ok(seconds), Ok(nanos)) if i128::from(seconds).abs() <= SECONDS_MAX => {
            Ok(Duration { seconds, nanos })
        }
        _ => Err("it is longer than 10000 years".to_owned()),
    }
}

/// Seconds with 0, 3, 6 or 9 decimals: `90s`, `0.250s`. Both Go's reader and protobuf's take it.
pub(super) fn duration_text(duration: &Duration) -> String {
    let sign = if duration.seconds < 0 || duration.nanos < 0 { "-" } else { "" };
    let (seconds, nanos) = (duration.seconds.unsigned_abs(), duration.nanos.unsigned_abs());
    let mut decimals = format!(".{nanos:09}");
    while let Some(shorter) = decimals.strip_suffix("000") {
        decimals.truncate(shorter.len());
    }
    let decimals = if decimals == "." { "" } else { &decimals };
    format!("{sign}{seconds}{decimals}s")
}

/// RFC 3339, as JSON and Kubernetes have it.
pub(super) fn parse_timestamp(text: &str) -> Option<Timestamp> {
    let shaped = text.len() >= 20 && text.is_ascii() && text.as_bytes()[10].eq_ignore_ascii_case(&b'T');
    text.parse().ok().filter(|_| shaped)
}

/// RFC 3339 in UTC.
pub(super) fn timestamp_text(seconds: i64, nanos: i32) -> String {
    Timestamp { seconds, nanos }.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, seconds, nanos) in [
            ("1s", 1, 0),
            ("1m30s", 90, 0),
            ("1h", 3600, 0),
            ("1h15m30.918273645s", 4530, 918_273_645),
            ("500ms", 0, 500_000_000),
            ("0.001s", 0, 1_000_000),
            (".5s", 0, 500_000_000),
            ("5.s", 5, 0),
            ("-1.5s", -1, -500_000_000),
            ("1.5h", 5400, 0),
            ("10us", 0, 10_000),
            ("10\u{b5}s", 0, 10_000),
            ("3ns", 0, 3),
            ("0", 0, 0),
            ("0s", 0, 0),
        ] {
            assert_eq!(parse_go_duration(text), Ok(Duration { seconds, nanos }), "{text}");
        }
        for text in
            ["", "1d", "10", "s", "1 s", "1.2.3s", "1s ", "-", ".s", "1w2d", "99999999999999999999s", "1e3s"]
        {
            assert!(parse_go_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn envoys_durations_are_seconds_only() {
        assert_eq!(parse_json_duration("0.25s"), Ok(Duration { seconds: 0, nanos: 250_000_000 }));
        assert_eq!(parse_json_duration("-2s"), Ok(Duration { seconds: -2, nanos: 0 }));
        for text in ["1m", "1m30s", "500ms", "10", "s", "+1s", "0.0000000001s", ""] {
            assert!(parse_json_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_written_as_both_readers_take_them() {
        for (seconds, nanos, text) in [
            (90, 0, "90s"),
            (0, 1_000_000, "0.001s"),
            (0, 1_500_000, "0.001500s"),
            (1, 500_000_000, "1.500s"),
            (-1, -5, "-1.000000005s"),
            (0, -500_000_000, "-0.500s"),
            (0, 0, "0s"),
        ] {
            let duration = Duration { seconds, nanos };
            assert_eq!(duration_text(&duration), text);
            assert_eq!(parse_go_duration(text), Ok(duration));
            assert_eq!(parse_json_duration(text), Ok(duration));
        }
    }

    #[test]
    fn times_are_rfc_3339() {
        let time = parse_timestamp("2026-01-02T03:04:05Z").unwrap();
        assert_eq!(time.seconds, 1_767_323_045);
        assert_eq!(timestamp_text(time.seconds, time.nanos), "2026-01-02T03:04:05Z");
        assert_eq!(parse_timestamp("2026-01-02T04:04:05.5+01:00").unwrap().nanos, 500_000_000);
        for (seconds, nanos) in [(i64::MIN, i32::MIN), (i64::MAX, i32::MAX), (0, -1)] {
            assert!(!timestamp_text(seconds, nanos).is_empty(), "a peer may send any numbers");
            assert!(!duration_text(&Duration { seconds, nanos }).is_empty());
        }
        for text in ["", "2026-01-02", "yesterday", "2026-13-02T03:04:05Z", "2026-01-02 03:04:05Z"] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
    }
}
