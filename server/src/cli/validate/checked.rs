//! Every document with its verdict, in the order of files and lines.

use mainsheet_api::{
    key::Key,
    verdict::{Finding, Verdict},
};

use crate::intake::judge::Judged;

/// A document that was judged.
#[derive(Debug)]
pub(super) struct Document {
    /// The file, as it can be opened from here.
    pub(super) file: String,
    /// Its first line, from 1; 0 for a file as a whole.
    pub(super) line: u32,
    /// Whose it is, where it can be told.
    pub(super) key: Option<Key>,
    pub(super) verdict: Verdict,
}

/// All documents of kinds that are served.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) documents: Vec<Document>,
    pub(super) summary: Summary,
}

/// How many documents became what.
#[derive(Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(super) struct Summary {
    pub(super) accepted: usize,
    /// Of the accepted.
    pub(super) with_warnings: usize,
    pub(super) rejected: usize,
    pub(super) ignored: usize,
}

impl Checked {
    pub(super) fn new(judged: Vec<Judged>) -> Self {
        let ignored = judged.iter().map(|judged| judged.ignored).sum();
        let mut documents: Vec<Document> = judged.into_iter().flat_map(documents).collect();
        documents.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        let mut summary = Summary { ignored, ..Summary::default() };
        for Document { verdict, .. } in &documents {
            let is_accepted = verdict.is_accepted();
            summary.accepted += usize::from(is_accepted);
            summary.with_warnings += usize::from(is_accepted && !verdict.findings.is_empty());
            summary.rejected += usize::from(!is_accepted);
        }
        Self { documents, summary }
    }

    /// Every finding with the document that it is about.
    pub(super) fn findings(&self) -> impl Iterator<Item = (&Document, &Finding)> {
        let of_one = |document| move |finding| (document, finding);
        self.documents.iter().flat_map(move |document| document.verdict.findings.iter().map(of_one(document)))
    }
}

fn documents(Judged { origin, accepted, rejected, .. }: Judged) -> impl Iterator<Item = Document> {
    let accepted = accepted.into_iter().map(|one| (one.line, Some(one.resource.key), one.warnings));
    let rejected = rejected.into_iter().map(|one| (one.line, one.key, one.findings));
    accepted.chain(rejected).map(move |(line, key, mut findings)| {
        findings.sort_by_key(|finding| finding.position);
        Document { file: origin.clone(), line, key, verdict: Verdict { findings } }
    })
}

impl Document {
    /// Its verdict in a word, as machines read it.
    pub(super) fn verdict_word(&self) -> &'static str {
        match (self.verdict.is_accepted(), self.verdict.findings.is_empty()) {
            (true, true) => "accepted",
            (true, false) => "accepted-with-warnings",
            (false, _) => "rejected",
        }
    }
}
