//! How one document becomes another, as a tree. Pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::align::{Step, align};

/// How one value becomes another.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cli) enum Difference<'v> {
    /// They are equal.
    Same,
    /// One value for another.
    Replaced { before: &'v Value, after: &'v Value },
    /// The members that differ.
    Object(BTreeMap<&'v str, Part<'v>>),
    /// Every element, in order.
    List(Vec<Item<'v>>),
}

/// What becomes of a member of an object, or of an element of a list.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cli) enum Part<'v> {
    Added(&'v Value),
    Removed(&'v Value),
    Changed(Difference<'v>),
}

/// What becomes of elements of a list.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cli) enum Item<'v> {
    /// So many stay as they are.
    Kept(usize),
    One(Part<'v>),
}

/// One field that differs.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cli) struct Edit<'v> {
    /// `spec.http[0].route[1].weight`. An index counts elements of the list as it is afterwards; of removed ones, as it was.
    pub(in crate::cli) path: String,
    /// `None`: it is added.
    pub(in crate::cli) before: Option<&'v Value>,
    /// `None`: it is removed.
    pub(in crate::cli) after: Option<&'v Value>,
}

/// How one value becomes another. Elements of lists are found again where others come or go before them.
pub(in crate::cli) fn difference<'v>(before: &'v Value, after: &'v Value) -> Difference<'v> {
    match (before, after) {
        _ if before == after => Difference::Same,
        (Value::Object(before), Value::Object(after)) => Difference::Object(members(before, after)),
        (Value::Array(before), Value::Array(after)) => Difference::List(items(before, after)),
        _ => Difference::Replaced { before, after },
    }
}

fn members<'v>(before: &'v Map<String, Value>, after: &'v Map<String, Value>) -> BTreeMap<&'v str, Part<'v>> {
    let added = after.iter().filter(|(name, _)| !before.contains_key(*name));
    let added = added.map(|(name, value)| (&**name, Part::Added(value)));
    let rest = before.iter().filter_map(|(name, value)| match after.get(name) {
        None => Some((&**name, Part::Removed(value))),
        Some(after) if after == value => None,
        Some(after) => Some((&**name, Part::Changed(difference(value, after)))),
    });
    added.chain(rest).collect()
}

fn items<'v>(before: &'v [Value], after: &'v [Value]) -> Vec<Item<'v>> {
    let item = |step| match step {
        Step::Kept(len) => Item::Kept(len),
        Step::Removed(at) => Item::One(Part::Removed(&before[at])),
        Step::Added(at) => Item::One(Part::Added(&after[at])),
        Step::Changed { before: was, after: is } => {
            Item::One(Part::Changed(difference(&before[was], &after[is])))
        }
    };
    align(before, after).into_iter().map(item).collect()
}

impl<'v> Difference<'v> {
    /// Every field that differs, in the order of the document.
    pub(in crate::cli) fn edits(&self) -> Vec<Edit<'v>> {
        let mut edits = Vec::new();
        self.collect(String::new(), &mut edits);
        edits
    }

    fn collect(&self, path: String, edits: &mut Vec<Edit<'v>>) {
        match self {
            Self::Same => {}
            Self::Replaced { before, after } => {
                edits.push(Edit { path, before: Some(before), after: Some(after) });
            }
            Self::Object(members) => {
                members.iter().for_each(|(name, part)| part.collect(member_path(&path, name), edits));
            }
            Self::List(items) => {
                let (mut was, mut is) = (0, 0);
                for item in items {
                    let (index, before_len, after_len) = match item {
                        Item::Kept(len) => (is, *len, *len),
                        Item::One(Part::Removed(_)) => (was, 1, 0),
                        Item::One(Part::Added(_)) => (is, 0, 1),
                        Item::One(Part::Changed(_)) => (is, 1, 1),
                    };
                    if let Item::One(part) = item {
                        part.collect(format!("{path}[{index}]"), edits);
                    }
                    was += before_len;
                    is += after_len;
                }
            }
        }
    }
}

impl<'v> Part<'v> {
    fn collect(&self, path: String, edits: &mut Vec<Edit<'v>>) {
        match self {
            Self::Added(after) => edits.push(Edit { path, before: None, after: Some(after) }),
            Self::Removed(before) => edits.push(Edit { path, before: Some(before), after: None }),
            Self::Changed(difference) => difference.collect(path, edits),
        }
    }
}

