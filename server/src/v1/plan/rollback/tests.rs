use std::collections::BTreeMap;

use mainsheet_api::generated::mainsheet::v1 as pb;
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    intake::states::{NAMES, NOW, SOURCES, after, key, last_of_each, nothing, put, remove},
    v1::plan::release::ReleasePlanner,
};

fn catalog(state: Snapshot) -> SnapshotCatalog {
    SnapshotCatalog(Arc::new(state))
}

fn planner(to: &SnapshotCatalog) -> RollbackPlanner {
    RollbackPlanner { to: to.clone(), selected: Selected::default(), expected: None, rights: Rights::all() }
}

/// What is served, as content by name.
fn served(state: &Snapshot) -> BTreeMap<String, Entry> {
    let found = NAMES.iter().filter_map(|name| state.find(Kind::VIRTUAL_SERVICE, &key(name).wire_name()));
    found.map(|found| (found.held.key.name.to_string(), found.entry)).collect()
}

/// What would be served without rollbacks.
fn served_below(state: &Snapshot) -> BTreeMap<String, Entry> {
    let holds = state.layer(&SourceName::hold());
    let remove = |held: &Arc<Held>| Change::Remove { source: SourceName::hold(), key: held.key.clone() };
    served(&after(state, holds.iter().map(remove)))
}

/// The state after a commit of these, rollbacks that they end included.
fn committed(state: &Snapshot, changes: Vec<Change>) -> SnapshotCatalog {
    catalog(after(state, with_ended_holds(state, last_of_each(changes))))
}

fn done(planned: Planned<RolledBack>) -> (Vec<Change>, usize) {
    let RolledBack::Done { differences, skipped } = planned.answer else { panic!("{:?}", planned.answer) };
    assert!(skipped.is_empty());
    (planned.changes, differences.len())
}

#[test]
fn rollback_holds_what_was_and_an_absence_of_what_was_not() {
    let one = committed(&nothing(), vec![put("files", "a", 1), put("files", "b", 1)]);
    let two = committed(&one.0, vec![put("files", "a", 2), remove("files", "b"), put("files", "c", 2)]);
    let (changes, differences) = done(planner(&one).plan(&two.0, NOW));
    assert_eq!((changes.len(), differences), (3, 3));
    let back = committed(&two.0, changes);
    assert_eq!(served(&back.0), served(&one.0));
    assert!(back.0.revision() > two.0.revision(), "numbers never go back");
    let absent = back.0.held(&SourceName::hold(), &key("c")).unwrap();
    assert!(back.0.find_in(&absent.source, &absent.key).unwrap().entry.is_absence());
    let (again, differences) = done(planner(&one).plan(&back.0, NOW));
    assert_eq!((again, differences), (Vec::new(), 0));
}

#[test]
fn hold_goes_where_the_layers_below_have_it_so() {
    let one = committed(&nothing(), vec![put("files", "a", 1)]);
    let two = committed(&one.0, vec![put("files", "a", 2)]);
    let back = committed(&two.0, done(planner(&one).plan(&two.0, NOW)).0);
    let (changes, _) = done(planner(&two).plan(&back.0, NOW));
    assert_eq!(changes, [remove("hold", "a")]);
}

#[test]
fn only_what_is_selected_goes_back_by_what_it_is_or_was() {
    let one = committed(&nothing(), vec![put("files", "a", 1), put("files", "b", 1)]);
    let two = committed(&one.0, vec![put("files", "a", 2), put("files", "b", 3)]);
    let selected = |selector: &str| {
        let selection = pb::Selection { label_selector: selector.to_owned(), ..pb::Selection::default() };
        RollbackPlanner { selected: Selected::of(Some(selection)).unwrap(), ..planner(&one) }
    };
    assert_eq!(done(selected("content=2").plan(&two.0, NOW)).0.len(), 1);
    assert_eq!(done(selected("content=1").plan(&two.0, NOW)).0.len(), 2);
    assert_eq!(done(selected("content=9").plan(&two.0, NOW)).0.len(), 0);
}

