//! What ends of the layer of rollbacks.

use mainsheet_api::{change::Change, resource::SourceName};
use mainsheet_cache::snapshot::Snapshot;

use super::difference::{Difference, Names, differences};
use crate::{
    auth::Rights,
    intake::{Now, Planned, Planner},
    v1::selection::Selected,
};

/// Ends the rollbacks that are selected, of those that the caller sees.
#[derive(Clone)]
pub(in crate::v1) struct ReleasePlanner(pub(in crate::v1) Selected, pub(in crate::v1) Rights);

impl Planner for ReleasePlanner {
    type Answer = Vec<Difference>;

    fn plan(&mut self, state: &Snapshot, _: Now) -> Planned<Vec<Difference>> {
        let hold = SourceName::hold();
        let layer = state.layer(&hold);
        let rights = self.1.now();
        let named = layer.iter().filter(|held| self.0.has_key(&held.key) && rights.sees(&held.key));
        let is_selected = |key| {
            !self.0.asks_for_labels() || state.find_in(&hold, key).is_some_and(|found| self.0.has(&found))
        };
        let keys: Vec<_> = named.map(|held| &held.key).filter(|key| is_selected(key)).collect();
        let names: Names = keys.iter().map(|key| (key.kind, key.wire_name())).collect();
        let remove = |key| Change::Remove { source: hold.clone(), key };
        let changes: Vec<_> = keys.into_iter().cloned().map(remove).collect();
        let after = state.with_changes(state.revision().next(), changes.clone());
        Planned { changes, ..Planned::nothing(differences(state, &after, &names)) }
    }
}
