//! What the schemas of the CRDs refuse, and so a Kubernetes API server does. istiod takes some of that from elsewhere.
//!
//! The constraints are a table, made into a tree of fields for each kind; one walk over the message meets all of them. A
//! field that has its default is not there in JSON, and is not looked at.

mod constraint;
mod named;
mod tree;

use prost_reflect::{DynamicMessage, MapKey, Value};

use self::tree::Node;
use super::report::Report;
use crate::{codec, kind::Family};

pub(super) fn check(report: &mut Report<'_>) {
    let resource = report.resource();
    let kind = resource.key.kind;
    if kind.info().family != Family::Istio {
        return;
    }
    let Some(tree) = tree::of(kind) else { return };
    let Ok(body) = DynamicMessage::decode(codec::body_descriptor(kind).clone(), resource.body.value.clone())
    else {
        return; // told already
    };
    report.field("spec", |report| walk(report, tree, &Value::Message(body)));
}

fn walk(report: &mut Report<'_>, node: &Node, value: &Value) {
    for constraint in &node.constraints {
        constraint.check(report, value);
    }
    match value {
        Value::Message(message) => {
            for (field, below) in &node.fields {
                if message.has_field(field) {
                    report.field(field.json_name(), |report| walk(report, below, &message.get_field(field)));
                }
            }
        }
        Value::List(values) => {
            let Some(each) = &node.each else { return };
            for (index, value) in values.iter().enumerate() {
                report.here(index, |report| walk(report, each, value));
            }
        }
        Value::Map(entries) => {
            let Some(each) = &node.each else { return };
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            for (key, value) in entries {
                report.here(text(key), |report| walk(report, each, value));
            }
        }
        _ => {}
    }
}

fn text(key: &MapKey) -> String {
    match key {
        MapKey::String(text) => text.clone(),
        MapKey::U32(number) => number.to_string(),
        other => format!("{other:?}"),
    }
}
