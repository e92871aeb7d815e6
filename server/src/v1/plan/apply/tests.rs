use std::collections::BTreeMap;

use mainsheet_api::{generated::mainsheet::v1::prune, resource::Over, version::ResourceVersion};
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::intake::states::{self, NAMES, NOW, after, key, nothing, put, resource, source};

fn accepted(name: &str, content: u8) -> Candidate {
    let resource = Box::new(resource(name, content));
    candidate(CandidateContent::Accepted { resource, warnings: Vec::new() })
}

fn candidate(content: CandidateContent) -> Candidate {
    Candidate { field: "manifests[0].text".to_owned(), origin: "a.yaml".to_owned(), line: 7, content }
}

fn bad(key: Option<Key>) -> Candidate {
    let finding = Finding { reason: "is wrong".to_owned(), ..repeated(&accepted("a", 1), &accepted("a", 1)) };
    candidate(CandidateContent::Rejected { key, findings: vec![finding] })
}

fn planner(candidates: impl IntoIterator<Item = Candidate>) -> ApplyPlanner {
    ApplyPlanner {
        candidates: candidates.into_iter().collect(),
        rules: VersionSum::EMPTY,
        is_best_effort: false,
        conditions: Conditions::default(),
        set: None,
        takes_over: false,
        prune: None,
        ttl: None,
        author: "ann".to_owned(),
        rights: Rights::all(),
    }
}

fn scope(set: &str) -> Option<Scope> {
    let given = pb::Prune { scope: Some(prune::Scope::Set(set.to_owned())), ..pb::Prune::default() };
    Some(Scope::of("prune", given).unwrap())
}

fn conditions(name: &str, expected: pb::precondition::Expected) -> Conditions {
    let given = pb::Precondition { key: Some(crate::v1::convert::key(&key(name))), expected: Some(expected) };
    Conditions::of(vec![given], "").unwrap()
}

fn plan(state: &Snapshot, mut planner: ApplyPlanner) -> (Vec<pb::WriteResult>, Planned<Applied>) {
    let planned = planner.plan(state, NOW);
    let Applied::Results(results) = planned.answer.clone() else { panic!("{planned:?}") };
    (results, planned)
}

fn outcomes(results: &[pb::WriteResult]) -> Vec<WriteOutcome> {
    results.iter().map(pb::WriteResult::outcome).collect()
}

/// The state after an apply that changes something.
fn applied(state: &Snapshot, planner: ApplyPlanner) -> Snapshot {
    after(state, plan(state, planner).1.changes)
}

#[test]
fn content_decides_what_an_apply_comes_to() {
    let state = applied(&nothing(), planner([accepted("a", 1), accepted("b", 1)]));
    let (results, planned) = plan(&state, planner([accepted("a", 1), accepted("b", 2), accepted("c", 1)]));
    assert_eq!(outcomes(&results), [WriteOutcome::Unchanged, WriteOutcome::Changed, WriteOutcome::Created]);
    assert_eq!(planned.changes.len(), 2, "what is the same makes no revision");
    let Change::Put(record) = &planned.changes[0] else { panic!() };
    assert_eq!((&*record.provenance.origin, record.created), ("ann", NOW.wall));
    assert_eq!((results[2].origin.as_str(), results[2].line), ("a.yaml", 7));
    assert_eq!(results[1].version, record.entry.version.to_string());
}

#[test]
fn one_rejection_refuses_all_and_says_what_would_have_been() {
    let request = || planner([accepted("a", 1), bad(Some(key("b"))), accepted("c", 1)]);
    let (results, planned) = plan(&nothing(), request());
    assert_eq!(outcomes(&results), [WriteOutcome::NotMade, WriteOutcome::Rejected, WriteOutcome::NotMade]);
    assert!(planned.changes.is_empty());
    let (results, planned) = plan(&nothing(), ApplyPlanner { is_best_effort: true, ..request() });
    assert_eq!(outcomes(&results), [WriteOutcome::Created, WriteOutcome::Rejected, WriteOutcome::Created]);
    assert_eq!(planned.changes.len(), 2);
}

#[test]
fn repeated_key_is_an_error_that_names_both_places() {
    let again = Candidate {
        field: "manifests[1].typed".to_owned(),
        origin: String::new(),
        line: 0,
        ..accepted("a", 2)
    };
    let (results, planned) = plan(&nothing(), planner([accepted("a", 1), again]));
    assert_eq!(outcomes(&results), [WriteOutcome::NotMade, WriteOutcome::Rejected]);
    assert_eq!(
        results[1].findings[0].reason,
        "stands twice in what is applied: at a.yaml:7 and at manifests[1].typed"
    );
    assert!(planned.changes.is_empty());
}

