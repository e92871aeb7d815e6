//! Verdicts for programs.

use mainsheet_api::verdict::Finding;
use serde::Serialize;

use super::checked::{self, Checked, Summary};

#[derive(Serialize)]
struct Output<'a> {
    documents: Vec<Document<'a>>,
    summary: &'a Summary,
}

#[derive(Serialize)]
struct Document<'a> {
    file: &'a str,
    line: u32,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    key: Option<Key<'a>>,
    verdict: &'static str,
    findings: Vec<Found<'a>>,
}

#[derive(Serialize)]
struct Key<'a> {
    kind: String,
    namespace: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
struct Found<'a> {
    code: &'a str,
    severity: &'static str,
    path: &'a str,
    line: u32,
    column: u32,
    reason: &'a str,
    remedy: &'a str,
}

/// A verdict on each document, and how many became what.
pub(super) fn render(checked: &Checked) -> serde_json::Result<String> {
    let documents = checked.documents.iter().map(document).collect();
    let output = Output { documents, summary: &checked.summary };
    Ok(serde_json::to_string_pretty(&output)? + "\n")
}

fn document(document: &checked::Document) -> Document<'_> {
    let key = document.key.as_ref().map(|key| Key {
        kind: key.kind.to_string(),
        namespace: &key.namespace,
        name: &key.name,
    });
    Document {
        file: &document.file,
        line: document.line,
        key,
        verdict: document.verdict_word(),
        findings: document.verdict.findings.iter().map(found).collect(),
    }
}

fn found(finding: &Finding) -> Found<'_> {
    Found {
        code: &finding.code,
        severity: finding.severity.as_str(),
        path: &finding.path,
        line: finding.position.line,
        column: finding.position.column,
        reason: &finding.reason,
        remedy: &finding.remedy,
    }
}
