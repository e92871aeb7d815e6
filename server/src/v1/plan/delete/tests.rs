use mainsheet_api::generated::mainsheet::v1::precondition::Expected;

use super::*;
use crate::{
    intake::states::{NOW, after, key, nothing, put, remove},
    v1::convert,
};

fn planner(names: &[&str]) -> DeletePlanner {
    DeletePlanner {
        keys: names.iter().map(|name| key(name)).collect(),
        selected: None,
        is_best_effort: false,
        conditions: Conditions::default(),
        rights: Rights::all(),
    }
}

fn labelled(selector: &str) -> Option<Scope> {
    let scope = Some(pb::prune::Scope::LabelSelector(selector.to_owned()));
    Some(Scope::of("selected", pb::Prune { scope, ..pb::Prune::default() }).unwrap())
}

fn outcomes(results: &[pb::WriteResult]) -> Vec<WriteOutcome> {
    results.iter().map(pb::WriteResult::outcome).collect()
}

#[test]
fn what_is_not_there_is_told_and_refuses_nothing() {
    let state = after(&nothing(), [put("api", "a", 1), put("files", "a", 2), put("files", "b", 2)]);
    let planned = planner(&["a", "b", "c"]).plan(&state, NOW);
    assert_eq!(
        outcomes(&planned.answer),
        [WriteOutcome::Removed, WriteOutcome::NotFound, WriteOutcome::NotFound]
    );
    assert_eq!(planned.changes, [remove("api", "a")], "a file's is not the API's");
    assert_eq!(planned.answer[0].hides, ["files"], "it is served again");
    assert_eq!(planned.answer[1].hides, ["files"]);
}

#[test]
fn what_labels_select_goes_with_what_is_named_each_once() {
    let state = after(&nothing(), [put("api", "a", 1), put("api", "b", 1), put("api", "c", 2)]);
    let planned = DeletePlanner { selected: labelled("content=1"), ..planner(&["b"]) }.plan(&state, NOW);
    assert_eq!(planned.changes, [remove("api", "b"), remove("api", "a")]);
}

#[test]
fn condition_that_does_not_hold_refuses_all_unless_best_effort_is_asked_for() {
    let state = after(&nothing(), [put("api", "a", 1), put("api", "b", 1)]);
    let given =
        pb::Precondition { key: Some(convert::key(&key("a"))), expected: Some(Expected::Revision(9)) };
    let conditions = Conditions::of(vec![given], "").unwrap();
    let request = DeletePlanner { conditions, ..planner(&["a", "b"]) };
    let planned = request.clone().plan(&state, NOW);
    assert_eq!(outcomes(&planned.answer), [WriteOutcome::Conflicted, WriteOutcome::NotMade]);
    assert!(planned.changes.is_empty());
    let planned = DeletePlanner { is_best_effort: true, ..request.clone() }.plan(&state, NOW);
    assert_eq!(planned.changes, [remove("api", "b")]);
    let beside = DeletePlanner { keys: vec![key("b")], is_best_effort: true, ..request }.plan(&state, NOW);
    assert!(beside.changes.is_empty(), "a condition about something else is about all");
}
