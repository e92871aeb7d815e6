//! Pins in the status area: `pin/IDENTITY/NODE/TYPE/NAME`, with all that a restarted server needs to go on.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use mainsheet_api::{
    kind::Kind,
    time::Timestamp,
    version::{ResourceVersion, Revision},
    wire::Entry,
    xds::pin::{Pin, PinId},
};
use prost::Message;

use super::{Pinned, SinkId};
use crate::status_key::{joined, parts};

pub(super) const PREFIX: &str = "pin/";

/// What is written of one pin. New fields may be added; older servers pass them over.
#[derive(Clone, PartialEq, Message)]
struct Note {
    #[prost(string, tag = "1")]
    refused: String,
    #[prost(uint64, tag = "2")]
    revision: u64,
    /// Absent where nothing stands in.
    #[prost(message, optional, tag = "3")]
    good: Option<Good>,
    #[prost(string, tag = "4")]
    message: String,
    /// Milliseconds since 1970.
    #[prost(uint64, tag = "5")]
    at: u64,
}

#[derive(Clone, PartialEq, Message)]
struct Good {
    #[prost(string, tag = "1")]
    version: String,
    /// An encoded Any.
    #[prost(bytes = "bytes", tag = "2")]
    any: Bytes,
    /// In milliseconds; 0 for ever.
    #[prost(uint64, tag = "3")]
    ttl: u64,
}

pub(super) fn key(sink: &SinkId, pin: &PinId) -> String {
    format!("{PREFIX}{}", joined([&*sink.identity, &sink.node, &pin.kind.type_url(), &pin.name]))
}

pub(super) fn value(pinned: &Pinned) -> Bytes {
    let Pinned { pin, message, at } = pinned;
    let good = pin.good.as_ref().map(|good| Good {
        version: good.version.to_string(),
        any: good.any.clone(),
        ttl: good.ttl.map_or(0, |ttl| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX)),
    });
    let note = Note {
        refused: pin.refused.to_string(),
        revision: pin.revision.0,
        good,
        message: message.to_string(),
        at: at.0,
    };
    note.encode_to_vec().into()
}

/// Whose pin it is, and which; `None` where it can't be understood.
pub(super) fn read(key: &str, value: Bytes) -> Option<(SinkId, Pinned)> {
    let [identity, node, type_url, name] = parts(key.strip_prefix(PREFIX)?)?;
    let (kind, name) = (Kind::of_type_url(&type_url)?, Arc::from(name));
    let Note { refused, revision, good, message, at } = Note::decode(value).ok()?;
    let good = good.map(|good| Entry {
        name: Arc::clone(&name),
        version: ResourceVersion::new(good.version),
        any: good.any,
        ttl: (good.ttl > 0).then(|| Duration::from_millis(good.ttl)),
    });
    let (refused, revision) = (ResourceVersion::new(refused), Revision(revision));
    let pin = Pin { kind, name, refused, revision, good };
    let sink = SinkId { identity: identity.into(), node: node.into() };
    Some((sink, Pinned { pin, message: message.into(), at: Timestamp(at) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_read() {
        let good = Entry {
            name: "a/b".into(),
            version: ResourceVersion::new("1"),
            any: Bytes::from_static(b"any"),
            ttl: Some(Duration::from_secs(3)),
        };
        for good in [Some(good), None] {
            let pin = Pin {
                kind: Kind::VIRTUAL_SERVICE,
                name: "a/b".into(),
                refused: ResourceVersion::new("2"),
                revision: Revision(7),
                good,
            };
            let sink = SinkId { identity: "".into(), node: "sidecar~1 2/x%".into() };
            let pinned = Pinned { pin, message: "why not".into(), at: Timestamp(5) };
            let read = read(&key(&sink, &pinned.pin.id()), value(&pinned));
            assert_eq!(read, Some((sink, pinned)));
        }
    }

    #[test]
    fn what_nobody_understands_is_no_pin() {
        for (key, value) in [("pin/", ""), ("pin/a/b/unknown/d", ""), ("pin//n/networking.istio.io/x", "")] {
            assert_eq!(read(key, Bytes::from_static(value.as_bytes())), None, "{key}");
        }
        let key = key(
            &SinkId { identity: "".into(), node: "n".into() },
            &PinId { kind: Kind::CLUSTER, name: "x".into(), refused: ResourceVersion::new("1") },
        );
        assert_eq!(read(&key, Bytes::from_static(b"\xff")), None);
    }
}
