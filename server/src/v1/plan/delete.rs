//! What deleting changes in the API's layer.

use std::collections::BTreeSet;

use mainsheet_api::{
    change::Change,
    generated::mainsheet::v1::{self as pb, WriteOutcome},
    key::Key,
    resource::SourceName,
};
use mainsheet_cache::{layer::Layer, snapshot::Snapshot};

use super::{
    conditions::Conditions,
    outcome::{Surroundings, refuses, result, unmake},
    scope::Scope,
};
use crate::{
    auth::Rights,
    intake::{Now, Planned, Planner},
};

/// What is deleted.
#[derive(Clone)]
pub(in crate::v1) struct DeletePlanner {
    /// In the request's order, each once.
    pub(in crate::v1) keys: Vec<Key>,
    /// And what this means.
    pub(in crate::v1) selected: Option<Scope>,
    pub(in crate::v1) is_best_effort: bool,
    pub(in crate::v1) conditions: Conditions,
    /// Of what is selected, only what the caller sees is meant.
    pub(in crate::v1) rights: Rights,
}

impl Planner for DeletePlanner {
    /// Of each key, then of what is selected, then of conditions about anything else.
    type Answer = Vec<pb::WriteResult>;

    fn plan(&mut self, state: &Snapshot, _: Now) -> Planned<Self::Answer> {
        let layer = state.layer(&SourceName::api());
        let keys = self.all_keys(state, &layer);
        let known: BTreeSet<&Key> = keys.iter().collect();
        let unmet = self.conditions.unmet_beside(&layer, |key| known.contains(key));
        // A condition about what is not written is about the write as a whole.
        let is_refused = !unmet.is_empty();
        let mut results: Vec<_> = keys.iter().map(|key| self.result(state, &layer, key)).collect();
        results.extend(unmet.into_iter().map(|(key, conflict)| pb::WriteResult {
            conflict: Some(conflict),
            ..result(Some(&key), WriteOutcome::Conflicted)
        }));
        if is_refused || !self.is_best_effort && results.iter().any(|result| refuses(result.outcome())) {
            unmake(&mut results);
            return Planned::nothing(results);
        }
        let removed = keys.into_iter().zip(&results);
        let removed = removed.filter(|(_, result)| result.outcome() == WriteOutcome::Removed);
        let change = |(key, _)| Change::Remove { source: SourceName::api(), key };
        Planned { changes: removed.map(change).collect(), ..Planned::nothing(results) }
    }
}

impl DeletePlanner {
    fn all_keys(&self, state: &Snapshot, layer: &Layer) -> Vec<Key> {
        let named: BTreeSet<&Key> = self.keys.iter().collect();
        let rights = self.rights.now();
        let selected =
            self.selected.iter().flat_map(|scope| layer.iter().filter(|held| scope.has(state, held)));
        let selected = selected.map(|held| &held.key).filter(|key| !named.contains(key) && rights.sees(key));
        self.keys.iter().chain(selected).cloned().collect()
    }

    fn result(&self, state: &Snapshot, layer: &Layer, key: &Key) -> pb::WriteResult {
        let held = layer.get(key).map(|held| &**held);
        if let Some(conflict) = self.conditions.unmet(key, held) {
            let result = result(Some(key), WriteOutcome::Conflicted);
            return pb::WriteResult { conflict: Some(conflict), ..result };
        }
        let outcome = if held.is_some() { WriteOutcome::Removed } else { WriteOutcome::NotFound };
        Surroundings::of(state, key, None).told(result(Some(key), outcome))
    }
}

#[cfg(test)]
mod tests;
