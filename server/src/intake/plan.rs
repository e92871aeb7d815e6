//! What a round changes in its source's layer: a pure function of the two.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use mainsheet_api::{
    change::Change,
    key::Key,
    kind::Kind,
    lease,
    resource::{Provenance, Record, SourceName, Terms},
    time::{Now, Timestamp, Uptime},
    verdict::{Finding, Position},
    view::Audience,
    wire::Entry,
};
use mainsheet_cache::{layer::Layer, snapshot::Held};

use super::{
    Lifetime,
    guard::{self, Hold},
    judge::{Accepted, Judged},
};
use crate::{
    leases::EndedOf,
    source::{Completeness, LastWritten, is_prefix},
};

/// Keys that rejected documents name, each with the origins of those.
pub(crate) type Named = HashMap<Key, BTreeSet<String>>;

/// A round whose documents were judged.
#[derive(Debug)]
pub(crate) struct JudgedRound {
    pub(crate) source: SourceName,
    /// Whether origins that are not reported are gone.
    pub(crate) is_whole: bool,
    pub(crate) reports: Vec<Judged>,
    /// Keys whose removal the shrink guard has let go.
    pub(crate) released: BTreeSet<Key>,
    /// What rejected documents named before it. What is served of such a key stays: its file may not be able to say it
    /// well, but it says that it is there.
    pub(crate) named: Named,
    /// What earlier rounds withheld.
    pub(crate) withheld: Named,
}

/// What a round's source has to do with leases.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leasing {
    /// How long what it tells lives.
    pub(crate) lifetime: Lifetime,
    /// What it still has after its lease ended.
    pub(crate) ended: EndedOf,
}

/// What is to be committed, and what is not for now.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Plan {
    pub(crate) changes: Vec<Change>,
    pub(crate) holds: Vec<Hold>,
    /// Removals that are not made only because rejected documents name the key. The origin that it came from has it no
    /// longer and may never be reported again: who deletes the rejected document must find it here.
    pub(crate) withheld: Named,
    /// What has a lease and stayed the same: renewed, where it was written again.
    pub(crate) same: Vec<(Key, LastWritten)>,
    /// What the source had after its lease ended, and has no longer, or has anew.
    pub(crate) forgotten: Vec<Key>,
}

/// Works out what a round changes in a layer.
///
/// Content that is the same makes no change, whatever line it moved to. Content that moved to another origin does: which
/// keys an origin takes with it when it goes is read from the store. So does what is now said of it: no client hears of
/// that, because its version stays. What is the same as when its lease ended, and was not written again, makes none either.
pub(crate) fn plan(layer: &Layer, round: &JudgedRound, leasing: &Leasing, now: Now) -> Plan {
    let accepted: HashSet<&Key> = round.reports.iter().flat_map(Judged::accepted_keys).collect();
    let partly = Partly::of(&round.reports);
    let named = named(round, &partly);
    let Puts { puts: mut changes, same, again } = puts(layer, round, leasing, now.wall);
    let gone =
        if round.is_whole { gone_of_whole(layer, &partly) } else { gone_of_some(layer, round, &partly) };
    let gone = gone.into_iter().filter(|key| !accepted.contains(key) && layer.get(key).is_some());
    let (stay, gone): (Vec<&Key>, Vec<&Key>) = gone.partition(|key| named.contains_key(key));
    let (gone, holds) = held_back(layer, round, gone.into_iter().cloned().collect(), now.uptime);
    changes.extend(gone.into_iter().map(|key| Change::Remove { source: round.source.clone(), key }));
    let by = |key: &Key| named[key].iter().map(|origin| (*origin).to_owned()).collect();
    let withheld = stay.into_iter().map(|key| (key.clone(), by(key))).collect();
    let mut forgotten = no_longer_had(round, leasing, &partly);
    forgotten.retain(|key| !accepted.contains(key) && !named.contains_key(key));
    forgotten.extend(again);
    Plan { changes, holds, withheld, same, forgotten }
}

/// Keys whose leases ended, of origins that were read whole, or are gone.
fn no_longer_had(round: &JudgedRound, leasing: &Leasing, partly: &Partly<'_>) -> Vec<Key> {
    let told: HashSet<&str> = of_whole_origins(round).map(|report| report.origin.as_str()).collect();
    let is_told = |origin| told.contains(origin) || round.is_whole && !partly.has(origin);
    leasing.ended.iter().filter(|(_, origin)| is_told(origin)).map(|(key, _)| key.clone()).collect()
}

/// What accepted documents bring.
#[derive(Default)]
struct Puts {
    puts: Vec<Change>,
    same: Vec<(Key, LastWritten)>,
    /// Keys that had lost their lease.
    again: Vec<Key>,
}

fn puts(layer: &Layer, round: &JudgedRound, leasing: &Leasing, wall: Timestamp) -> Puts {
    let mut seen = HashSet::new();
    let mut puts = Puts::default();
    for report in &round.reports {
        for accepted in report.accepted.iter().filter(|accepted| seen.insert(&accepted.resource.key)) {
            put(layer, (&round.source, leasing), (report, accepted, wall), &mut puts);
        }
    }
    puts
}

