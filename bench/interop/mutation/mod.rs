//! Breaks documents, one field at a time.
//!
//! | module | is |
//! |---|---|
//! | `value` | a value is replaced by one that is wrong: by its shape, or by its field's name |
//! | `structure` | fields and entries are removed, doubled, misspelt, or joined by what they exclude |

mod structure;
mod value;

use std::collections::BTreeSet;

use serde_json::Value;

/// A document with one thing broken.
#[derive(Debug)]
pub(crate) struct Mutant {
    pub(crate) tree: Value,
    /// Which field.
    pub(crate) field: String,
    /// In which way.
    pub(crate) how: &'static str,
}

/// Annotations that only istiod's own objects have, or one kind.
const ANNOTATIONS: [(&str, &str); 6] = [
    ("istio.io/dry-run", "true"),
    ("istio.io/dry-run", "yes"),
    ("istio.io/dry-run", ""),
    ("internal.istio.io/parents", "a"),
    ("internal.istio.io/parent-namespace", "a"),
    ("internal.istio.io/webhook-always-reject", ""),
];

/// Every break of every field of a document's spec, each once, and annotations that do not belong there.
pub(crate) fn mutants(tree: &Value) -> Vec<Mutant> {
    let mut mutants = annotated(tree);
    let mut pointers = Vec::new();
    collect(&tree["spec"], "/spec".to_owned(), &mut pointers);
    let mut seen = BTreeSet::from([tree.to_string()]);
    for pointer in &pointers {
        let Some(value) = tree.pointer(pointer) else { continue };
        let field = field_of(pointer);
        for (how, broken) in value::broken(field, value).into_iter().chain(structure::broken(value)) {
            let mut tree = tree.clone();
            if let Some(place) = tree.pointer_mut(pointer) {
                *place = broken;
            }
            if seen.insert(tree.to_string()) {
                mutants.push(Mutant { tree, field: field.to_owned(), how });
            }
        }
    }
    mutants
}

fn annotated(tree: &Value) -> Vec<Mutant> {
    let annotate = |(name, value): (&str, &str)| {
        let mut tree = tree.clone();
        tree["metadata"]["annotations"][name] = Value::from(value);
        Mutant { tree, field: name.to_owned(), how: "annotation of another kind" }
    };
    ANNOTATIONS.map(annotate).into()
}

fn collect(value: &Value, pointer: String, pointers: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                collect(value, format!("{pointer}/{name}"), pointers);
            }
        }
        Value::Array(entries) => {
            for (index, entry) in entries.iter().enumerate() {
                collect(entry, format!("{pointer}/{index}"), pointers);
            }
        }
        _ => {}
    }
    pointers.push(pointer);
}

/// The name of the field that a pointer is to, or of the list in which it is an entry.
fn field_of(pointer: &str) -> &str {
    let mut names = pointer.rsplit('/');
    names.find(|name| name.parse::<usize>().is_err()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn mutants_differ_from_the_document_and_from_each_other_in_spec_or_annotations_alone() {
        let tree = json!({
            "kind": "Sidecar",
            "metadata": {"name": "a"},
            "spec": {"egress": [{"hosts": ["./*"], "port": {"number": 80}}], "mode": "A"},
        });
        let mutants = mutants(&tree);
        let mut seen = BTreeSet::from([tree.to_string()]);
        for mutant in &mutants {
            assert!(seen.insert(mutant.tree.to_string()), "twice: {mutant:?}");
            assert_eq!(
                (&mutant.tree["kind"], &mutant.tree["metadata"]["name"]),
                (&tree["kind"], &json!("a"))
            );
        }
        let has =
            |how: &str, field: &str| mutants.iter().any(|mutant| mutant.how == how && mutant.field == field);
        for (how, field) in [
            ("over a port", "number"),
            ("emptied", "hosts"),
            ("a field is missing", "egress"),
            ("fields that exclude each other", "spec"),
            ("another value", "mode"),
            ("entry twice", "egress"),
        ] {
            assert!(has(how, field), "no {how} of {field}");
        }
    }
}
