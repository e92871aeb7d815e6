//! States for tests of what is planned: routes of one namespace in a few layers.

use std::{collections::BTreeMap, sync::Arc};

use mainsheet_api::{
    change::Change,
    key::Key,
    kind::Kind,
    resource::{Provenance, Record, Resource, SourceName, Terms},
    time::{Timestamp, Uptime},
    view::Audience,
    wire::{Any, Entry},
};
use mainsheet_cache::snapshot::Snapshot;

use super::Now;

/// The strongest first.
pub(crate) const SOURCES: [&str; 4] = ["hold", "api", "files", "kube"];
pub(crate) const NAMES: [&str; 3] = ["a", "b", "c"];
pub(crate) const NOW: Now = Now { wall: Timestamp(1_000_000), uptime: Uptime(std::time::Duration::ZERO) };

pub(crate) fn source(name: &str) -> SourceName {
    SourceName(name.into())
}

pub(crate) fn nothing() -> Snapshot {
    Snapshot::nothing(SOURCES.map(source).into())
}

pub(crate) fn key(name: &str) -> Key {
    Key::new(Kind::VIRTUAL_SERVICE, "shop", name)
}

/// A route with a body that `content` stands for.
pub(crate) fn resource(name: &str, content: u8) -> Resource {
    Resource {
        key: key(name),
        labels: BTreeMap::from([("content".to_owned(), content.to_string())]),
        annotations: BTreeMap::new(),
        body: Any { type_url: Kind::VIRTUAL_SERVICE.type_url(), value: vec![content; 4].into() },
        upstream_version: None,
    }
}

pub(crate) fn record(source_name: &str, name: &str, content: u8) -> Record {
    Record {
        source: source(source_name),
        key: key(name),
        entry: Entry::encode(&resource(name, content), Timestamp(0)),
        audience: Audience::everyone(),
        created: Timestamp(0),
        provenance: Provenance::default(),
        warnings: Vec::new(),
        terms: Terms::default(),
    }
}

pub(crate) fn put(source_name: &str, name: &str, content: u8) -> Change {
    Change::Put(Arc::new(record(source_name, name, content)))
}

pub(crate) fn remove(source_name: &str, name: &str) -> Change {
    Change::Remove { source: source(source_name), key: key(name) }
}

/// The state after a commit of these.
pub(crate) fn after(state: &Snapshot, changes: impl IntoIterator<Item = Change>) -> Snapshot {
    state.with_changes(state.revision().next(), changes)
}

/// Of several changes of one place the last, as a store takes them.
pub(crate) fn last_of_each(changes: Vec<Change>) -> Vec<Change> {
    let by_place =
        changes.into_iter().map(|change| ((change.source().clone(), change.key().clone()), change));
    by_place.collect::<BTreeMap<_, _>>().into_values().collect()
}
