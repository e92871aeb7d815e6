//! The fold: a state and a commit give the next state. A pure function; everything that is served comes out of it.
//!
//! A *contest* is all that the layers say of one wire name. Its winner is served: the one of the strongest source,
//! then the first in order of keys. Wire names are what is unique, because clients refuse a response that holds a name
//! twice (rule 45): Envoy's names are bare, so two namespaces can contest one, and so can two scopes an Istio name.
//! An absence takes part like anything else; where it wins, nothing is served under the name.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use bytes::Bytes;
use imbl::OrdMap;
use mainsheet_api::{
    change::Change,
    key::Key,
    kind::Kind,
    planted::{self, Fault},
    resource::{Record, SourceName},
    version::Revision,
};

use crate::{
    chunk::Item,
    partition::{Edit, PartitionKey},
    read::HeldEntry,
    served::Edits,
    served_changes::ServedChange,
    snapshot::{Held, KindState, Layers, Snapshot},
    store::{State, Stored},
};

/// Sources from the strongest to the weakest; those that are not named come last, by name.
#[derive(Debug, Default)]
pub(crate) struct Precedence(pub(crate) Vec<SourceName>);

impl Precedence {
    fn rank(&self, source: &SourceName) -> usize {
        if planted::is(Fault::PrecedenceReversed) {
            return self.0.iter().rev().position(|named| named == source).unwrap_or(self.0.len());
        }
        self.0.iter().position(|named| named == source).unwrap_or(self.0.len())
    }
}

/// One layer's say on a wire name.
#[derive(Clone, Debug)]
pub(crate) struct Contestant {
    pub(crate) item: Item,
}

/// Several layers' say on a wire name.
#[derive(Debug)]
pub(crate) struct Contest {
    pub(crate) winner: Arc<Held>,
    /// The winner where it is an absence: it is in no chunk.
    absence: Option<Contestant>,
    /// The rest, the strongest first, with their bytes: the winner's are in its chunk.
    pub(crate) losers: Vec<Contestant>,
}

/// The state after these changes.
pub(crate) fn fold(
    before: &Snapshot,
    revision: Revision,
    changes: impl IntoIterator<Item = Change>,
) -> Snapshot {
    fold_telling(before, revision, changes).0
}

/// The state after these changes, and what changed of what is served, in order of kinds, then wire names.
pub(crate) fn fold_telling(
    before: &Snapshot,
    revision: Revision,
    changes: impl IntoIterator<Item = Change>,
) -> (Snapshot, Vec<ServedChange>) {
    let mut fold = Fold::of(before);
    for change in changes {
        match change {
            Change::Put(record) => fold.put(&record, revision),
            Change::Remove { source, key } => fold.remove(&source, &key),
        }
    }
    fold.finish(revision)
}

/// The state that a store holds, reached from one that is older: what is the same stays shared. A fold of the changes
/// that lie between.
pub(crate) fn fold_whole(before: &Snapshot, state: State) -> Snapshot {
    let known: HashSet<(&SourceName, &Key)> =
        state.records.iter().map(|Stored { record, .. }| (&record.source, &record.key)).collect();
    let mut fold = Fold::of(before);
    for (source, layer) in &before.layers {
        let gone = layer.iter().filter(|held| !known.contains(&(source, &held.key)));
        gone.for_each(|held| fold.remove(source, &held.key));
    }
    drop(known);
    state.records.iter().for_each(|Stored { changed, record }| fold.put(record, *changed));
    fold.finish(state.revision).0
}

struct Fold<'a> {
    before: &'a Snapshot,
    layers: Layers,
    contests: BTreeMap<Kind, BTreeMap<Arc<str>, OpenContest>>,
    texts: Texts,
}

/// A contest that the commit touches.
struct OpenContest {
    /// What was served.
    winner_before: Option<Contestant>,
    contestants: Vec<Contestant>,
    is_changed: bool,
}

