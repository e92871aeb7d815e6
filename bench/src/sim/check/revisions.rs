//! Revisions grow, what was answered is in the store, and the same content has the same version.

use std::collections::BTreeMap;

use mainsheet_api::{
    change::{Change, Committed},
    resource::SourceName,
};

use crate::sim::{
    model::{Model, short},
    world::{Place, generation_of},
};

/// A write that was answered.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Answered {
    pub(in crate::sim) revision: u64,
    pub(in crate::sim) place: Place,
    /// The version that it has since; none where it was removed.
    pub(in crate::sim) version: Option<String>,
}

/// Whether the commits' revisions grow, one by one.
pub(in crate::sim) fn grow(commits: &[(u64, Committed)]) -> Result<(), String> {
    let revisions: Vec<u64> = commits.iter().map(|(_, committed)| committed.revision.0).collect();
    match revisions.windows(2).find(|pair| pair[1] != pair[0] + 1) {
        Some(pair) => Err(format!("revision {} follows {}", pair[1], pair[0])),
        None => Ok(()),
    }
}

/// Whether every write that was answered is in the store at the revision that the answer named.
pub(in crate::sim) fn are_kept(answered: &[Answered], commits: &[(u64, Committed)]) -> Result<(), String> {
    let mut by_revision: BTreeMap<u64, Vec<&Answered>> = BTreeMap::new();
    answered.iter().for_each(|one| by_revision.entry(one.revision).or_default().push(one));
    let newest = commits.last().map_or(0, |(_, committed)| committed.revision.0);
    if let Some((revision, _)) = by_revision.range(newest + 1..).next() {
        return Err(format!("a write was answered with revision {revision}, and the newest is {newest}"));
    }
    let mut model = Model::default();
    for (_, committed) in commits {
        model.apply(committed);
        for one in by_revision.remove(&committed.revision.0).unwrap_or_default() {
            let (kind, zone, name) = &one.place;
            let found = model.records.iter().find(|((source, key), _)| {
                *source == SourceName::api()
                    && (key.kind, &*key.namespace, &*key.name) == (*kind, zone.as_str(), name.as_str())
            });
            let version = found.map(|(_, record)| record.entry.version.to_string());
            if version != one.version {
                let text = |version: &Option<String>| version.as_deref().map_or("none", short).to_owned();
                return Err(format!(
                    "at revision {} {kind} {zone}/{name} was answered to be at version {}, and it is at {}",
                    one.revision,
                    text(&one.version),
                    text(&version)
                ));
            }
        }
    }
    Ok(())
}

/// Whether the same content has the same version everywhere, and other content another one.
pub(in crate::sim) fn are_content<'a>(commits: impl Iterator<Item = &'a Committed>) -> Result<(), String> {
    let mut versions: BTreeMap<(Place, u64), String> = BTreeMap::new();
    let mut contents: BTreeMap<(Place, String), u64> = BTreeMap::new();
    for change in commits.flat_map(|committed| &committed.changes) {
        let Change::Put(record) = change else { continue };
        let Some(generation) = generation_of(&record.entry.any) else { continue };
        let place = (record.key.kind, record.key.namespace.to_string(), record.key.name.to_string());
        let version = record.entry.version.to_string();
        let known = versions.entry((place.clone(), generation)).or_insert_with(|| version.clone());
        let of = contents.entry((place.clone(), version.clone())).or_insert(generation);
        if *known != version || *of != generation {
            return Err(format!(
                "{place:?} of g{generation} has the versions {known} and {version}, which g{of} has"
            ));
        }
    }
    Ok(())
}
