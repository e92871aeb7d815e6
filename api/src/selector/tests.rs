use std::collections::BTreeMap;

use proptest::{collection::btree_set, prelude::*};

use super::*;
use crate::limits::LABEL_SELECTOR_BYTES_MAX;

fn selects(selector: &str, labels: &[(&str, &str)]) -> bool {
    let labels: BTreeMap<_, _> = labels.iter().copied().collect();
    let selector: LabelSelector = selector.parse().unwrap_or_else(|error| panic!("{selector}: {error}"));
    selector.matches(|key| labels.get(key).copied())
}

fn error(selector: &str) -> String {
    selector.parse::<LabelSelector>().expect_err(selector).to_string()
}

#[test]
fn each_form_selects_as_kubernetes_does() {
    let labels = [("app", "shop"), ("tier", "web"), ("level", "5"), ("empty", ""), ("example.com/x", "1")];
    for (selector, selected) in [
        ("", true),
        (" \t\n", true),
        ("app", true),
        ("!app", false),
        ("! canary", true),
        ("canary", false),
        ("app=shop", true),
        ("app == shop", true),
        ("app=sho", false),
        ("app!=shop", false),
        ("canary!=yes", true),
        ("canary=", false),
        ("empty=", true),
        ("empty in ()", true),
        ("empty in (a,)", true),
        ("app in (shop, web)", true),
        ("app\tin\n(web)", false),
        ("app notin (web,)", true),
        ("empty notin (web,)", false),
        ("canary notin (a)", true),
        ("level>4", true),
        ("level > 5", false),
        ("level<-1", false),
        ("app>1", false),
        ("canary<1", false),
        ("example.com/x=1", true),
        ("app=shop,tier=web", true),
        ("app=shop,tier=db", false),
        ("app in (in, notin, shop)", true),
        ("app!=in", true),
    ] {
        assert_eq!(selects(selector, &labels), selected, "{selector}");
    }
}

#[test]
fn errors_say_what_is_wrong_and_where() {
    for (selector, wanted) in [
        ("app=shop,", "at character 10: ends where the key of a label should stand"),
        (",app", "at character 1: found `,` where the key of a label should stand"),
        (
            "app shop",
            "at character 5: found `shop` where `=`, `!=`, `in`, `notin`, `>`, `<`, `,` or the end should stand",
        ),
        ("app in web", "at character 8: found `web` where `(` and values should stand"),
        ("app in (web", "at character 12: ends where `,` or `)` should stand"),
        ("app in (web db)", "at character 13: found `db` where `,` or `)` should stand"),
        ("app=a b", "at character 7: found `b` where `,` or the end should stand"),
        ("app=(", "at character 5: found `(` where a value should stand"),
        ("app===a", "at character 6: found `=` where a value should stand"),
        ("!app=a", "at character 5: found `=` where `,` or the end should stand"),
        ("in=a", "at character 1: found `in` where the key of a label should stand"),
        ("level>x", "at character 7: found `x` where a whole number should stand"),
        (
            "äpp",
            "at character 1: `äpp` is no label's key: only letters, digits, `-`, `_` and `.` may stand there",
        ),
        (
            "a,ä=b,-x",
            "at character 3: `ä` is no label's key: only letters, digits, `-`, `_` and `.` may stand there",
        ),
        ("-app", "at character 1: `-app` is no label's key: it begins and ends with a letter or digit"),
        (
            "a/b/c",
            "at character 1: `a/b/c` is no label's key: only letters, digits, `-`, `_` and `.` may stand there",
        ),
        ("a/", "at character 1: `a/` is no label's key: the name after `/` is missing"),
        (
            "App.io/a",
            "at character 1: `App.io/a` is no label's key: before `/` stands a DNS name of lower case letters, digits, `-` and `.`",
        ),
        (
            "app=*",
            "at character 5: `*` is no label's value: only letters, digits, `-`, `_` and `.` may stand there",
        ),
    ] {
        assert_eq!(error(selector), wanted, "{selector}");
    }
    let long = "x".repeat(64);
    assert_eq!(
        error(&long),
        format!("at character 1: `{long}` is no label's key: it is longer than 63 characters")
    );
}

