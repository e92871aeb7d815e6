//! From what a file holds to what is told of it.

use std::sync::Arc;

use mainsheet_api::{
    codec::{Content, Document},
    key::Key,
    lease,
    verdict::{Finding, Position, Severity},
};

use super::claims::{Claim, Claims};
use crate::source::{Completeness, Report};

/// Of a file that is gone, or holds nothing.
pub(super) fn gone(origin: String) -> Report {
    Report { origin, documents: Vec::new(), completeness: Completeness::Whole, written: None }
}

/// Of a file or folder of which nothing can be told for now.
pub(super) fn untold(origin: String) -> Report {
    Report { origin, documents: Vec::new(), completeness: Completeness::Partial, written: None }
}

/// Of a file that can't be read.
pub(super) fn unreadable(origin: String, finding: Finding) -> Report {
    let document = Document { line: 0, content: Content::Rejected { key: None, findings: vec![finding] } };
    Report { origin, documents: vec![document], completeness: Completeness::Partial, written: None }
}

/// Of a file that was read. A document whose key is taken from another file, or from an earlier document, is rejected.
pub(super) fn of_documents(origin: String, mut documents: Vec<Document>, claims: &Claims) -> Report {
    let completeness = completeness(&documents);
    for (index, document) in documents.iter_mut().enumerate() {
        let Some(key) = key_of(&document.content) else { continue };
        let winner = claims.winner(key).filter(|winner| *winner.origin != *origin || winner.index != index);
        if let Some(winner) = winner {
            let finding = duplicate(key, winner, document.line);
            let key = Some(key.clone());
            document.content = Content::Rejected { key, findings: vec![finding] };
        }
    }
    Report { origin, documents, completeness, written: None }
}

/// A text that is not YAML to its end may be half-written: it says nothing of what it does not mention.
pub(super) fn completeness(documents: &[Document]) -> Completeness {
    let is_broken = |document: &Document| matches!(document.content, Content::Rejected { key: None, .. });
    if documents.iter().any(is_broken) { Completeness::Partial } else { Completeness::Whole }
}

/// Whether writing them again, as they are, means anything.
pub(super) fn may_have_leases(documents: &[Document], has_default: bool) -> bool {
    has_default
        || documents.iter().any(|document| match &document.content {
            Content::Resource { resource, .. } => resource.annotations.contains_key(lease::TTL),
            Content::Rejected { .. } | Content::Ignored { .. } => false,
        })
}

/// What a file's documents claim.
pub(super) fn claims_of(origin: &str, documents: &[Document]) -> Vec<(Key, Claim)> {
    let origin: Arc<str> = Arc::from(origin);
    let claim = |(index, document): (usize, &Document)| {
        let claim = Claim { origin: Arc::clone(&origin), index, line: document.line };
        Some((key_of(&document.content)?.clone(), claim))
    };
    documents.iter().enumerate().filter_map(claim).collect()
}

/// Whose document it is, as far as it can be told.
pub(super) fn key_of(content: &Content) -> Option<&Key> {
    match content {
        Content::Resource { resource, .. } => Some(&resource.key),
        Content::Rejected { key, .. } => key.as_ref(),
        Content::Ignored { .. } => None,
    }
}

/// What is said of a file that can't be read.
pub(super) fn finding_of_unreadable(reason: &impl ToString) -> Finding {
    finding("unreadable-file", format!("the file can't be read: {}", reason.to_string()), 0)
}

fn duplicate(key: &Key, winner: &Claim, line: u32) -> Finding {
    let Claim { origin, line: elsewhere, .. } = winner;
    let mut finding =
        finding("duplicate-resource", format!("{key} is taken from {origin}:{elsewhere}"), line);
    finding.remedy = "remove one of the two".to_owned();
    finding
}

fn finding(code: &str, reason: String, line: u32) -> Finding {
    let position = Position { line, column: u32::from(line > 0) };
    Finding {
        code: code.to_owned(),
        severity: Severity::Error,
        path: String::new(),
        position,
        reason,
        remedy: String::new(),
    }
}