#[test]
fn rollback_is_refused_where_something_changed_that_its_caller_has_not_seen() {
    let one = committed(&nothing(), vec![put("files", "a", 1), put("files", "b", 1)]);
    let two = committed(&one.0, vec![put("files", "a", 2)]);
    let three = committed(&two.0, vec![put("files", "b", 2)]);
    let expecting = RollbackPlanner { expected: Some(two), ..planner(&one) };
    let planned = expecting.clone().plan(&three.0, NOW);
    assert_eq!((planned.answer, planned.changes), (RolledBack::Conflict(vec![key("b")]), Vec::new()));
    let selection = pb::Selection { name: "a".to_owned(), ..pb::Selection::default() };
    let of_a = RollbackPlanner { selected: Selected::of(Some(selection)).unwrap(), ..expecting };
    assert_eq!(done(of_a.clone().plan(&three.0, NOW)).0.len(), 1, "what is not selected does not matter");
}

#[derive(Clone, Debug)]
enum Step {
    /// Layer (none but those of sources), name, content.
    Commit(Vec<(usize, usize, Option<u8>)>),
    RollBack(prop::sample::Index),
    Release,
}

fn step() -> impl Strategy<Value = Step> {
    let change = (1..SOURCES.len(), 0..NAMES.len(), prop::option::weighted(0.7, 0..3_u8));
    prop_oneof![
        4 => vec(change, 1..6).prop_map(Step::Commit),
        3 => any::<prop::sample::Index>().prop_map(Step::RollBack),
        1 => Just(Step::Release),
    ]
}

proptest! {
    /// Whatever happened before, and however often it went back: what was served is served again, releasing gives what
    /// the sources say, and a source that says the same again ends nothing.
    #[test]
    fn going_back_serves_what_was_and_releasing_what_is(steps in vec(step(), 1..16)) {
        let mut states = vec![catalog(nothing())];
        for step in steps {
            let state = states.last().unwrap().clone();
            let changes = match step {
                Step::Commit(changes) => {
                    let change = |(of, name, content): (usize, usize, Option<u8>)| match content {
                        Some(content) => put(SOURCES[of], NAMES[name], content),
                        None => remove(SOURCES[of], NAMES[name]),
                    };
                    changes.into_iter().map(change).collect()
                }
                Step::RollBack(to) => {
                    let to = to.get(&states).clone();
                    let (changes, differences) = done(planner(&to).plan(&state.0, NOW));
                    let back = committed(&state.0, changes.clone());
                    prop_assert_eq!(served(&back.0), served(&to.0));
                    prop_assert_eq!(served_below(&back.0), served_below(&state.0), "no source is touched");
                    let differ = NAMES.iter().filter(|name| served(&back.0).get(**name) != served(&state.0).get(**name));
                    prop_assert_eq!(differ.count(), differences);
                    // A retell.
                    let files = crate::intake::states::source("files");
                    let told = back.0.layer(&files).iter().filter_map(|held| {
                        let found = back.0.find_in(&files, &held.key)?;
                        let content = found.held.version.clone();
                        (0..3).map(|it| put("files", &held.key.name, it)).find(|it| match it {
                            Change::Put(record) => record.entry.version == content,
                            Change::Remove { .. } => false,
                        })
                    }).collect();
                    let retold = committed(&back.0, told);
                    prop_assert_eq!(served(&retold.0), served(&to.0));
                    changes
                }
                Step::Release => {
                    let planned = ReleasePlanner(Selected::default(), Rights::all()).plan(&state.0, NOW);
                    let released = committed(&state.0, planned.changes.clone());
                    prop_assert_eq!(served(&released.0), served_below(&state.0));
                    prop_assert!(released.0.layer(&SourceName::hold()).is_empty());
                    planned.changes
                }
            };
            if !changes.is_empty() {
                states.push(committed(&state.0, changes));
            }
        }
    }
}
