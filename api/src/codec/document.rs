//! What a document is: in Kubernetes form, a list of such, Envoy's, or none of our business.

use super::{
    Content, Defaults, Document, envoy, kubernetes,
    yaml::{Node, Value},
};
use crate::{
    key::Key,
    limits::FINDING_TEXT_BYTES_MAX,
    verdict::{Finding, Position, Severity},
};

/// Reads one document, which may hold several: each item of a list counts as one of its own.
pub(super) fn read(node: &Node<'_>, defaults: Defaults<'_>, documents: &mut Vec<Document>) {
    let mut push = |node: &Node<'_>, content| documents.push(Document { line: node.position.line, content });
    if let Value::Problem(problem) = &node.value {
        return push(node, rejected(None, node.position, [problem.code, problem.reason, problem.remedy]));
    }
    if node.pairs().is_none() {
        let reason = format!("a document is a map, found {}", node.describe());
        let remedy = "begin it with apiVersion, kind and metadata";
        return push(node, rejected(None, node.position, ["not-a-document", &reason, remedy]));
    }
    if envoy::is_response(node) {
        return envoy::read_response(node, defaults, &mut push);
    }
    if node.get("@type").is_some() && node.get("apiVersion").is_none() {
        return push(node, envoy::read(node, defaults));
    }
    kubernetes::read(node, defaults, &mut push);
}

/// A document with a single error about the whole of it: code, reason, remedy.
pub(super) fn rejected(key: Option<Key>, position: Position, [code, reason, remedy]: [&str; 3]) -> Content {
    let finding = Finding {
        code: code.to_owned(),
        severity: Severity::Error,
        path: String::new(),
        position,
        reason: cut(reason.to_owned()),
        remedy: cut(remedy.to_owned()),
    };
    Content::Rejected { key, findings: vec![finding] }
}

/// A text of a finding, of which nobody reads more than its beginning.
pub(crate) fn cut(mut text: String) -> String {
    const CUT: &str = "...";
    if text.len() > FINDING_TEXT_BYTES_MAX {
        let end = text.floor_char_boundary(FINDING_TEXT_BYTES_MAX - CUT.len());
        text.truncate(end);
        text.shrink_to_fit();
        text.push_str(CUT);
    }
    text
}
