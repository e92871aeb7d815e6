//! The text forms of settings' values: how each is read, and written so that it is read back.

use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf, str::FromStr, sync::Arc, time::Duration};

use mainsheet_api::{kind::Kind, resource::SourceName};

/// Longest time that means something: a day. More is a unit gone wrong.
const TIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) fn read_word<T: FromStr<Err = String>>(text: &str) -> Result<T, String> {
    text.parse()
}

pub(super) fn read_label(text: &str) -> Result<String, String> {
    let fits = !text.is_empty()
        && text.len() <= 63
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !text.starts_with('-')
        && !text.ends_with('-');
    let right = "write up to 63 lower-case letters, digits and dashes, the first and last no dash";
    if fits { Ok(text.to_owned()) } else { Err(right.to_owned()) }
}

pub(super) fn read_domain(text: &str) -> Result<String, String> {
    let fits = text.len() <= 253 && text.split('.').all(|label| read_label(label).is_ok());
    let right =
        "write labels of lower-case letters, digits and dashes with dots between, for example cluster.local";
    if fits { Ok(text.to_owned()) } else { Err(right.to_owned()) }
}

pub(super) fn read_path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("write a path".to_owned()) } else { Ok(PathBuf::from(text)) }
}

pub(super) fn write_path(path: &std::path::Path) -> String {
    path.display().to_string()
}

pub(super) fn read_addr(text: &str) -> Result<SocketAddr, String> {
    text.replacen("localhost", "127.0.0.1", 1)
        .parse()
        .map_err(|_| "write IP:PORT, for example 127.0.0.1:15010 or [::1]:15010".to_owned())
}

/// What stands for no value at all.
const NONE: &str = "none";

pub(super) fn read_optional<T: FromStr<Err = String>>(text: &str) -> Result<Option<T>, String> {
    if text == NONE { Ok(None) } else { text.parse().map(Some) }
}

pub(super) fn write_optional<T: ToString>(value: &Option<T>) -> String {
    value.as_ref().map_or_else(|| NONE.to_owned(), ToString::to_string)
}

pub(super) fn read_optional_path(text: &str) -> Result<Option<PathBuf>, String> {
    if text == NONE { Ok(None) } else { read_path(text).map(Some) }
}

pub(super) fn write_optional_path(path: &Option<PathBuf>) -> String {
    path.as_ref().map_or_else(|| NONE.to_owned(), |path| write_path(path))
}

pub(super) fn read_optional_addr(text: &str) -> Result<Option<SocketAddr>, String> {
    if text == NONE { Ok(None) } else { read_addr(text).map(Some) }
}

pub(super) fn read_optional_text(text: &str) -> Result<Option<String>, String> {
    match text {
        "" => Err("write a text, or none".to_owned()),
        NONE => Ok(None),
        text => Ok(Some(text.to_owned())),
    }
}

pub(super) fn read_texts(text: &str) -> Result<Vec<String>, String> {
    let texts: Vec<String> = text.split(',').map(|text| text.trim().to_owned()).collect();
    if texts.iter().any(String::is_empty) {
        return Err("write texts with commas between them".to_owned());
    }
    Ok(texts)
}

pub(super) fn write_texts(texts: &[String]) -> String {
    texts.join(",")
}

pub(super) fn read_trust_domain(text: &str) -> Result<String, String> {
    match crate::auth::is_trust_domain(text) {
        true => Ok(text.to_owned()),
        false => Err("write a trust domain of lower-case letters, digits, dots, dashes and `_`, for example cluster.local".to_owned()),
    }
}

pub(super) fn read_bool(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "write true or false".to_owned())
}

pub(super) fn read_time(text: &str) -> Result<Duration, String> {
    let right = "write a time from 1ms to 24h, for example 100ms, 1s or 2m";
    let time = humantime::parse_duration(text).map_err(|_| right.to_owned())?;
    if time < Duration::from_millis(1) || time > TIME_MAX { Err(right.to_owned()) } else { Ok(time) }
}

pub(super) fn write_time(time: &Duration) -> String {
    humantime::format_duration(*time).to_string()
}

