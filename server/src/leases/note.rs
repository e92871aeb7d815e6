//! Leases in the status area.
//!
//! ```text
//! lease/SOURCE/TYPE/SCOPE/NAMESPACE/NAME   the first deadline, and the newest
//! ended/SOURCE/TYPE/SCOPE/NAMESPACE/NAME   when, the version, the origin
//! ```
//!
//! Times are milliseconds since 1970. The first deadline, which is in the commit, says of which lease a note speaks.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use mainsheet_api::{
    key::Key, kind::Kind, lease::Renewal, resource::SourceName, time::Timestamp, version::ResourceVersion,
};
use mainsheet_cache::expiry::Leaseholder;

use super::{Ended, Note};
use crate::status_key::{escaped, joined, parts, unescaped};

pub(super) const DEADLINE: &str = "lease/";
pub(super) const ENDED: &str = "ended/";

/// What the status area says of leases.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// The first deadline, and the newest.
    pub(super) deadlines: HashMap<Leaseholder, (Timestamp, Timestamp)>,
    pub(super) ended: Vec<(Leaseholder, Ended)>,
    /// Keys of notes that nobody understands.
    pub(super) unreadable: Vec<String>,
}

/// Reads them. What ended in the future, because the clock was set back, ended now.
pub(super) fn read(status: &[(String, Bytes)], wall: Timestamp) -> Notes {
    let mut notes = Notes::default();
    for (key, value) in status {
        let understood = if let Some(place) = key.strip_prefix(DEADLINE) {
            holder_of(place).zip(deadlines_of(value)).map(|(holder, deadlines)| {
                notes.deadlines.insert(holder, deadlines);
            })
        } else if let Some(place) = key.strip_prefix(ENDED) {
            holder_of(place).zip(ended_of(value)).map(|(holder, ended)| {
                notes.ended.push((holder, Ended { at: ended.at.min(wall), ..ended }));
            })
        } else {
            continue;
        };
        if understood.is_none() {
            notes.unreadable.push(key.clone());
        }
    }
    notes
}

pub(super) fn of_renewal(renewal: &Renewal) -> Note {
    let Renewal { source, key, lease, deadline } = renewal;
    let holder = Leaseholder { source: source.clone(), key: key.clone() };
    let value = format!("{} {}", lease.deadline.0, deadline.0);
    (deadline_key(&holder), Some(value.into()))
}

pub(super) fn of_ended(ended: &Ended) -> Bytes {
    format!("{} {} {}", ended.at.0, escaped(ended.version.as_str()), ended.origin).into()
}

pub(super) fn deadline_key(holder: &Leaseholder) -> String {
    format!("{DEADLINE}{}", place_of(holder))
}

pub(super) fn ended_key(holder: &Leaseholder) -> String {
    format!("{ENDED}{}", place_of(holder))
}

fn place_of(holder: &Leaseholder) -> String {
    let Leaseholder { source, key } = holder;
    let kind = key.kind.type_url();
    joined([&*source.0, &kind, &key.scope, &key.namespace, &key.name])
}

fn holder_of(place: &str) -> Option<Leaseholder> {
    let [source, kind, scope, namespace, name] = parts(place)?;
    let key = Key::new(Kind::of_type_url(&kind)?, namespace, name);
    Some(Leaseholder { source: SourceName(Arc::from(source)), key: Key { scope: scope.into(), ..key } })
}

fn deadlines_of(value: &[u8]) -> Option<(Timestamp, Timestamp)> {
    let (first, newest) = str::from_utf8(value).ok()?.split_once(' ')?;
    Some((Timestamp(first.parse().ok()?), Timestamp(newest.parse().ok()?)))
}

fn ended_of(value: &[u8]) -> Option<Ended> {
    let mut parts = str::from_utf8(value).ok()?.splitn(3, ' ');
    let at = Timestamp(parts.next()?.parse().ok()?);
    let version = ResourceVersion::new(unescaped(parts.next()?));
    Some(Ended { at, version, origin: parts.next()?.to_owned() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_noted_is_read(
            texts in prop::array::uniform6("[a%/ -z]{0,6}"),
            times in prop::array::uniform2(0..u64::MAX),
        ) {
            let [source, scope, namespace, name, version, origin] = texts;
            let key = Key { scope: scope.into(), ..Key::new(Kind::CLUSTER, namespace, name) };
            let holder = Leaseholder { source: SourceName(source.into()), key };
            let ended = Ended { version: ResourceVersion::new(version), origin, at: Timestamp(times[0]) };
            let status = [
                (ended_key(&holder), of_ended(&ended)),
                (deadline_key(&holder), format!("{} {}", times[0], times[1]).into()),
                ("hold/other".to_owned(), Bytes::new()),
            ];
            let notes = read(&status, Timestamp(u64::MAX));
            prop_assert_eq!(notes.ended, [(holder.clone(), ended)]);
            prop_assert_eq!(notes.deadlines[&holder], (Timestamp(times[0]), Timestamp(times[1])));
            prop_assert!(notes.unreadable.is_empty());
        }
    }

    #[test]
    fn note_that_nobody_understands_is_told() {
        let status = ["lease/files", "ended/a/b/c/d/e", "ended/", "lease/a%2Fb"];
        let status = status.map(|key| (key.to_owned(), Bytes::from_static(b"1 2 3")));
        assert_eq!(read(&status, Timestamp(0)).unreadable.len(), status.len());
    }
}
