//! Rollbacks that end: what the layers below one say is no longer what it was put over.

use std::{collections::BTreeSet, sync::Arc};

use mainsheet_api::{
    change::Change,
    key::Key,
    kind::Kind,
    resource::{Over, SourceName},
};
use mainsheet_cache::snapshot::{Held, Snapshot};

/// The changes of a commit together with what they bring about in the layer of rollbacks. For each name that they touch: a
/// rollback that was put over something else than the layers below now have is over, also one that is only being put.
pub(crate) fn with_ended_holds(before: &Snapshot, mut changes: Vec<Change>) -> Vec<Change> {
    let hold = SourceName::hold();
    let is_put = changes.iter().any(|change| *change.source() == hold);
    if changes.is_empty() || !is_put && before.layer(&hold).is_empty() {
        return changes;
    }
    let after = before.with_changes(before.revision().next(), changes.iter().cloned());
    let names: BTreeSet<(Kind, String)> =
        changes.iter().map(|change| (change.key().kind, change.key().wire_name())).collect();
    let ended: BTreeSet<Key> = names.iter().flat_map(|(kind, name)| ended_of(&after, *kind, name)).collect();
    changes.retain(|change| *change.source() != hold || !ended.contains(change.key()));
    let held_before = ended.into_iter().filter(|key| before.held(&hold, key).is_some());
    changes.extend(held_before.map(|key| Change::Remove { source: hold.clone(), key }));
    changes
}

/// The rollbacks of a name that are over.
fn ended_of(state: &Snapshot, kind: Kind, wire_name: &str) -> Vec<Key> {
    let all = state.contestants(kind, wire_name);
    let over = over_now(&all);
    let is_over = |held: &&Arc<Held>| held.terms.over.as_ref().is_some_and(|put_over| *put_over != over);
    all.iter().filter(|held| is_hold(held)).filter(is_over).map(|held| held.key.clone()).collect()
}

/// What the layers below that of rollbacks have of a name: what a rollback of it would be put over. Of all that is said of
/// it, the strongest first.
pub(crate) fn over_now(all: &[Arc<Held>]) -> Over {
    Over { version: all.iter().find(|held| !is_hold(held)).map(|held| held.version.clone()) }
}

fn is_hold(held: &Held) -> bool {
    &*held.source.0 == SourceName::HOLD
}

#[cfg(test)]
mod tests {
    use mainsheet_api::{
        resource::{Record, Terms},
        version::Revision,
        wire::Entry,
    };
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::intake::states::{NAMES, SOURCES, after, key, nothing, put, remove, source};

    /// A rollback of a name, as the API makes one: over what the layers below have now.
    fn roll_back(state: &Snapshot, name: &str, content: Option<u8>) -> Change {
        let over = over_now(&state.contestants(Kind::VIRTUAL_SERVICE, &key(name).wire_name()));
        let terms = Terms { over: Some(over), ..Terms::default() };
        let Change::Put(record) = put("hold", name, content.unwrap_or_default()) else { unreachable!() };
        let entry = match content {
            Some(_) => record.entry.clone(),
            None => Entry::absence(record.entry.name.clone()),
        };
        Change::Put(Arc::new(Record { terms, entry, ..(*record).clone() }))
    }

    /// What is served, or would be, as versions by name.
    fn below(state: &Snapshot) -> Vec<Over> {
        NAMES.map(|name| over_now(&state.contestants(Kind::VIRTUAL_SERVICE, &key(name).wire_name()))).into()
    }

    fn is_held(state: &Snapshot, name: &str) -> bool {
        state.held(&SourceName::hold(), &key(name)).is_some()
    }

    #[test]
    fn rollback_ends_with_other_content_and_not_with_the_same_again() {
        let state = after(&nothing(), [put("files", "a", 2)]);
        let state = after(&state, with_ended_holds(&state, vec![roll_back(&state, "a", Some(1))]));
        let again = with_ended_holds(&state, vec![put("files", "a", 2)]);
        assert_eq!(again, [put("files", "a", 2)]);
        assert!(is_held(&after(&state, again), "a"));
        let ended = with_ended_holds(&state, vec![put("files", "a", 3)]);
        assert_eq!(ended, [put("files", "a", 3), remove("hold", "a")]);
    }

    #[test]
    fn change_that_a_stronger_source_hides_does_not_end_a_rollback() {
        let state = after(&nothing(), [put("api", "a", 2), put("files", "a", 3)]);
        let state = after(&state, [roll_back(&state, "a", Some(1))]);
        assert!(is_held(&after(&state, with_ended_holds(&state, vec![put("files", "a", 4)])), "a"));
        let deleted = with_ended_holds(&state, vec![remove("api", "a")]);
        assert!(!is_held(&after(&state, deleted), "a"), "the file's is served instead of the API's");
    }

    #[test]
    fn rollback_that_is_put_over_something_else_is_not_made() {
        let state = after(&nothing(), [put("files", "a", 2)]);
        let late = roll_back(&state, "a", Some(1));
        let state = after(&state, [put("files", "a", 3)]);
        assert_eq!(with_ended_holds(&state, vec![late.clone()]), []);
        let held = after(&state, [roll_back(&state, "a", Some(5))]);
        assert_eq!(with_ended_holds(&held, vec![late]), [remove("hold", "a")]);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Change(Vec<(usize, usize, Option<u8>)>),
        RollBack(usize, Option<u8>),
    }

    fn step() -> impl Strategy<Value = Step> {
        let change = (1..SOURCES.len(), 0..NAMES.len(), prop::option::weighted(0.7, 0..3_u8));
        prop_oneof![
            vec(change, 1..6).prop_map(Step::Change),
            (0..NAMES.len(), prop::option::of(0..3_u8))
                .prop_map(|(name, content)| Step::RollBack(name, content)),
        ]
    }

    proptest! {
        /// Whatever sources say: a name is held exactly as long as what lies below is what it was held over.
        #[test]
        fn rollback_lasts_exactly_as_long_as_what_is_below_stays(steps in vec(step(), 1..20)) {
            let mut state = nothing();
            for step in steps {
                let changes = match step {
                    Step::Change(changes) => changes
                        .into_iter()
                        .map(|(of, name, content)| match content {
                            Some(content) => put(SOURCES[of], NAMES[name], content),
                            None => remove(SOURCES[of], NAMES[name]),
                        })
                        .collect(),
                    Step::RollBack(name, content) => vec![roll_back(&state, NAMES[name], content)],
                };
                let changes = crate::intake::states::last_of_each(changes);
                let is_rollback = changes.iter().any(|change| *change.source() == source("hold"));
                let was_below = below(&state);
                let was_held = NAMES.map(|name| is_held(&state, name));
                let settled = with_ended_holds(&state, changes.clone());
                let places: BTreeSet<_> = settled.iter().map(|it| (it.source(), it.key())).collect();
                prop_assert_eq!(places.len(), settled.len(), "no place twice");
                let next = state.with_changes(Revision(state.revision().0 + 1), settled);
                for (index, name) in NAMES.into_iter().enumerate() {
                    if is_rollback {
                        let is_rolled_back = changes[0].key() == &key(name);
                        prop_assert_eq!(is_held(&next, name), was_held[index] || is_rolled_back);
                    } else {
                        let is_same = below(&next)[index] == was_below[index];
                        prop_assert_eq!(is_held(&next, name), was_held[index] && is_same);
                    }
                }
                state = next;
            }
        }
    }
}
