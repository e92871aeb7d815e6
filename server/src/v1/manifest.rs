//! What a request gives to be applied, read and judged.

use std::sync::Arc;

use mainsheet_api::{
    codec::{self, Content, Defaults, Document, SourceMap, UnknownFields},
    generated::{google::protobuf, mainsheet::v1 as pb},
    limits::{MANIFEST_DOCUMENTS_MAX, MANIFESTS_MAX},
    opaque,
    verdict::{Finding, Position, Severity},
    wire::Any,
};
use tonic::Status;

use super::{
    error::bad_request,
    plan::apply::{Candidate, CandidateContent},
    write::Run,
};
use crate::{
    contain::contain,
    intake::{
        criteria::Criteria,
        judge::{JudgedDocument, judge_document},
    },
};

/// How documents of a request are read.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    /// The namespace of those that name none.
    pub(super) namespace: String,
    pub(super) unknown_fields: UnknownFields,
    pub(super) run: Run,
}

impl Reading {
    fn defaults(&self) -> Defaults<'_> {
        Defaults { namespace: &self.namespace, scope: "", unknown_fields: self.unknown_fields }
    }
}

/// A document, and where it stands.
struct Read {
    field: String,
    origin: Arc<str>,
    document: Document,
}

/// Reads and judges all that a request gives, in its order. Rules among it count for the rest of it.
///
/// # Errors
/// Where the request itself is wrong; documents that are become candidates that are rejected.
pub(super) fn judged(
    manifests: &[pb::Manifest],
    reading: &Reading,
    criteria: &Criteria,
) -> Result<Vec<Candidate>, Status> {
    let documents = read(manifests, reading)?;
    let criteria = criteria.with_rules_among(documents.iter().map(|read| &read.document));
    Ok(documents.into_iter().map(|read| candidate(read, &criteria)).collect())
}

fn read(manifests: &[pb::Manifest], reading: &Reading) -> Result<Vec<Read>, Status> {
    if manifests.len() > MANIFESTS_MAX {
        return Err(bad_request(
            "manifests",
            format!("more than {MANIFESTS_MAX}; apply them in several requests"),
        ));
    }
    let mut all = Vec::new();
    for (index, manifest) in manifests.iter().enumerate() {
        let (field, documents) = read_one(index, manifest, reading)?;
        let origin: Arc<str> = manifest.origin.as_str().into();
        let read = |document| Read { field: field.clone(), origin: Arc::clone(&origin), document };
        all.extend(documents.into_iter().map(read));
        if all.len() > MANIFEST_DOCUMENTS_MAX {
            let remedy =
                format!("more than {MANIFEST_DOCUMENTS_MAX} documents; apply them in several requests");
            return Err(bad_request("manifests", remedy));
        }
    }
    Ok(all)
}

/// The documents of one manifest, and the field that they are in.
fn read_one(
    index: usize,
    manifest: &pb::Manifest,
    reading: &Reading,
) -> Result<(String, Vec<Document>), Status> {
    use pb::manifest::Form;
    let field = |form: &str| format!("manifests[{index}].{form}");
    match &manifest.form {
        Some(Form::Text(text)) => {
            let field = field("text");
            let documents = read_text(text, &field, reading.defaults());
            Ok((field, documents))
        }
        Some(Form::Typed(typed)) => {
            let field = field("typed");
            let document = read_typed(typed.clone(), &field, reading.defaults());
            Ok((field, vec![document]))
        }
        Some(Form::Opaque(opaque)) => Ok((field("opaque"), vec![read_opaque(opaque, reading)])),
        None => Err(bad_request(&format!("manifests[{index}]"), "give one of `text`, `typed` and `opaque`")),
    }
}

fn read_text(text: &str, place: &str, defaults: Defaults<'_>) -> Vec<Document> {
    let work = || {
        #[cfg(test)]
        crate::contain::panic_if_planted(text);
        codec::read(text, defaults)
    };
    contain("decoding", place, work).unwrap_or_else(|finding| vec![unreadable(vec![finding])])
}

fn read_typed(typed: pb::TypedResource, place: &str, defaults: Defaults<'_>) -> Document {
    let pb::TypedResource { namespace, name, labels, annotations, body } = typed;
    let (labels, annotations) = (labels.into_iter().collect(), annotations.into_iter().collect());
    let typed = codec::Typed { namespace, name, labels, annotations, body: any(body) };
    let read = contain("decoding", place, || codec::typed(typed, defaults));
    match read {
        Ok(content) => Document { line: 0, content },
        Err(finding) => unreadable(vec![finding]),
    }
}

fn read_opaque(resource: &pb::OpaqueResource, reading: &Reading) -> Document {
    let pb::OpaqueResource { type_url, namespace, name, body } = resource;
    let namespace = if namespace.is_empty() { &reading.namespace } else { namespace };
    let purpose = match reading.run {
        Run::Real => opaque::Purpose::Write,
        Run::Dry => opaque::Purpose::Try,
    };
    match opaque::resource(purpose, (type_url, namespace, name), any(body.clone())) {
        Ok(resource) => {
            let (resource, map) = (Box::new(resource), SourceMap::default());
            Document { line: 0, content: Content::Resource { resource, map, warnings: Vec::new() } }
        }
        Err(findings) => unreadable(findings),
    }
}

/// A message; of no type where there is none.
fn any(given: Option<protobuf::Any>) -> Any {
    let protobuf::Any { type_url, value } = given.unwrap_or_default();
    Any { type_url, value }
}

fn candidate(read: Read, criteria: &Criteria) -> Candidate {
    let Read { field, origin, document } = read;
    let line = document.line;
    let place = if origin.is_empty() { &field } else { &*origin };
    let content = match judge_document(place, document, criteria) {
        JudgedDocument::Accepted(accepted) => {
            CandidateContent::Accepted { resource: Box::new(accepted.resource), warnings: accepted.warnings }
        }
        JudgedDocument::Rejected(rejected) => {
            CandidateContent::Rejected { key: rejected.key, findings: rejected.findings }
        }
        JudgedDocument::Ignored(what) => {
            let reason = format!("`{what}` is not served");
            let mut finding =
                refusal("unserved-kind", &reason, "leave it out, or apply it where its kind is served");
            finding.position = Position { line, column: u32::from(line > 0) };
            CandidateContent::Rejected { key: None, findings: vec![finding] }
        }
    };
    Candidate { field, origin: origin.to_string(), line, content }
}

fn unreadable(findings: Vec<Finding>) -> Document {
    Document { line: 0, content: Content::Rejected { key: None, findings } }
}

fn refusal(code: &str, reason: &str, remedy: &str) -> Finding {
    Finding {
        code: code.to_owned(),
        severity: Severity::Error,
        path: String::new(),
        position: Position::default(),
        reason: reason.to_owned(),
        remedy: remedy.to_owned(),
    }
}
