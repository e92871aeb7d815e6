//! What `get --watch` printed, to tell what is new where revisions were missed; up to a bound.

use std::collections::BTreeMap;

use mainsheet_api::generated::mainsheet::v1 as pb;
use prost::Message as _;

/// Bytes of resources that are remembered: of a program on somebody's desk.
const BYTES_MAX: usize = 64 << 20;

type Key = (String, String, String);

/// As they were printed last, unless they were too many.
#[derive(Debug)]
pub(super) struct Printed {
    resources: BTreeMap<Key, pb::Resource>,
    bytes: usize,
    bytes_max: usize,
    is_whole: bool,
}

impl Default for Printed {
    fn default() -> Self {
        Self { resources: BTreeMap::new(), bytes: 0, bytes_max: BYTES_MAX, is_whole: true }
    }
}

impl Printed {
    /// Whether it is all that was printed.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    pub(super) fn put(&mut self, resource: pb::Resource) {
        if !self.is_whole {
            return;
        }
        self.bytes += resource.encoded_len();
        let before = self.resources.insert(key(&resource), resource);
        self.bytes -= before.map_or(0, |before| before.encoded_len());
        if self.bytes > self.bytes_max {
            (self.resources, self.bytes, self.is_whole) = (BTreeMap::new(), 0, false);
        }
    }

    pub(super) fn remove(&mut self, resource: &pb::Resource) -> Option<pb::Resource> {
        let removed = self.resources.remove(&key(resource))?;
        self.bytes -= removed.encoded_len();
        Some(removed)
    }

    pub(super) fn into_rest(self) -> impl Iterator<Item = pb::Resource> {
        self.resources.into_values()
    }
}

fn key(resource: &pb::Resource) -> Key {
    let pb::ResourceKey { kind, namespace, name, .. } = resource.key.clone().unwrap_or_default();
    (kind, namespace, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(name: &str, len: usize) -> pb::Resource {
        let key = pb::ResourceKey { name: name.to_owned(), ..pb::ResourceKey::default() };
        pb::Resource { key: Some(key), text: "x".repeat(len), ..pb::Resource::default() }
    }

    #[test]
    fn what_is_too_much_is_forgotten_as_a_whole() {
        let mut printed = Printed { bytes_max: 1000, ..Printed::default() };
        (0..100).for_each(|_| printed.put(resource("a", 900)));
        assert!(printed.is_whole(), "one resource, however often it changes");
        assert!(printed.remove(&resource("a", 0)).is_some() && printed.bytes == 0);
        printed.put(resource("a", 600));
        printed.put(resource("b", 600));
        assert!(!printed.is_whole());
        printed.put(resource("c", 1));
        assert_eq!(printed.into_rest().count(), 0);
    }
}
