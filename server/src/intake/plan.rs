//! What a round changes in its source's layer: a pure function of the two.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};

use mainsheet_api::{
    change::Change,
    key::Key,
    kind::Kind,
    resource::{Provenance, Record, SourceName},
    time::{Timestamp, Uptime},
    view::Audience,
    wire::Entry,
};

use super::{
    guard::{self, Hold},
    judge::{Accepted, Judged},
    layer::Layer,
};
use crate::source::{Completeness, is_prefix};

/// A round whose documents were judged.
#[derive(Debug)]
pub(crate) struct JudgedRound {
    pub(crate) source: SourceName,
    /// Whether origins that are not reported are gone.
    pub(crate) is_whole: bool,
    pub(crate) reports: Vec<Judged>,
    /// Keys whose removal the shrink guard has let go.
    pub(crate) released: BTreeSet<Key>,
    /// Keys that rejected documents of other origins name. What is served of them stays: their file may not be able to
    /// say it well, but it says that they are there.
    pub(crate) protected: HashSet<Key>,
}

/// When a plan is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub(crate) wall: Timestamp,
    pub(crate) uptime: Uptime,
}

/// What is to be committed, and what is not for now.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Plan {
    pub(crate) changes: Vec<Change>,
    pub(crate) holds: Vec<Hold>,
}

/// Works out what a round changes in a layer.
///
/// Content that is the same makes no change, whatever line it moved to. Content that moved to another origin does: which
/// keys an origin takes with it when it goes is read from the store.
pub(crate) fn plan(layer: &Layer, round: &JudgedRound, now: Now) -> Plan {
    let mentioned: HashSet<&Key> = round.reports.iter().flat_map(Judged::keys).collect();
    let mut changes = puts(layer, round, now.wall);
    let gone = if round.is_whole { gone_of_whole(layer, round) } else { gone_of_some(layer, round) };
    let gone = gone.into_iter().filter(|key| !mentioned.contains(key) && layer.get(key).is_some());
    let (gone, holds) = held_back(layer, round, gone.cloned().collect(), now.uptime);
    changes.extend(gone.into_iter().map(|key| Change::Remove { source: round.source.clone(), key }));
    Plan { changes, holds }
}

fn puts(layer: &Layer, round: &JudgedRound, wall: Timestamp) -> Vec<Change> {
    let mut seen = HashSet::new();
    let mut puts = Vec::new();
    for report in &round.reports {
        for accepted in &report.accepted {
            if seen.insert(&accepted.resource.key)
                && let Some(record) = put(layer, &round.source, &report.origin, accepted, wall)
            {
                puts.push(Change::Put(Arc::new(record)));
            }
        }
    }
    puts
}

fn put(
    layer: &Layer,
    source: &SourceName,
    origin: &str,
    accepted: &Accepted,
    wall: Timestamp,
) -> Option<Record> {
    let Accepted { resource, line, warnings } = accepted;
    let held = layer.get(&resource.key);
    let created = held.map_or(wall, |held| held.created);
    let entry = Entry::encode(resource, created);
    if held.is_some_and(|held| held.version == entry.version && held.provenance.origin == origin) {
        return None;
    }
    Some(Record {
        source: source.clone(),
        key: resource.key.clone(),
        entry,
        audience: Audience::everyone(),
        created,
        provenance: Provenance { origin: origin.to_owned(), line: *line },
        warnings: warnings.clone(),
    })
}

/// Everything but what came from origins that could not be read whole.
fn gone_of_whole<'a>(layer: &'a Layer, round: &JudgedRound) -> BTreeSet<&'a Key> {
    let partial = round.reports.iter().filter(|report| report.completeness == Completeness::Partial);
    let (prefixes, origins): (Vec<&str>, Vec<&str>) =
        partial.map(|report| report.origin.as_str()).partition(|origin| is_prefix(origin));
    let origins: HashSet<&str> = origins.into_iter().collect();
    let stays =
        |origin: &str| origins.contains(origin) || prefixes.iter().any(|prefix| origin.starts_with(prefix));
    layer.iter().filter(|held| !stays(&held.provenance.origin)).map(|held| &held.key).collect()
}

/// What came from the origins that were read whole, and what the guard has let go.
fn gone_of_some<'a>(layer: &'a Layer, round: &'a JudgedRound) -> BTreeSet<&'a Key> {
    let whole = round.reports.iter().filter(|report| report.completeness == Completeness::Whole);
    let gone =
        whole.flat_map(|report| layer.keys_of(&report.origin)).filter(|key| !round.protected.contains(key));
    gone.chain(&round.released).collect()
}

/// Takes the removals that the shrink guard holds out of those that are due.
fn held_back(layer: &Layer, round: &JudgedRound, gone: Vec<Key>, now: Uptime) -> (Vec<Key>, Vec<Hold>) {
    if !round.is_whole {
        return (gone, Vec::new());
    }
    let (mut go, gone): (Vec<Key>, Vec<Key>) = gone.into_iter().partition(|key| round.released.contains(key));
    let mut by_kind: BTreeMap<Kind, BTreeSet<Key>> = BTreeMap::new();
    for key in gone {
        by_kind.entry(key.kind).or_default().insert(key);
    }
    let mut holds = Vec::new();
    for (kind, gone) in by_kind {
        let have = layer.len_of(kind);
        if guard::is_held(have, gone.len()) {
            holds.push(Hold {
                source: round.source.clone(),
                kind,
                have,
                gone,
                since: now,
                held_before: Duration::ZERO,
                is_confirmed: false,
            });
        } else {
            go.extend(gone);
        }
    }
    (go, holds)
}

#[cfg(test)]
mod tests;