/// What stands for no kind at all.
const NO_KINDS: &str = "none";

pub(super) fn read_kinds(text: &str) -> Result<BTreeSet<Kind>, String> {
    if text == NO_KINDS {
        return Ok(BTreeSet::new());
    }
    let kind = |name: &str| {
        Kind::of_argument(name.trim()).ok_or_else(|| {
            format!("write kinds with commas between them, for example Cluster,Listener, or {NO_KINDS}")
        })
    };
    text.split(',').map(kind).collect()
}

pub(super) fn write_kinds(kinds: &BTreeSet<Kind>) -> String {
    let names: Vec<_> = kinds.iter().map(|kind| kind.info().name).collect();
    if names.is_empty() { NO_KINDS.to_owned() } else { names.join(",") }
}

/// What stands for no source at all.
const NO_SOURCES: &str = "none";

/// Names of sources, with commas between them.
pub(super) fn read_sources(text: &str) -> Result<BTreeSet<SourceName>, String> {
    if text == NO_SOURCES {
        return Ok(BTreeSet::new());
    }
    let source = |name: &str| {
        let is_one = name == SourceName::API || name.starts_with("files:") || name.starts_with("xds:");
        is_one.then(|| SourceName(Arc::from(name))).ok_or_else(|| {
            format!("write names of sources with commas between them, for example api,files:/etc/access, or {NO_SOURCES}")
        })
    };
    text.split(',').map(|name| source(name.trim())).collect()
}

pub(super) fn write_sources(sources: &BTreeSet<SourceName>) -> String {
    let names: Vec<_> = sources.iter().map(|source| &*source.0).collect();
    if names.is_empty() { NO_SOURCES.to_owned() } else { names.join(",") }
}

pub(super) fn read_count(text: &str) -> Result<usize, String> {
    match text.parse::<u32>() {
        Ok(count) if count > 0 => Ok(count as usize),
        _ => Err("write a whole number, at least 1".to_owned()),
    }
}

/// What stands for no bound at all.
const UNLIMITED: &str = "unlimited";

/// An age is of days where other times are of seconds.
pub(super) fn read_age(text: &str) -> Result<Option<Duration>, String> {
    if text == UNLIMITED {
        return Ok(None);
    }
    match humantime::parse_duration(text) {
        Ok(age) if age >= Duration::from_secs(1) => Ok(Some(age)),
        _ => Err("write a time of at least 1s, for example 12h or 30days, or unlimited".to_owned()),
    }
}

pub(super) fn write_age(age: &Option<Duration>) -> String {
    age.as_ref().map_or_else(|| UNLIMITED.to_owned(), write_time)
}

/// From the largest to the smallest.
const UNITS: [(&str, usize); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

pub(super) fn read_size(text: &str) -> Result<usize, String> {
    let (number, unit) =
        UNITS.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit))).unwrap_or((text, 1));
    let size = number.trim().parse::<usize>().ok().and_then(|number| number.checked_mul(unit));
    size.filter(|size| *size > 0).ok_or_else(|| "write a size, for example 512KiB, 64MiB or 1GiB".to_owned())
}

pub(super) fn write_size(size: &usize) -> String {
    match UNITS.iter().find(|(_, unit)| *size > 0 && size.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{}{name}", size / unit),
        None => size.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_they_are_written() {
        for (text, size) in
            [("1", 1), ("1025", 1025), ("3KiB", 3 << 10), ("64MiB", 64 << 20), ("2GiB", 2 << 30)]
        {
            assert_eq!((read_size(text), write_size(&size)), (Ok(size), text.to_owned()));
        }
        for wrong in ["0", "", "MiB", "-1", "1.5MiB", "99999999999999GiB", "64MB"] {
            assert!(read_size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn age_is_a_time_or_unlimited() {
        assert_eq!(read_age("unlimited"), Ok(None));
        assert_eq!(read_age("30days"), Ok(Some(Duration::from_secs(30 * 86_400))));
        assert_eq!(write_age(&read_age("30days").unwrap()), "30days");
        assert!(read_age("1ms").is_err() && read_age("forever").is_err());
    }
}