#[test]
fn text_of_any_length_is_not_read() {
    let text = vec!["a"; LABEL_SELECTOR_BYTES_MAX].join(",");
    assert!(error(&text).contains("at most"), "{}", error(&text));
}

fn any_name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c", "in", "notin", "5", "17", "x-y_z.w"]).prop_map(str::to_owned)
}

fn any_key() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c", "example.com/a"]).prop_map(str::to_owned)
}

fn any_value() -> impl Strategy<Value = String> {
    prop_oneof![4 => any_name(), 1 => Just(String::new())]
}

fn any_requirement() -> impl Strategy<Value = Requirement> {
    let test = prop_oneof![
        Just(Test::Exists),
        Just(Test::Absent),
        btree_set(any_value(), 1..4).prop_map(Test::In),
        btree_set(any_value(), 1..4).prop_map(Test::NotIn),
        (-20..20_i64).prop_map(Test::Greater),
        (-20..20_i64).prop_map(Test::Less),
    ];
    (any_key(), test).prop_map(|(key, test)| Requirement { key, test })
}

/// The words and signs of a requirement.
fn written(Requirement { key, test }: &Requirement) -> Vec<String> {
    let list = |operator: &str, values: &BTreeSet<String>| {
        let mut words = vec![key.clone(), operator.to_owned(), "(".to_owned()];
        for (place, value) in values.iter().enumerate() {
            words.extend((place > 0).then(|| ",".to_owned()));
            words.push(value.clone());
        }
        words.push(")".to_owned());
        words
    };
    match test {
        Test::Exists => vec![key.clone()],
        Test::Absent => vec!["!".to_owned(), key.clone()],
        Test::In(values) => list("in", values),
        Test::NotIn(values) => list("notin", values),
        Test::Greater(bound) => vec![key.clone(), ">".to_owned(), bound.to_string()],
        Test::Less(bound) => vec![key.clone(), "<".to_owned(), bound.to_string()],
    }
}

/// By the definition, without sharing code with what is tested.
fn expected(requirements: &[Requirement], labels: &BTreeMap<String, String>) -> bool {
    requirements.iter().all(|Requirement { key, test }| {
        let value = labels.get(key);
        match (test, value) {
            (Test::Exists, _) => value.is_some(),
            (Test::Absent | Test::NotIn(_), None) => true,
            (_, None) | (Test::Absent, Some(_)) => false,
            (Test::In(values), Some(value)) => values.iter().any(|one| one == value),
            (Test::NotIn(values), Some(value)) => values.iter().all(|one| one != value),
            (Test::Greater(bound), Some(value)) => value.parse::<i64>().is_ok_and(|value| value > *bound),
            (Test::Less(bound), Some(value)) => value.parse::<i64>().is_ok_and(|value| value < *bound),
        }
    })
}

proptest! {
    #[test]
    fn what_is_written_is_what_is_read(
        requirements in prop::collection::vec(any_requirement(), 0..6),
        space in prop::sample::select(vec![" ", "  ", "\t", "\n "]),
    ) {
        let all: Vec<String> = requirements.iter().map(|one| written(one).join(space)).collect();
        let read: LabelSelector = all.join(&format!("{space},{space}")).parse().unwrap();
        prop_assert_eq!(&read.requirements, &requirements);
        prop_assert_eq!(read.to_string().parse::<LabelSelector>().unwrap(), read);
    }

    #[test]
    fn selects_what_meets_every_requirement(
        requirements in prop::collection::vec(any_requirement(), 0..4),
        labels in prop::collection::btree_map(any_key(), any_value(), 0..4),
    ) {
        let selector = LabelSelector { requirements };
        let selected = selector.matches(|key| labels.get(key).map(String::as_str));
        prop_assert_eq!(selected, expected(&selector.requirements, &labels));
    }

    #[test]
    fn any_text_is_read_or_refused_at_a_place_in_it(text in "[a-c=!<>(), \t/ä-]{0,24}") {
        if let Err(error) = text.parse::<LabelSelector>() {
            prop_assert!((1..=text.chars().count() + 1).contains(&error.column), "{error}");
        }
    }
}