impl<'a> Fold<'a> {
    fn of(before: &'a Snapshot) -> Self {
        Self { before, layers: before.layers.clone(), contests: BTreeMap::new(), texts: Texts::default() }
    }

    fn put(&mut self, record: &Record, revision: Revision) {
        let held = Arc::new(self.held(record, revision));
        let contestant = Contestant {
            item: Item {
                held: held.clone(),
                name: record.entry.name.clone(),
                any: record.entry.any.clone(),
                ttl: record.entry.ttl,
            },
        };
        let contest = self.contest(record.key.kind, &record.entry.name);
        if contest.contestants.iter().any(|known| known.is_same(&contestant)) {
            return;
        }
        contest.drop_of(&record.source, &record.key);
        contest.contestants.push(contestant);
        self.layers.entry(held.source.clone()).or_default().insert(held);
    }

    fn remove(&mut self, source: &SourceName, key: &Key) {
        let Some(layer) = self.layers.get_mut(source) else { return };
        if layer.remove(key).is_none() {
            return;
        }
        if layer.is_empty() {
            self.layers.remove(source);
        }
        if planted::is(Fault::RemovalForgotten) {
            return;
        }
        self.contest(key.kind, &key.wire_name().into()).drop_of(source, key);
    }

    fn contest(&mut self, kind: Kind, name: &Arc<str>) -> &mut OpenContest {
        let open = self.contests.entry(kind).or_default();
        open.entry(name.clone()).or_insert_with(|| self.before.state(kind).open(name))
    }

    fn held(&mut self, record: &Record, changed: Revision) -> Held {
        let key = &record.key;
        Held {
            source: SourceName(self.texts.shared(&record.source.0)),
            key: Key {
                kind: key.kind,
                namespace: self.texts.shared(&key.namespace),
                name: key.name.clone(),
                scope: self.texts.shared(&key.scope),
            },
            version: record.entry.version.clone(),
            audience: record.audience.clone(),
            created: record.created,
            provenance: record.provenance.clone(),
            warnings: record.warnings.clone(),
            terms: record.terms.clone(),
            changed,
        }
    }

    fn finish(self, revision: Revision) -> (Snapshot, Vec<ServedChange>) {
        let mut kinds = self.before.kinds.clone();
        let mut told = Vec::new();
        for (kind, contests) in self.contests {
            let state = kinds.entry(kind).or_insert_with(|| KindState::nothing(kind));
            *state = state.settled(contests, revision, &self.before.precedence, &mut told);
        }
        let snapshot = Snapshot {
            revision,
            committed: None,
            kinds,
            layers: self.layers,
            precedence: self.before.precedence.clone(),
            oldest_kept: self.before.oldest_kept.clone(),
        };
        (snapshot, told)
    }
}

impl OpenContest {
    fn drop_of(&mut self, source: &SourceName, key: &Key) {
        self.contestants.retain(|known| known.item.held.source != *source || known.item.held.key != *key);
        self.is_changed = true;
    }
}

impl Contestant {
    fn place(&self) -> PartitionKey {
        let held = &self.item.held;
        PartitionKey { namespace: held.key.namespace.clone(), audience: held.audience.clone() }
    }

    fn is_same(&self, other: &Self) -> bool {
        let held = Arc::ptr_eq(&self.item.held, &other.item.held) || self.item.held == other.item.held;
        held && self.item.any == other.item.any
    }

    fn is_absence(&self) -> bool {
        self.item.any.is_empty()
    }

    /// With bytes of its own, so that a loser keeps no chunk alive.
    fn detached(self) -> Self {
        Self { item: Item { any: Bytes::copy_from_slice(&self.item.any), ..self.item } }
    }
}

impl KindState {
    /// All that the layers say of a name.
    fn open(&self, name: &str) -> OpenContest {
        let served = self.served.find(name).map(|(_, item)| Contestant { item: item.clone() });
        let contest = self.contests.get(name);
        let absence = contest.and_then(|contest| contest.absence.as_ref());
        let losers = contest.map_or(&[][..], |contest| &contest.losers);
        let contestants = served.iter().chain(absence).chain(losers).cloned().collect();
        OpenContest { winner_before: served, contestants, is_changed: false }
    }

