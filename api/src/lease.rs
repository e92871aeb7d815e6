//! Leases: how long a resource lives unless it is renewed, and how its author says so.
//!
//! A record's [`Lease`] has its first deadline. A [`Renewal`] moves it, and makes no revision.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    key::Key,
    limits::{TTL_MAX, TTL_MIN},
    resource::{Lease, SourceName},
    time::Timestamp,
};

/// The annotation that gives a resource a lease: `30s`, `10m`, `1h30m`, or [`NEVER`].
pub const TTL: &str = "mainsheet.io/ttl";

/// The annotation that gives a resource a time to live in the protocol's own sense: how long a client goes on using it
/// after it heard from a server.
pub const XDS_TTL: &str = "mainsheet.io/xds-ttl";

/// What [`TTL`] says of a resource that has no lease, although its source would give it one.
pub const NEVER: &str = "never";

/// What is wrong with a time to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TtlError {
    /// Another text.
    #[error("not a duration")]
    Unreadable,
    /// Shorter than [`TTL_MIN`].
    #[error("shorter than a second")]
    TooShort,
    /// Longer than [`TTL_MAX`].
    #[error("longer than ten years")]
    TooLong,
}

/// A lease that was renewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// Whose layer.
    pub source: SourceName,
    /// Which resource of it.
    pub key: Key,
    /// As its record has it.
    pub lease: Lease,
    /// The one that it has from now on.
    pub deadline: Timestamp,
}

impl Renewal {
    /// Of a lease that is renewed now.
    #[must_use]
    pub fn now(source: SourceName, key: Key, lease: Lease, now: Timestamp) -> Self {
        Self { source, key, lease, deadline: now.after(lease.ttl) }
    }
}

impl Lease {
    /// One that begins now.
    #[must_use]
    pub fn beginning(ttl: Duration, now: Timestamp) -> Self {
        Self { ttl, deadline: now.after(ttl) }
    }
}

/// The lease of a resource with these annotations that is written, or renewed, now: its own one, or else its source's. An
/// annotation that can't be read counts as none; validation refuses it.
#[must_use]
pub fn lease(
    annotations: &BTreeMap<String, String>,
    default: Option<Duration>,
    now: Timestamp,
) -> Option<Lease> {
    let ttl = match annotations.get(TTL).map(|text| parse_lease_ttl(text)) {
        Some(Ok(own)) => own,
        Some(Err(_)) | None => default,
    };
    ttl.map(|ttl| Lease::beginning(ttl, now))
}

/// How long a client may go on using a resource with these annotations.
#[must_use]
pub fn xds_ttl(annotations: &BTreeMap<String, String>) -> Option<Duration> {
    annotations.get(XDS_TTL).and_then(|text| parse_ttl(text).ok())
}

/// Reads what [`TTL`] says; `None` is [`NEVER`].
///
/// # Errors
/// Where it is neither that nor what [`parse_ttl`] takes.
pub fn parse_lease_ttl(text: &str) -> Result<Option<Duration>, TtlError> {
    if text == NEVER { Ok(None) } else { parse_ttl(text).map(Some) }
}

/// Reads whole days, hours, minutes and seconds: `7d`, `1h30m`, `10m`, `30s`.
///
/// # Errors
/// Where it is another text, or one that [`check_ttl`] refuses.
pub fn parse_ttl(text: &str) -> Result<Duration, TtlError> {
    const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];
    let mut units = UNITS.iter();
    let (mut rest, mut seconds) = (text, 0_u64);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let unit = tail.chars().next().ok_or(TtlError::Unreadable)?;
        // The larger ones first, each once.
        let (_, scale) = units.find(|(name, _)| *name == unit).ok_or(TtlError::Unreadable)?;
        if number.is_empty() {
            return Err(TtlError::Unreadable);
        }
        let number: u64 = number.parse().map_err(|_| TtlError::TooLong)?;
        seconds = seconds.saturating_add(number.saturating_mul(*scale));
        rest = &tail[unit.len_utf8()..];
    }
    if text.is_empty() { Err(TtlError::Unreadable) } else { check_ttl(Duration::from_secs(seconds)) }
}

/// Passes a time to live on that is between [`TTL_MIN`] and [`TTL_MAX`].
///
/// # Errors
/// Where it is not.
pub fn check_ttl(ttl: Duration) -> Result<Duration, TtlError> {
    match ttl {
        _ if ttl < TTL_MIN => Err(TtlError::TooShort),
        _ if ttl > TTL_MAX => Err(TtlError::TooLong),
        _ => Ok(ttl),
    }
}

/// Writes a time to live, whole seconds of it, as [`parse_ttl`] reads it.
#[must_use]
pub fn format_ttl(ttl: Duration) -> String {
    let seconds = ttl.as_secs();
    let parts =
        [(seconds / 86_400, 'd'), (seconds / 3600 % 24, 'h'), (seconds / 60 % 60, 'm'), (seconds % 60, 's')];
    let parts = parts.iter().filter(|(number, _)| *number > 0);
    parts.map(|(number, unit)| format!("{number}{unit}")).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn annotated(text: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(TTL.to_owned(), text.to_owned())])
    }

    #[test]
    fn durations_are_whole_numbers_with_units_from_large_to_small() {
        for (text, seconds) in [("30s", 30), ("10m", 600), ("1h30m", 5400), ("2d1h", 176_400), ("0h90s", 90)]
        {
            assert_eq!(parse_ttl(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in
            ["", "s", "30", "1.5h", "-1s", "30m1h", "1m1m", "1h ", " 1h", "1w", "500ms", "1µ", "never"]
        {
            assert_eq!(parse_ttl(text), Err(TtlError::Unreadable), "{text}");
        }
    }

    #[test]
    fn bounds_hold() {
        assert_eq!(parse_ttl("0s"), Err(TtlError::TooShort));
        for text in ["3651d", "99999999999999999999s", "18446744073709551615d"] {
            assert_eq!(parse_ttl(text), Err(TtlError::TooLong), "{text}");
        }
        assert_eq!((parse_ttl("1s"), parse_ttl("3650d")), (Ok(TTL_MIN), Ok(TTL_MAX)));
        assert_eq!(check_ttl(Duration::from_millis(999)), Err(TtlError::TooShort));
    }

    #[test]
    fn own_lease_goes_before_the_default_of_the_source() {
        let minute = Duration::from_secs(60);
        let deadline = |text, default| lease(&annotated(text), default, NOW).map(|lease| lease.deadline);
        assert_eq!(deadline("10s", Some(minute)), Some(Timestamp(1_010_000)));
        assert_eq!(deadline(NEVER, Some(minute)), None);
        assert_eq!(deadline("soon", Some(minute)), Some(Timestamp(1_060_000)), "validation refuses it");
        assert_eq!(lease(&BTreeMap::new(), Some(minute), NOW), Some(Lease::beginning(minute, NOW)));
        assert_eq!(lease(&BTreeMap::new(), None, NOW), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(seconds in 1_u64..315_360_000) {
            let ttl = Duration::from_secs(seconds);
            prop_assert_eq!(parse_ttl(&format_ttl(ttl)), Ok(ttl));
        }

        #[test]
        fn no_text_makes_reading_panic(text in "\\PC{0,12}") {
            let _ = parse_ttl(&text);
        }
    }
}
