//! Documents to resources and back.

mod arbitrary;
mod descriptors;
mod envoy;
mod forms;
mod kubernetes;
mod refusals;
mod robust;
mod round_trip;
mod typed;
mod unknown_fields;

use mainsheet_api::{
    codec::{Content, Defaults, Document, SourceMap, UnknownFields, read},
    key::Key,
    resource::Resource,
    verdict::Finding,
};

const DEFAULTS: Defaults<'_> =
    Defaults { namespace: "default", scope: "", unknown_fields: UnknownFields::Strict };

fn documents(text: &str) -> Vec<Document> {
    read(text, DEFAULTS)
}

fn single(text: &str) -> Content {
    let mut documents = documents(text);
    assert_eq!(documents.len(), 1, "{documents:?}");
    documents.remove(0).content
}

fn accepted(text: &str) -> (Resource, SourceMap) {
    match single(text) {
        Content::Resource { resource, map, .. } => (*resource, map),
        other => panic!("not accepted: {other:?}\n{text}"),
    }
}

fn rejected(text: &str) -> (Option<Key>, Vec<Finding>) {
    match single(text) {
        Content::Rejected { key, findings } => (key, findings),
        other => panic!("not rejected: {other:?}\n{text}"),
    }
}

/// `line:column code path: reason; remedy`
fn lines(findings: &[Finding]) -> Vec<String> {
    let line = |finding: &Finding| {
        let Finding { position, code, path, reason, remedy, .. } = finding;
        format!("{position} {code} {path}: {reason}; {remedy}")
    };
    findings.iter().map(line).collect()
}