/// `spec.hosts`, `metadata.labels["app.kubernetes.io/name"]`
fn member_path(path: &str, name: &str) -> String {
    let is_word =
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    match (is_word, path) {
        (true, "") => name.to_owned(),
        (true, path) => format!("{path}.{name}"),
        (false, path) => format!("{path}[{}]", Value::from(name)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// What a value becomes.
    fn applied(difference: &Difference<'_>, before: &Value) -> Value {
        match difference {
            Difference::Same => before.clone(),
            Difference::Replaced { before: was, after } => {
                assert_eq!(*was, before);
                (*after).clone()
            }
            Difference::Object(members) => {
                let mut object = before.as_object().unwrap().clone();
                for (name, part) in members {
                    match part {
                        Part::Added(after) => {
                            assert_eq!(object.insert((*name).to_owned(), (*after).clone()), None);
                        }
                        Part::Removed(was) => assert_eq!(object.remove(*name).as_ref(), Some(*was)),
                        Part::Changed(change) => {
                            let after = applied(change, &object[*name]);
                            object.insert((*name).to_owned(), after);
                        }
                    }
                }
                Value::Object(object)
            }
            Difference::List(items) => applied_to_list(items, before.as_array().unwrap()),
        }
    }

    fn applied_to_list(items: &[Item<'_>], before: &[Value]) -> Value {
        let mut rest = before.iter();
        let mut list = Vec::new();
        for item in items {
            match item {
                Item::Kept(len) => list.extend(rest.by_ref().take(*len).cloned()),
                Item::One(Part::Added(after)) => list.push((*after).clone()),
                Item::One(Part::Removed(was)) => assert_eq!(rest.next(), Some(*was)),
                Item::One(Part::Changed(change)) => list.push(applied(change, rest.next().unwrap())),
            }
        }
        assert_eq!(rest.next(), None, "every element is accounted for");
        Value::Array(list)
    }

    /// Few names and values, so that parts of two documents are often equal.
    fn documents() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (0..3).prop_map(Value::from),
            "[a-c]?".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::btree_map("(name|[a-d]|x/y)", inner, 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    fn edits_of(before: &Value, after: &Value) -> Vec<String> {
        let text = |value: Option<&Value>| value.map_or_else(String::new, ToString::to_string);
        let line = |edit: Edit<'_>| format!("{}: {} -> {}", edit.path, text(edit.before), text(edit.after));
        difference(before, after).edits().into_iter().map(line).collect()
    }

    proptest! {
        #[test]
        fn difference_leads_from_one_to_the_other(before in documents(), after in documents()) {
            prop_assert_eq!(applied(&difference(&before, &after), &before), after);
        }

        #[test]
        fn there_are_edits_where_they_differ_and_each_is_one(before in documents(), after in documents()) {
            let difference = difference(&before, &after);
            let edits = difference.edits();
            prop_assert_eq!(edits.is_empty(), before == after);
            prop_assert!(edits.iter().all(|edit| edit.before != edit.after));
        }
    }

    #[test]
    fn fields_are_named_by_their_paths() {
        let before =
            json!({"metadata": {"labels": {"a/b": "1", "app": "x"}}, "spec": {"hosts": ["a"], "port": 1}});
        let after =
            json!({"metadata": {"labels": {"a/b": "2"}}, "spec": {"hosts": ["a"], "port": "1", "tls": {}}});
        assert_eq!(
            edits_of(&before, &after),
            [
                r#"metadata.labels["a/b"]: "1" -> "2""#,
                r#"metadata.labels.app: "x" -> "#,
                r#"spec.port: 1 -> "1""#,
                r#"spec.tls:  -> {}"#,
            ]
        );
    }

    #[test]
    fn element_is_found_again_behind_a_new_one() {
        let route = |host: &str, weight: u32| json!({"destination": {"host": host}, "weight": weight});
        let before = json!({"route": [route("v1", 90), route("v2", 10)]});
        let after = json!({"route": [route("v0", 5), route("v1", 85), route("v2", 10)]});
        assert_eq!(
            edits_of(&before, &after),
            [r#"route[0]:  -> {"destination":{"host":"v0"},"weight":5}"#, "route[1].weight: 90 -> 85",]
        );
    }

    #[test]
    fn removed_element_has_the_index_that_it_had() {
        assert_eq!(
            edits_of(&json!(["a", "b", "c", "d"]), &json!(["a", "c", "d", "e"])),
            ["[1]: \"b\" -> ", "[3]:  -> \"e\""]
        );
    }

    #[test]
    fn one_of_a_name_is_the_same_one_however_it_changed() {
        let before = json!([{"name": "tls", "port": 443, "mode": "SIMPLE"}, {"name": "http", "port": 80}]);
        let after = json!([{"name": "new", "port": 443, "mode": "SIMPLE"}, {"name": "tls", "port": 8443}, {"name": "http", "port": 80}]);
        assert_eq!(
            edits_of(&before, &after),
            [
                r#"[0]:  -> {"mode":"SIMPLE","name":"new","port":443}"#,
                r#"[1].mode: "SIMPLE" -> "#,
                "[1].port: 443 -> 8443",
            ]
        );
    }
}