fn put(
    layer: &Layer,
    (source, leasing): (&SourceName, &Leasing),
    (report, accepted, wall): (&Judged, &Accepted, Timestamp),
    puts: &mut Puts,
) {
    let Accepted { resource, line, warnings } = accepted;
    let (key, origin) = (&resource.key, &report.origin);
    let held = layer.get(key);
    let created = held.map_or(wall, |held| held.created);
    let (entry, audience) = (Entry::encode(resource, created), Audience::of(resource));
    if held.is_none() && leasing.ended.covers(key, (&entry.version, origin), report.written) {
        return;
    }
    if leasing.ended.has(key) {
        puts.again.push(key.clone());
    }
    let lease = match leasing.lifetime {
        Lifetime::Said => lease::lease(&resource.annotations, None, wall),
        Lifetime::SaidOr(ttl) => lease::lease(&resource.annotations, Some(ttl), wall),
        Lifetime::Upstream => None,
    };
    // Content that is the same goes on with the lease that it has, unless it is of another length.
    let running = held.filter(|held| held.version == entry.version).and_then(|held| held.terms.lease);
    let running = running.filter(|running| lease.is_some_and(|lease| lease.ttl == running.ttl));
    if running.is_some() {
        puts.same.extend(report.written.map(|written| (key.clone(), written)));
    }
    let terms = Terms { lease: running.or(lease), ..Terms::default() };
    let is_same = |held: &Arc<Held>| {
        held.version == entry.version
            && held.audience == audience
            && held.terms.lease == terms.lease
            && held.provenance.origin == *origin
            && say_the_same(&held.warnings, warnings)
    };
    if held.is_some_and(is_same) {
        return;
    }
    puts.puts.push(Change::Put(Arc::new(Record {
        source: source.clone(),
        key: key.clone(),
        entry,
        audience,
        created,
        provenance: Provenance { origin: origin.clone(), line: *line },
        warnings: warnings.clone(),
        terms,
    })));
}

/// Whether it is the same that is remarked, whatever line it is about.
fn say_the_same(one: &[Finding], other: &[Finding]) -> bool {
    let anywhere = |finding: &Finding| Finding { position: Position::default(), ..finding.clone() };
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| anywhere(one) == anywhere(other))
}

/// Origins that could not be read whole: what they have beside what they told is not known.
struct Partly<'a> {
    origins: HashSet<&'a str>,
    prefixes: Vec<&'a str>,
}

impl<'a> Partly<'a> {
    fn of(reports: &'a [Judged]) -> Self {
        let partial = reports.iter().filter(|report| report.completeness == Completeness::Partial);
        let (prefixes, origins): (Vec<&str>, Vec<&str>) =
            partial.map(|report| report.origin.as_str()).partition(|origin| is_prefix(origin));
        Self { origins: origins.into_iter().collect(), prefixes }
    }

    fn has(&self, origin: &str) -> bool {
        self.origins.contains(origin) || self.prefixes.iter().any(|prefix| origin.starts_with(prefix))
    }
}

/// What rejected documents name once the round is taken in: those of its reports, and earlier ones in origins of which
/// it does not tell everything.
fn named<'a>(round: &'a JudgedRound, partly: &Partly<'_>) -> HashMap<&'a Key, BTreeSet<&'a str>> {
    let told: HashSet<&str> = of_whole_origins(round).map(|report| report.origin.as_str()).collect();
    let is_told = |origin: &str| told.contains(origin) || round.is_whole && !partly.has(origin);
    let mut named: HashMap<&Key, BTreeSet<&str>> = HashMap::new();
    for (key, origins) in round.named.iter().chain(&round.withheld) {
        for origin in origins.iter().filter(|origin| !is_told(origin)) {
            named.entry(key).or_default().insert(origin);
        }
    }
    for report in &round.reports {
        for key in report.rejected.iter().filter_map(|rejected| rejected.key.as_ref()) {
            named.entry(key).or_default().insert(&report.origin);
        }
    }
    named
}

fn of_whole_origins(round: &JudgedRound) -> impl Iterator<Item = &Judged> {
    round.reports.iter().filter(|report| report.completeness == Completeness::Whole)
}

/// Everything but what came from origins that could not be read whole.
fn gone_of_whole<'a>(layer: &'a Layer, partly: &Partly<'_>) -> BTreeSet<&'a Key> {
    layer.iter().filter(|held| !partly.has(&held.provenance.origin)).map(|held| &held.key).collect()
}

/// What came from the origins that were read whole, what the guard has let go, and what earlier rounds withheld. If the
/// origin of the latter is there again but can't be read whole, a report of it is still to come.
fn gone_of_some<'a>(layer: &'a Layer, round: &'a JudgedRound, partly: &Partly<'_>) -> BTreeSet<&'a Key> {
    let gone =
        of_whole_origins(round).flat_map(|report| layer.of_origin(&report.origin)).map(|held| &held.key);
    let is_there = |key: &Key| layer.get(key).is_some_and(|held| partly.has(&held.provenance.origin));
    let withheld = round.withheld.keys().filter(|key| !is_there(key));
    gone.chain(&round.released).chain(withheld).collect()
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