#[test]
fn what_another_set_has_is_a_conflict_that_names_it_unless_it_is_taken_over() {
    let set = |name: &str| Some(Arc::from(name));
    let state = applied(&nothing(), ApplyPlanner { set: set("shop"), ..planner([accepted("a", 1)]) });
    let theirs = || ApplyPlanner { set: set("till"), ..planner([accepted("a", 1), accepted("b", 1)]) };
    let (results, planned) = plan(&state, theirs());
    assert_eq!(outcomes(&results), [WriteOutcome::Conflicted, WriteOutcome::NotMade]);
    let conflict = results[0].conflict.clone().unwrap();
    assert_eq!((&*conflict.set, &*conflict.author, conflict.revision), ("shop", "ann", 1));
    assert!(planned.changes.is_empty() && conflict.reason.contains("shop"), "{conflict:?}");

    let forced = applied(&state, ApplyPlanner { takes_over: true, ..theirs() });
    let held = |state: &Snapshot| state.held(&SourceName::api(), &key("a")).unwrap();
    assert_eq!(held(&forced).terms.set, set("till"));
    let without = applied(&state, planner([accepted("a", 2)]));
    assert_eq!(held(&without).terms.set, set("shop"), "who names no set takes nothing out of one");
}

#[test]
fn conditions_that_do_not_hold_are_conflicts_with_what_is_there() {
    use pb::precondition::Expected;
    let state = applied(&nothing(), planner([accepted("a", 1)]));
    let version = state.held(&SourceName::api(), &key("a")).unwrap().version.to_string();
    for (name, expected, is_met) in [
        ("a", Expected::Revision(1), true),
        ("a", Expected::Revision(2), false),
        ("a", Expected::Version(version), true),
        ("a", Expected::Version("x".to_owned()), false),
        ("a", Expected::Absent(true), false),
        ("b", Expected::Absent(true), true),
        ("b", Expected::Revision(1), false),
    ] {
        let request =
            ApplyPlanner { conditions: conditions(name, expected.clone()), ..planner([accepted(name, 2)]) };
        let (results, planned) = plan(&state, request);
        let is_made = results[0].outcome() != WriteOutcome::Conflicted;
        assert_eq!((is_made, planned.changes.len()), (is_met, usize::from(is_met)), "{expected:?}");
        let of_another = ApplyPlanner {
            conditions: conditions(name, expected.clone()),
            is_best_effort: true,
            ..planner([accepted("c", 1)])
        };
        let (results, planned) = plan(&state, of_another);
        assert_eq!(planned.changes.len(), usize::from(is_met), "about the write as a whole: {expected:?}");
        assert_eq!(results.len(), if is_met { 1 } else { 2 });
    }
}

#[test]
fn prune_removes_what_of_the_set_the_request_does_not_have() {
    let of_shop =
        |candidates: Vec<Candidate>| ApplyPlanner { set: Some("shop".into()), ..planner(candidates) };
    let state = applied(&nothing(), of_shop(NAMES.map(|name| accepted(name, 1)).into()));
    let request = |more: Vec<Candidate>| ApplyPlanner { prune: scope("shop"), ..of_shop(more) };
    let (results, planned) = plan(&state, request(vec![accepted("a", 2)]));
    assert_eq!(outcomes(&results), [WriteOutcome::Changed, WriteOutcome::Removed, WriteOutcome::Removed]);
    assert_eq!(planned.changes.len(), 3);
    // What is named stays, also by a document that is rejected; and what can't be read may name anything.
    let best_effort = |more| ApplyPlanner { is_best_effort: true, ..request(more) };
    let (results, planned) = plan(&state, best_effort(vec![accepted("a", 2), bad(Some(key("b")))]));
    assert_eq!(outcomes(&results), [WriteOutcome::Changed, WriteOutcome::Rejected, WriteOutcome::Removed]);
    assert_eq!(planned.changes[1], states::remove("api", "c"));
    let (results, planned) = plan(&state, best_effort(vec![accepted("a", 2), bad(None)]));
    assert_eq!(outcomes(&results)[2..], [WriteOutcome::NotMade, WriteOutcome::NotMade]);
    assert_eq!(planned.changes.len(), 1);
}

