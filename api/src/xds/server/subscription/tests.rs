use super::*;

fn texts(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn held(subscription: &Subscription) -> (bool, Vec<&str>) {
    (subscription.wildcard(), subscription.names().iter().map(AsRef::as_ref).collect())
}

/// rules 32, 33
#[test]
fn empty_sotw_list_is_everything_until_a_name_was_given() {
    let mut subscription = Subscription::default();
    assert!(subscription.replace(Vec::new(), true).asked_any);
    assert_eq!(held(&subscription), (true, vec![]));
    assert_eq!(subscription.replace(Vec::new(), true), Shift::default());
    subscription.replace(texts(&["A"]), true);
    assert_eq!(held(&subscription), (false, vec!["A"]));
    assert!(subscription.replace(Vec::new(), true).narrowed);
    assert!(subscription.is_empty());
}

/// X3: a kind that is asked for by name has no legacy wildcard.
#[test]
fn empty_sotw_list_is_nothing_for_kinds_asked_for_by_name() {
    let mut subscription = Subscription::default();
    subscription.replace(Vec::new(), false);
    assert!(subscription.is_empty());
}

/// rules 31, 34
#[test]
fn explicit_wildcard_mixes_with_names_and_leaves_them_behind() {
    let mut subscription = Subscription::default();
    subscription.replace(texts(&["*", "A"]), true);
    assert_eq!(held(&subscription), (true, vec!["A"]));
    assert!(subscription.replace(texts(&["A"]), true).narrowed);
    assert_eq!(held(&subscription), (false, vec!["A"]));
    subscription.replace(Vec::new(), true);
    assert!(subscription.is_empty());
}

/// rule 35
#[test]
fn empty_text_is_a_name() {
    let mut subscription = Subscription::default();
    subscription.replace(texts(&[""]), true);
    assert_eq!(held(&subscription), (false, vec![""]));
}

/// rule 28: only what is new in the list asks for an answer.
#[test]
fn added_sotw_names_ask_for_an_answer() {
    let mut subscription = Subscription::default();
    subscription.replace(texts(&["A"]), true);
    let shift = subscription.replace(texts(&["A", "B", "B"]), true);
    assert_eq!(shift.asked, BTreeSet::from(["B".into()]));
    assert!(!shift.narrowed);
}

/// rule 58, step by step
#[test]
fn legacy_delta_wildcard_keeps_going_beside_names_until_it_is_unsubscribed() {
    let mut subscription = Subscription::default();
    subscription.open(Vec::new(), Vec::new(), true);
    subscription.change(texts(&["A"]), Vec::new());
    assert_eq!(held(&subscription), (true, vec!["A"]));
    subscription.change(Vec::new(), texts(&["*"]));
    assert_eq!(held(&subscription), (false, vec!["A"]));
    subscription.change(Vec::new(), texts(&["A"]));
    assert!(subscription.is_empty());
}

/// rule 59
#[test]
fn subscribing_and_unsubscribing_at_once_ends_subscribed_to_nothing_and_is_answered() {
    let mut subscription = Subscription::default();
    let shift = subscription.open(texts(&["*"]), texts(&["*"]), true);
    assert!(subscription.is_empty());
    assert!(shift.asked_any);
}

/// rule 53
#[test]
fn subscribing_again_asks_again() {
    let mut subscription = Subscription::default();
    subscription.open(texts(&["A"]), Vec::new(), true);
    let shift = subscription.change(texts(&["A"]), Vec::new());
    assert_eq!(shift.asked, BTreeSet::from(["A".into()]));
    assert!(!shift.changed);
}

/// rule 56
#[test]
fn unsubscribing_from_what_was_never_subscribed_is_nothing() {
    let mut subscription = Subscription::default();
    subscription.open(texts(&["A"]), Vec::new(), true);
    assert_eq!(subscription.change(Vec::new(), texts(&["B"])), Shift::default());
}

/// rule 57
#[test]
fn unsubscribing_under_the_wildcard_asks_for_an_answer() {
    let mut subscription = Subscription::default();
    subscription.open(texts(&["*", "A"]), Vec::new(), true);
    let shift = subscription.change(Vec::new(), texts(&["A"]));
    assert_eq!(shift.asked, BTreeSet::from(["A".into()]));
    assert_eq!(held(&subscription), (true, vec![]));
}
