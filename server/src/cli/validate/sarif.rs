//! Findings as SARIF 2.1.0, the form in which code hosts take the results of an analysis.

use std::collections::BTreeSet;

use mainsheet_api::{
    validate::{across, code},
    verdict::Finding,
};
use serde_json::{Value, json};

use super::{
    STDIN,
    checked::{Checked, Document},
};

/// One run of one tool, with the rules that found something.
pub(super) fn render(checked: &Checked) -> serde_json::Result<String> {
    let rules: Vec<&str> =
        checked.findings().map(|(_, finding)| &*finding.code).collect::<BTreeSet<_>>().into_iter().collect();
    let results: Vec<Value> =
        checked.findings().map(|(document, finding)| result(document, finding, &rules)).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "mainsheet",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|id| rule(id)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    Ok(serde_json::to_string_pretty(&log)? + "\n")
}

/// What a code stands for. Those of reading a document have no row in the table of validation.
fn rule(id: &str) -> Value {
    match code::all().chain(across::code::CODES.iter().copied()).find(|code| code.id == id) {
        None => json!({"id": id}),
        Some(code) => json!({
            "id": id,
            "shortDescription": {"text": code.reason},
            "help": {"text": code.remedy},
        }),
    }
}

fn result(document: &Document, finding: &Finding, rules: &[&str]) -> Value {
    let mut location = json!({"physicalLocation": physical(document, finding)});
    if let Some(key) = &document.key {
        location["logicalLocations"] = json!([{"fullyQualifiedName": key.to_string(), "kind": "resource"}]);
    }
    json!({
        "ruleId": finding.code,
        "ruleIndex": rules.binary_search(&&*finding.code).unwrap_or_default(),
        "level": finding.severity.as_str(),
        "message": {"text": message(finding)},
        "locations": [location],
    })
}

/// Path, reason and remedy; the code has a field of its own.
fn message(finding: &Finding) -> String {
    let place = if finding.path.is_empty() { String::new() } else { format!("{}: ", finding.path) };
    let remedy = if finding.remedy.is_empty() { String::new() } else { format!("; {}", finding.remedy) };
    format!("{place}{}{remedy}", finding.reason)
}

/// A region needs a line: a finding on a file as a whole has none.
fn physical(document: &Document, finding: &Finding) -> Value {
    let uri = if document.file == STDIN { "stdin".to_owned() } else { uri(&document.file) };
    let mut physical = json!({"artifactLocation": {"uri": uri}});
    if finding.position.line > 0 {
        physical["region"] =
            json!({"startLine": finding.position.line, "startColumn": finding.position.column.max(1)});
    }
    physical
}

/// A path as a relative reference (RFC 3986): whatever may not stand in one is escaped.
fn uri(path: &str) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    let mut uri = String::new();
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(byte.into())
            }
            _ => uri += &format!("%{byte:02X}"),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_is_a_relative_reference() {
        for (path, expected) in
            [("./a/b.yaml", "a/b.yaml"), ("a b%.yaml", "a%20b%25.yaml"), ("ä:1.yaml", "%C3%A4%3A1.yaml")]
        {
            assert_eq!(uri(path), expected);
        }
    }
}
