//! Resources that come as messages instead of documents.
//!
//! A message is read as the document that says the same: so it has the same canonical bytes, and thus the same version,
//! as if it had been written by hand, and is held to the same rules.

use std::collections::BTreeMap;

use prost_reflect::{DynamicMessage, Value};

use super::{
    Content, Defaults, SourceMap, UnknownFields, descriptors, document::cut, read, suggestion, write,
};
use crate::{
    key::Key,
    kind::{Family, Kind, KindInfo},
    limits::FINDINGS_MAX,
    resource::Resource,
    verdict::{Finding, Position, Severity},
    wire::Any,
};

/// A resource as its message, with what stands around it.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    /// Empty: the default.
    pub namespace: String,
    /// Empty for Envoy's kinds, or as the message has it.
    pub name: String,
    /// Kubernetes labels; Envoy's kinds have none.
    pub labels: BTreeMap<String, String>,
    /// Kubernetes annotations; those of Envoy's kinds begin with `mainsheet.io/`.
    pub annotations: BTreeMap<String, String>,
    /// Its type URL says of which kind it is.
    pub body: Any,
}

/// Reads a message as [`super::read`] reads a document. There are no positions, as there is no text.
#[must_use]
pub fn typed(typed: Typed, defaults: Defaults<'_>) -> Content {
    let kind = match kind_of(&typed.body.type_url) {
        Ok(kind) => kind,
        Err(finding) => return Content::Rejected { key: None, findings: vec![finding] },
    };
    let namespace = if typed.namespace.is_empty() { defaults.namespace } else { &typed.namespace };
    let key = Key { scope: defaults.scope.into(), ..Key::new(kind, namespace, typed.name.as_str()) };
    let message = match decode(kind, &typed.body) {
        Ok(message) => message,
        Err(finding) => return Content::Rejected { key: Some(key), findings: vec![finding] },
    };
    let mut findings = unknown_fields(&message, defaults.unknown_fields);
    if kind.info().family == Family::Envoy {
        findings.extend(around_envoy(kind, &typed, &message));
    }
    let resource = Resource {
        key: key.clone(),
        labels: typed.labels,
        annotations: typed.annotations,
        body: typed.body,
        upstream_version: None,
    };
    let text = write::document_json(&resource).map_err(|error| bad_body(&error.to_string()));
    match text.map(|text| read(&text, defaults).pop().map(|document| document.content)) {
        Ok(Some(content)) => joined(content, key, findings),
        Ok(None) => Content::Rejected { key: Some(key), findings: vec![bad_body("it says nothing")] },
        Err(finding) => Content::Rejected { key: Some(key), findings: vec![finding] },
    }
}

fn kind_of(type_url: &str) -> Result<Kind, Finding> {
    let message = type_url.rsplit('/').next().unwrap_or_default();
    let is_known = |row: &KindInfo| row.from_documents;
    Kind::of_message(message).filter(|kind| is_known(kind.info())).ok_or_else(|| {
        let known = Kind::all().map(Kind::info).filter(|row| is_known(row)).map(|row| row.message);
        let remedy = format!(
            "{}; a message of another kind can be applied as an opaque resource",
            suggestion(message, known)
        );
        let reason = format!("`{type_url}` is no message of a kind that is known here");
        error("unknown-type", "body.type_url", reason, remedy)
    })
}

fn decode(kind: Kind, body: &Any) -> Result<DynamicMessage, Finding> {
    DynamicMessage::decode(descriptors::body(kind).clone(), body.value.clone())
        .map_err(|error| bad_body(&error.to_string()))
}

fn bad_body(reason: &str) -> Finding {
    let remedy = "send the message that its `type_url` names, encoded as protobuf".to_owned();
    error("bad-body", "body", format!("the body does not decode: {reason}"), remedy)
}

/// What an Envoy resource's document would say twice, or has no place for.
fn around_envoy(kind: Kind, typed: &Typed, message: &DynamicMessage) -> Vec<Finding> {
    let mut findings = Vec::new();
    let field = super::envoy::name_fields(kind)[0];
    let inner = message.get_field_by_name(field);
    let inner = inner.as_deref().and_then(Value::as_str).unwrap_or_default();
    if !typed.name.is_empty() && typed.name != inner {
        let reason = format!("the resource is called `{}`, and its message `{inner}`", typed.name);
        let remedy = format!("leave `name` out: Envoy asks for what the message's `{field}` says");
        findings.push(error("name-differs", "name", reason, remedy));
    }
    if !typed.labels.is_empty() {
        let remedy = "leave them out, or make them annotations that begin with `mainsheet.io/`".to_owned();
        findings.push(error("unknown-field", "labels", format!("a {kind} has no labels"), remedy));
    }
    findings
}

/// Fields of the message that its description lacks, as strictly as it is wanted.
fn unknown_fields(message: &DynamicMessage, wanted: UnknownFields) -> Vec<Finding> {
    let severity = match wanted {
        UnknownFields::Strict => Severity::Error,
        UnknownFields::Warn => Severity::Warning,
        UnknownFields::Ignore => return Vec::new(),
    };
    let mut findings = Vec::new();
    collect_unknown(message, "body", &mut |path, number| {
        if findings.len() < FINDINGS_MAX {
            let reason = format!("no field has the number {number} here");
            let remedy = "send what this server's version of the message has".to_owned();
            findings.push(Finding { severity, ..error("unknown-field", path, reason, remedy) });
        }
    });
    findings
}

/// As deep as messages go, which the decoder bounds.
fn collect_unknown(message: &DynamicMessage, path: &str, found: &mut impl FnMut(&str, u32)) {
    message.unknown_fields().for_each(|field| found(path, field.number()));
    for (field, value) in message.fields() {
        collect_in(value, &format!("{path}.{}", field.json_name()), found);
    }
}

fn collect_in(value: &Value, path: &str, found: &mut impl FnMut(&str, u32)) {
    match value {
        Value::Message(message) => collect_unknown(message, path, found),
        Value::List(items) => {
            let items = items.iter().enumerate().filter(|(_, item)| matches!(item, Value::Message(_)));
            items.for_each(|(at, item)| collect_in(item, &format!("{path}[{at}]"), found));
        }
        Value::Map(entries) => {
            let entries = entries.iter().filter(|(_, value)| matches!(value, Value::Message(_)));
            entries.for_each(|(key, value)| collect_in(value, &format!("{path}[{key:?}]"), found));
        }
        _ => {}
    }
}

/// What the document was read as, and what was found before.
fn joined(content: Content, key: Key, mut found: Vec<Finding>) -> Content {
    let is_right = found.iter().all(|finding| finding.severity == Severity::Warning);
    match content {
        Content::Resource { resource, warnings, .. } if is_right => {
            found.extend(warnings);
            Content::Resource { resource, map: SourceMap::default(), warnings: without_positions(found) }
        }
        Content::Rejected { key: named, findings } => {
            found.extend(findings);
            Content::Rejected { key: named.or(Some(key)), findings: without_positions(found) }
        }
        Content::Resource { .. } | Content::Ignored { .. } => {
            Content::Rejected { key: Some(key), findings: without_positions(found) }
        }
    }
}

fn without_positions(findings: Vec<Finding>) -> Vec<Finding> {
    findings.into_iter().map(|finding| Finding { position: Position::default(), ..finding }).collect()
}

fn error(code: &str, path: &str, reason: String, remedy: String) -> Finding {
    Finding {
        code: code.to_owned(),
        severity: Severity::Error,
        path: path.to_owned(),
        position: Position::default(),
        reason: cut(reason),
        remedy: cut(remedy),
    }
}
