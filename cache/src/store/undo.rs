//! The state before commits, from the state after them.

use std::collections::BTreeMap;

use mainsheet_api::{key::Key, resource::SourceName, version::Revision};

use super::{Recorded, State, Stored};

/// A state that goes back, commit by commit.
#[derive(Debug)]
pub(super) struct Undo {
    revision: Revision,
    /// In the order that [`State::records`] has.
    records: BTreeMap<(Key, SourceName), Stored>,
}

impl Undo {
    pub(super) fn of(state: State) -> Self {
        let place = |stored: &Stored| (stored.record.key.clone(), stored.record.source.clone());
        let records = state.records.into_iter().map(|stored| (place(&stored), stored)).collect();
        Self { revision: state.revision, records }
    }

    /// Undoes the newest commit that is not undone yet.
    pub(super) fn undo(&mut self, Recorded { committed, before }: Recorded) {
        debug_assert_eq!(committed.revision, self.revision);
        for (change, before) in committed.changes.iter().zip(before) {
            let place = (change.key().clone(), change.source().clone());
            match before {
                Some(stored) => self.records.insert(place, stored),
                None => self.records.remove(&place),
            };
        }
        self.revision = Revision(committed.revision.0 - 1);
    }

    pub(super) fn finish(self) -> State {
        State { revision: self.revision, records: self.records.into_values().collect() }
    }
}