    /// With contests decided.
    fn settled(
        &self,
        opened: BTreeMap<Arc<str>, OpenContest>,
        revision: Revision,
        precedence: &Precedence,
        told: &mut Vec<ServedChange>,
    ) -> Self {
        let mut edits = Edits::new();
        let mut contests = self.contests.clone();
        for (name, mut opened) in opened.into_iter().filter(|(_, opened)| opened.is_changed) {
            opened.contestants.sort_by(|one, other| {
                let strength = |of: &Contestant| precedence.rank(&of.item.held.source);
                let order = |of: &Contestant| (of.item.held.source.clone(), of.item.held.key.clone());
                strength(one).cmp(&strength(other)).then_with(|| order(one).cmp(&order(other)))
            });
            let mut ranked = opened.contestants.into_iter();
            let winner = ranked.next();
            note_clash(&mut contests, &name, winner.as_ref(), ranked);
            let served = winner.filter(|winner| !winner.is_absence());
            if is_same(opened.winner_before.as_ref(), served.as_ref()) {
                continue;
            }
            told.push(ServedChange::of(opened.winner_before.as_ref(), served.as_ref()));
            note_edits(&mut edits, name, opened.winner_before, served);
        }
        let served = if edits.is_empty() {
            self.served.clone()
        } else {
            Arc::new(self.served.edited(edits, revision))
        };
        Self { served, contests }
    }
}

fn note_clash(
    contests: &mut OrdMap<Arc<str>, Arc<Contest>>,
    name: &Arc<str>,
    winner: Option<&Contestant>,
    losers: impl Iterator<Item = Contestant>,
) {
    let losers: Vec<_> = losers.map(Contestant::detached).collect();
    match winner {
        Some(winner) if !losers.is_empty() || winner.is_absence() => {
            let absence = winner.is_absence().then(|| winner.clone());
            let contest = Contest { winner: winner.item.held.clone(), absence, losers };
            contests.insert(name.clone(), Arc::new(contest));
        }
        // Removing what is not there would make a map of its own: one that stays the same stays shared.
        _ if contests.contains_key(name) => drop(contests.remove(name)),
        _ => {}
    }
}

fn is_same(before: Option<&Contestant>, after: Option<&Contestant>) -> bool {
    match (before, after) {
        (Some(before), Some(after)) => before.is_same(after),
        (before, after) => before.is_none() && after.is_none(),
    }
}

fn note_edits(edits: &mut Edits, name: Arc<str>, before: Option<Contestant>, after: Option<Contestant>) {
    let left = before.map(|before| before.place());
    let place = after.as_ref().map(Contestant::place);
    if let Some(left) = left.filter(|left| Some(left) != place.as_ref()) {
        edits.entry(left).or_default().push(Edit::Remove(name));
    }
    if let (Some(place), Some(after)) = (place, after) {
        edits.entry(place).or_default().push(Edit::Put(after.item));
    }
}

impl ServedChange {
    fn of(before: Option<&Contestant>, after: Option<&Contestant>) -> Self {
        // What came with the commit, and what was hidden, has bytes of its own; what was served has those of its chunk.
        let before = before.map(|before| HeldEntry::of(&before.clone().detached().item));
        Self { before, after: after.map(|after| HeldEntry::of(&after.item)) }
    }
}

/// Texts that many records have in common, each once.
#[derive(Default)]
struct Texts(HashSet<Arc<str>>);

impl Texts {
    fn shared(&mut self, text: &Arc<str>) -> Arc<str> {
        match self.0.get(text) {
            Some(known) => known.clone(),
            None => {
                self.0.insert(text.clone());
                text.clone()
            }
        }
    }
}

#[cfg(test)]
mod tests;
