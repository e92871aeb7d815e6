//! Labels out of an entry's bytes, without decoding what they are around.

use std::collections::BTreeMap;

use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

/// Where the labels are: `value` of the Any, `metadata` of `istio.mcp.v1alpha1.Resource`, `labels` of that.
const PATH: [u32; 3] = [2, 1, 4];

const WRAPPER: &[u8] = b"/istio.mcp.v1alpha1.Resource";

/// The labels in [`Entry::any`](super::Entry::any); of bytes that are none, those before the place where they stop being
/// one. What is sent bare, as Envoy's resources are, has no labels.
#[must_use]
pub fn labels(any: &[u8]) -> BTreeMap<&str, &str> {
    let mut labels = BTreeMap::new();
    if !last(any, 1).is_some_and(|type_url| type_url.ends_with(WRAPPER)) {
        return labels;
    }
    visit(any, &PATH, &mut |entry| {
        let text = |field| last(entry, field).and_then(|bytes| std::str::from_utf8(bytes).ok());
        labels.insert(text(1).unwrap_or_default(), text(2).unwrap_or_default());
    });
    labels
}

/// Visits every message at the end of a path of fields.
fn visit<'a>(message: &'a [u8], path: &[u32], found: &mut dyn FnMut(&'a [u8])) {
    let Some((field, rest)) = path.split_first() else { return found(message) };
    for (number, bytes) in Fields(message) {
        if number == *field {
            visit(bytes, rest, found);
        }
    }
}

fn last(message: &[u8], field: u32) -> Option<&[u8]> {
    Fields(message).filter(|(number, _)| *number == field).last().map(|(_, bytes)| bytes)
}

/// The length-delimited fields of a message, with their numbers.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = (u32, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.0.is_empty() {
            let (number, wire_type) = decode_key(&mut self.0).ok()?;
            if wire_type == WireType::LengthDelimited {
                let len = usize::try_from(decode_varint(&mut self.0).ok()?).ok()?;
                let (bytes, rest) = self.0.split_at_checked(len)?;
                self.0 = rest;
                return Some((number, bytes));
            }
            skip_field(wire_type, number, &mut self.0, DecodeContext::default()).ok()?;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::btree_map, prelude::*};
    use prost::Message;

    use super::*;
    use crate::{
        key::Key,
        kind::Kind,
        resource::Resource,
        time::Timestamp,
        wire::{Any, Entry},
    };

    #[test]
    fn what_is_sent_bare_has_none() {
        let value = [10, 4, 34, 2, 10, 0].to_vec();
        let labels_of = |type_url: &str| {
            let any = Any { type_url: type_url.to_owned(), value: value.clone().into() }.encode_to_vec();
            super::labels(&any).len()
        };
        assert_eq!(labels_of("type.googleapis.com/istio.mcp.v1alpha1.Resource"), 1);
        assert_eq!(labels_of("type.googleapis.com/envoy.config.cluster.v3.Cluster"), 0);
    }

    proptest! {
        #[test]
        fn labels_are_those_that_were_encoded(
            labels in btree_map("[a-z/.ä]{0,12}", "[a-z0-9 ]{0,12}", 0..6),
            annotations in btree_map("[a-z]{1,8}", "[a-z]{0,200}", 0..4),
            body in prop::collection::vec(any::<u8>(), 0..300),
            cut in any::<prop::sample::Index>(),
        ) {
            let resource = Resource {
                key: Key::new(Kind::VIRTUAL_SERVICE, "shop", "a"),
                labels: labels.clone(),
                annotations,
                body: Any { type_url: "type.googleapis.com/x".to_owned(), value: body.into() },
                upstream_version: None,
            };
            let any = Entry::encode(&resource, Timestamp(1_000)).any;
            let found = super::labels(&any);
            let wanted: BTreeMap<&str, &str> = labels.iter().map(|(key, value)| (&**key, &**value)).collect();
            prop_assert_eq!(found, wanted);
            // Of a part, no more than there is.
            let part = super::labels(&any[..cut.index(any.len())]).len();
            prop_assert!(part <= labels.len());
        }

        #[test]
        fn any_bytes_can_be_looked_at(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let type_url = format!("type.googleapis.com{}", String::from_utf8_lossy(WRAPPER));
            let any = Any { type_url, value: bytes.clone().into() };
            let _ = (super::labels(&bytes), super::labels(&any.encode_to_vec()));
        }
    }
}