#[test]
fn results_say_what_is_hidden_by_whom() {
    let mut held = states::record("hold", "a", 5);
    held.terms.over = Some(Over { version: version_of("a", 1) });
    let state = after(&nothing(), [Change::Put(Arc::new(held)), put("files", "a", 3), put("kube", "a", 4)]);
    let (results, _) = plan(&state, planner([accepted("a", 1)]));
    assert_eq!(results[0].hides, ["files", "kube"]);
    assert!(results[0].is_hidden, "the rollback was put over just that");
    let (results, _) = plan(&state, planner([accepted("a", 2)]));
    assert!(!results[0].is_hidden, "other content ends the rollback");
}

fn version_of(name: &str, content: u8) -> Option<ResourceVersion> {
    Some(Entry::encode(&resource(name, content), NOW.wall).version)
}

#[test]
fn lease_is_renewed_where_the_content_is_the_same() {
    let leased = |ttl| ApplyPlanner { ttl: Some(Duration::from_secs(ttl)), ..planner([accepted("a", 1)]) };
    let state = applied(&nothing(), leased(60));
    let later = Now { wall: Timestamp(NOW.wall.0 + 1000), ..NOW };
    let planned = leased(60).plan(&state, later);
    assert!(planned.changes.is_empty());
    assert_eq!(planned.renewals.len(), 1);
    let (results, planned) = plan(&state, leased(90));
    assert_eq!((outcomes(&results)[0], planned.changes.len()), (WriteOutcome::Changed, 1));
}

#[test]
fn candidates_that_were_judged_by_other_rules_are_not_applied() {
    let rules = VersionSum::of_entry("rule", &ResourceVersion::new("1"));
    let planned = ApplyPlanner { rules, ..planner([accepted("a", 1)]) }.plan(&nothing(), NOW);
    assert_eq!((planned.answer, planned.changes), (Applied::OtherRules, Vec::new()));
}

/// Name, content (none: rejected), set, best effort, takes over, prune.
type Ask = (Vec<(usize, Option<u8>)>, Option<usize>, [bool; 3]);

fn ask() -> impl Strategy<Value = Ask> {
    let document = (0..NAMES.len(), prop::option::weighted(0.9, 0..3_u8));
    (vec(document, 0..4), prop::option::of(0..2_usize), any::<[bool; 3]>())
}

fn of_ask((documents, set, [is_best_effort, takes_over, prunes]): &Ask) -> ApplyPlanner {
    let candidates = documents.iter().map(|(name, content)| match content {
        Some(content) => accepted(NAMES[*name], *content),
        None => bad(Some(key(NAMES[*name]))),
    });
    let set = set.map(|set| ["shop", "till"][set]);
    ApplyPlanner {
        is_best_effort: *is_best_effort,
        takes_over: *takes_over,
        prune: set.filter(|_| *prunes).and_then(scope),
        set: set.map(Arc::from),
        ..planner(candidates)
    }
}

proptest! {
    #[test]
    fn results_are_what_is_changed_and_asking_again_changes_nothing(asks in vec(ask(), 1..8)) {
        let mut state = after(&nothing(), [put("files", "a", 1)]);
        for ask in asks {
            let (results, planned) = plan(&state, of_ask(&ask));
            let by_key: BTreeMap<&Key, &Change> = planned.changes.iter().map(|it| (it.key(), it)).collect();
            prop_assert_eq!(by_key.len(), planned.changes.len(), "each key once");
            let is_refused = results.iter().any(|result| refuses(result.outcome()));
            prop_assert!(ask.2[0] || !is_refused || planned.changes.is_empty(), "all or nothing");
            let changed = [WriteOutcome::Created, WriteOutcome::Changed, WriteOutcome::Removed];
            let told = results.iter().filter(|result| changed.contains(&result.outcome()));
            let told: Vec<_> = told
                .map(|result| (result.key.clone().unwrap().name, result.outcome() == WriteOutcome::Removed))
                .collect();
            let made: Vec<_> = planned
                .changes
                .iter()
                .map(|it| (it.key().name.to_string(), matches!(it, Change::Remove { .. })))
                .collect();
            prop_assert_eq!(told, made);
            for (name, _) in &ask.0 {
                let is_removed = matches!(by_key.get(&key(NAMES[*name])), Some(Change::Remove { .. }));
                prop_assert!(!is_removed, "what is in the request is not pruned");
            }
            prop_assert!(planned.changes.iter().all(|it| *it.source() == source("api")));
            state = after(&state, planned.changes);
            let (again, planned) = plan(&state, of_ask(&ask));
            prop_assert!(planned.changes.is_empty(), "{again:?}");
        }
    }
}
