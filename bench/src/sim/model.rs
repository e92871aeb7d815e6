//! What a store serves, worked out from its commits by nothing of what serves it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use mainsheet_api::{
    change::{Change, Committed},
    generated::istio::mcp::v1alpha1 as mcp,
    key::Key,
    kind::Kind,
    resource::{Record, SourceName},
    wire::Any,
};
use prost::Message as _;

/// Versions and bytes, by name.
pub(super) type Held = BTreeMap<String, (String, Bytes)>;

/// The records of a store.
#[derive(Clone, Default)]
pub(super) struct Model {
    pub(super) records: BTreeMap<(SourceName, Key), Arc<Record>>,
}

impl Model {
    pub(super) fn of<'a>(commits: impl IntoIterator<Item = &'a Committed>) -> Self {
        let mut model = Self::default();
        commits.into_iter().for_each(|committed| model.apply(committed));
        model
    }

    pub(super) fn apply(&mut self, committed: &Committed) {
        for change in &committed.changes {
            match change {
                Change::Put(record) => {
                    self.records.insert((record.source.clone(), record.key.clone()), Arc::clone(record));
                }
                Change::Remove { source, key } => drop(self.records.remove(&(source.clone(), key.clone()))),
            }
        }
    }

    /// What somebody holds of a kind who sees these namespaces (`None`: all of them), and wants these names.
    pub(super) fn shown(
        &self,
        kind: Kind,
        sees: Option<&BTreeSet<String>>,
        wants: impl Fn(&str) -> bool,
    ) -> Held {
        let mut winners: BTreeMap<&str, (usize, &Arc<Record>)> = BTreeMap::new();
        for ((source, key), record) in self.records.iter().filter(|((_, key), _)| key.kind == kind) {
            let rank = rank(source);
            let place = winners.entry(&record.entry.name).or_insert((rank, record));
            if (rank, key) < (place.0, &place.1.key) {
                *place = (rank, record);
            }
        }
        let seen = winners.into_iter().filter(|(name, (_, record))| {
            !record.entry.is_absence()
                && sees.is_none_or(|sees| sees.contains(&*record.key.namespace))
                && wants(name)
        });
        seen.map(|(name, (_, record))| {
            (name.to_owned(), (record.entry.version.to_string(), record.entry.any.clone()))
        })
        .collect()
    }
}

/// Rollbacks over what is applied, over what sources have.
fn rank(source: &SourceName) -> usize {
    match &*source.0 {
        SourceName::HOLD => 0,
        SourceName::API => 1,
        _ => 2,
    }
}

/// Whether two encoded Anys are the same to whoever is sent them.
pub(super) fn is_same(one: &[u8], other: &[u8]) -> bool {
    content(one) == content(other)
}

/// An encoded Any without the time at which its resource was created: that is no part of its version, so what was there before,
/// was gone and came back as it was is not sent for it.
fn content(any: &[u8]) -> Vec<u8> {
    let unwrapped = Any::decode(any).ok().filter(|any| any.type_url.ends_with("istio.mcp.v1alpha1.Resource"));
    let resource = unwrapped.and_then(|any| mcp::Resource::decode(&any.value[..]).ok());
    let Some(mut resource) = resource else { return any.to_vec() };
    if let Some(metadata) = &mut resource.metadata {
        metadata.create_time = None;
    }
    resource.encode_to_vec()
}

/// The first differences, for people. `has_versions`: whether they are to be compared, too.
pub(super) fn difference(expected: &Held, found: &Held, has_versions: bool) -> Option<String> {
    let mut differences = Vec::new();
    for (name, (version, any)) in expected {
        match found.get(name) {
            None => differences.push(format!("lacks {name}")),
            Some((other, _)) if has_versions && other != version => {
                differences.push(format!("has {name} at {} instead of {}", short(other), short(version)));
            }
            Some((_, bytes)) if !is_same(bytes, any) => {
                differences.push(format!("has other bytes of {name}"))
            }
            Some(_) => {}
        }
    }
    differences.extend(
        found.keys().filter(|name| !expected.contains_key(*name)).map(|name| format!("still has {name}")),
    );
    differences.truncate(4);
    (!differences.is_empty()).then(|| differences.join(", "))
}

pub(super) fn short(version: &str) -> &str {
    version.get(..8).unwrap_or(version)
}
