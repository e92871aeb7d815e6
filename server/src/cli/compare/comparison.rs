//! Two sets of resources side by side.

use std::collections::{BTreeMap, BTreeSet};

use mainsheet_api::{codec::spec_json, key::Key, resource::Resource};
use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::diff::{Edit, difference};

/// How what istiod holds differs from what mainsheet would serve it.
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Comparison {
    /// It would go.
    pub(super) only_in_istiod: Vec<Named>,
    /// It would come.
    pub(super) only_in_mainsheet: Vec<Named>,
    /// It would change.
    pub(super) different: Vec<Different>,
    /// How many are the same.
    pub(super) same: usize,
}

/// A resource by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Named {
    pub(super) kind: &'static str,
    pub(super) namespace: String,
    pub(super) name: String,
}

/// A resource that both have.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Different {
    #[serde(flatten)]
    pub(super) named: Named,
    pub(super) fields: Vec<Field>,
}

/// A field that differs; null where one of them does not have it.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Field {
    /// `spec.http[0].route[1].weight`
    pub(super) path: String,
    pub(super) istiod: Value,
    pub(super) mainsheet: Value,
}

impl Comparison {
    /// Of two sets.
    ///
    /// # Errors
    /// Where a body is not what its kind says.
    pub(super) fn of(
        istiod: &BTreeMap<Key, Resource>,
        mainsheet: &BTreeMap<Key, Resource>,
    ) -> anyhow::Result<Self> {
        let mut comparison = Self::default();
        let keys: BTreeSet<&Key> = istiod.keys().chain(mainsheet.keys()).collect();
        for key in keys {
            match (istiod.get(key), mainsheet.get(key)) {
                (Some(_), None) => comparison.only_in_istiod.push(Named::of(key)),
                (None, Some(_)) => comparison.only_in_mainsheet.push(Named::of(key)),
                (Some(one), Some(other)) => match fields(one, other)? {
                    fields if fields.is_empty() => comparison.same += 1,
                    fields => comparison.different.push(Different { named: Named::of(key), fields }),
                },
                (None, None) => {}
            }
        }
        Ok(comparison)
    }

    /// Whether there is no difference.
    pub(super) fn is_same(&self) -> bool {
        self.only_in_istiod.is_empty() && self.only_in_mainsheet.is_empty() && self.different.is_empty()
    }
}

impl Named {
    fn of(key: &Key) -> Self {
        Self { kind: key.kind.info().name, namespace: key.namespace.to_string(), name: key.name.to_string() }
    }
}

/// The fields in which two resources of a key differ.
fn fields(one: &Resource, other: &Resource) -> anyhow::Result<Vec<Field>> {
    // The same bytes are the same fields, whatever is in them.
    let same_body = one.body.value == other.body.value;
    if same_body && one.labels == other.labels && one.annotations == other.annotations {
        return Ok(Vec::new());
    }
    let (one, other) = (document(one)?, document(other)?);
    let value = |side: Option<&Value>| side.cloned().unwrap_or(Value::Null);
    let field =
        |edit: Edit<'_>| Field { path: edit.path, istiod: value(edit.before), mainsheet: value(edit.after) };
    Ok(difference(&one, &other).edits().into_iter().map(field).collect())
}

fn document(resource: &Resource) -> anyhow::Result<Value> {
    Ok(json!({
        "metadata": {"labels": resource.labels, "annotations": resource.annotations},
        "spec": spec_json(resource.key.kind, &resource.body)?,
    }))
}

#[cfg(test)]
mod tests {
    use mainsheet_api::codec::{Content, read};

    use super::*;
    use crate::cli::import::found::DEFAULTS;

    fn resources(text: &str) -> BTreeMap<Key, Resource> {
        let found = read(text, DEFAULTS).into_iter().map(|document| match document.content {
            Content::Resource { resource, .. } => (resource.key.clone(), *resource),
            other => panic!("{other:?}"),
        });
        found.collect()
    }

    fn rule(name: &str, host: &str, labels: &str) -> String {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: {name}, namespace: shop, \
             labels: {labels}}}\nspec: {{host: {host}, subsets: [{{name: v1}}]}}\n---\n"
        )
    }

    #[test]
    fn what_only_one_has_and_what_differs_is_told_by_field() {
        let istiod =
            resources(&[rule("a", "h", "{}"), rule("b", "h", "{x: y}"), rule("same", "h", "{}")].concat());
        let mainsheet =
            resources(&[rule("b", "other", "{}"), rule("c", "h", "{}"), rule("same", "h", "{}")].concat());
        let comparison = Comparison::of(&istiod, &mainsheet).unwrap();
        let names = |all: &[Named]| all.iter().map(|named| named.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&comparison.only_in_istiod), ["a"]);
        assert_eq!(names(&comparison.only_in_mainsheet), ["c"]);
        let field =
            |path: &str, istiod: Value, mainsheet: Value| Field { path: path.to_owned(), istiod, mainsheet };
        let [Different { fields, .. }] = &comparison.different[..] else { panic!("{comparison:?}") };
        let expected = [
            field("metadata.labels.x", json!("y"), Value::Null),
            field("spec.host", json!("h"), json!("other")),
        ];
        assert_eq!(fields[..], expected);
        assert_eq!((comparison.same, comparison.is_same()), (1, false));
    }
}
