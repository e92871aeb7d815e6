//! What a rollback puts above the sources.

use std::sync::Arc;

use mainsheet_api::{
    change::Change,
    key::Key,
    kind::Kind,
    resource::{Provenance, Record, SourceName, Terms},
    time::Timestamp,
    version::Revision,
    view::Audience,
    wire::Entry,
};
use mainsheet_cache::{
    HeldEntry,
    snapshot::{Held, Snapshot, SnapshotCatalog},
};

use super::difference::{Difference, Names, differences};
use crate::{
    auth::{Rights, RightsNow},
    intake::{
        Now, Planned, Planner,
        ended::{over_now, with_ended_holds},
    },
    v1::selection::Selected,
};

/// Whose documents say who may do what: they are rolled back only when their kinds are named.
const ACCESS_GROUP: &str = "rbac.authorization.k8s.io";

/// Back to what was served at a revision.
#[derive(Clone)]
pub(in crate::v1) struct RollbackPlanner {
    pub(in crate::v1) to: SnapshotCatalog,
    pub(in crate::v1) selected: Selected,
    /// What the caller has seen: what is selected must be served as it was then.
    pub(in crate::v1) expected: Option<SnapshotCatalog>,
    /// Of what is selected, only what the caller sees is meant.
    pub(in crate::v1) rights: Rights,
}

/// What a rollback comes to.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::v1) enum RolledBack {
    /// These are not as the caller has seen them.
    Conflict(Vec<Key>),
    Done {
        differences: Vec<Difference>,
        skipped: Vec<(Key, &'static str)>,
    },
}

impl Planner for RollbackPlanner {
    type Answer = RolledBack;

    fn plan(&mut self, state: &Snapshot, now: Now) -> Planned<RolledBack> {
        let names = self.names(state);
        if let Some(expected) = &self.expected {
            let changed = differences(&expected.0, state, &names);
            if !changed.is_empty() {
                return Planned::nothing(RolledBack::Conflict(
                    changed.iter().filter_map(Difference::key).cloned().collect(),
                ));
            }
        }
        let (mut changes, mut skipped) = (Vec::new(), Vec::new());
        for (kind, name) in &names {
            let change = self.back(state, (*kind, name), now.wall);
            let is_access = kind.info().group == ACCESS_GROUP && !self.selected.names_kind(*kind);
            match change.first().filter(|_| is_access) {
                Some(change) => skipped.push((
                    change.key().clone(),
                    "who may do what is rolled back only when its kind is named",
                )),
                None => changes.extend(change),
            }
        }
        let after = with_ended_holds(state, changes.clone());
        let after = state.with_changes(state.revision().next(), after);
        let differences = differences(state, &after, &names);
        Planned { changes, ..Planned::nothing(RolledBack::Done { differences, skipped }) }
    }
}

impl RollbackPlanner {
    /// What is served now, or was then, and is selected by what it is or was.
    fn names(&self, state: &Snapshot) -> Names {
        let then = [Some(&*self.to.0), self.expected.as_ref().map(|expected| &*expected.0)];
        let states = then.into_iter().flatten().chain([state]);
        let rights = self.rights.now();
        states.flat_map(|state| self.names_of(state, &rights)).collect()
    }

    fn names_of<'a>(
        &'a self,
        state: &'a Snapshot,
        rights: &'a RightsNow,
    ) -> impl Iterator<Item = (Kind, String)> + 'a {
        let named = state.all_served().filter(|held| self.selected.has_key(&held.key));
        let named = named.filter(|held| rights.sees(&held.key));
        let names = named.map(|held| (held.key.kind, held.key.wire_name()));
        names.filter(|(kind, name)| {
            !self.selected.asks_for_labels()
                || state.find(*kind, name).is_some_and(|found| self.selected.has(&found))
        })
    }

    /// What leads to a name being served as it was then: nothing where the layers below have it so.
    fn back(&self, state: &Snapshot, (kind, name): (Kind, &str), wall: Timestamp) -> Vec<Change> {
        let all = state.contestants(kind, name);
        let (holds, below): (Vec<_>, Vec<_>) =
            all.iter().partition(|held| &*held.source.0 == SourceName::HOLD);
        let wanted = self.to.0.find(kind, name);
        let is_below = match (&wanted, below.first()) {
            (Some(wanted), Some(below)) => {
                wanted.held.version == below.version && wanted.held.key == below.key
            }
            (None, None) => true,
            _ => false,
        };
        // Where nothing was served, an absence hides what the layers below have; there is something, or they agree.
        let key =
            wanted.as_ref().map(|wanted| &wanted.held.key).or_else(|| below.first().map(|held| &held.key));
        let wanted =
            key.filter(|_| !is_below).map(|key| self.record(key, (wanted.as_ref(), name), &all, wall));
        let stays = |held: &Held| wanted.as_ref().is_some_and(|wanted| is_same(held, wanted));
        let is_put_over = |held: &Held| wanted.as_ref().is_some_and(|wanted| wanted.key == held.key);
        let gone = holds.iter().filter(|held| !stays(held) && !is_put_over(held));
        let remove =
            |held: &&&Arc<Held>| Change::Remove { source: SourceName::hold(), key: held.key.clone() };
        let mut changes: Vec<Change> = gone.map(|held| remove(&held)).collect();
        if !holds.iter().any(|held| stays(held)) {
            changes.extend(wanted.map(|record| Change::Put(Arc::new(record))));
        }
        changes
    }

    /// What was served then, or that nothing was; over what the layers below have now.
    fn record(
        &self,
        key: &Key,
        (wanted, name): (Option<&HeldEntry>, &str),
        all: &[Arc<Held>],
        wall: Timestamp,
    ) -> Record {
        Record {
            source: SourceName::hold(),
            key: key.clone(),
            entry: wanted.map_or_else(|| Entry::absence(name), |wanted| wanted.entry.clone()),
            audience: wanted.map_or_else(Audience::everyone, |wanted| wanted.held.audience.clone()),
            created: wanted.map_or(wall, |wanted| wanted.held.created),
            provenance: Provenance { origin: origin(self.to.0.revision()), line: 0 },
            warnings: wanted.map_or_else(Vec::new, |wanted| wanted.held.warnings.clone()),
            terms: Terms { over: Some(over_now(all)), ..Terms::default() },
        }
    }
}

/// Where what is rolled back comes from, for people.
fn origin(revision: Revision) -> String {
    format!("revision {revision}")
}

fn is_same(held: &Held, record: &Record) -> bool {
    held.key == record.key
        && held.version == record.entry.version
        && held.audience == record.audience
        && held.terms.over == record.terms.over
}

#[cfg(test)]
mod tests;
