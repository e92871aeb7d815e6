//! From documents to what may be served and what may not.

use std::thread;

use futures_util::future::try_join_all;
use mainsheet_api::{
    codec::{Content, Document, SourceMap},
    key::Key,
    resource::Resource,
    validate,
    verdict::{Finding, Verdict},
};

use mainsheet_cache::blocking;

use super::criteria::Criteria;
use crate::{
    contain::contain,
    source::{Completeness, LastWritten, Report},
};

/// A report, judged.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) origin: String,
    pub(crate) completeness: Completeness,
    pub(crate) written: Option<LastWritten>,
    pub(crate) accepted: Vec<Accepted>,
    pub(crate) rejected: Vec<Rejected>,
    pub(crate) ignored: usize,
}

/// A resource that may be served.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    pub(crate) resource: Resource,
    pub(crate) line: u32,
    pub(crate) warnings: Vec<Finding>,
}

/// A document that may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejected {
    /// Whose it is, where it can be told.
    pub(crate) key: Option<Key>,
    pub(crate) line: u32,
    pub(crate) findings: Vec<Finding>,
}

impl Judged {
    /// The keys that it has served.
    pub(crate) fn accepted_keys(&self) -> impl Iterator<Item = &Key> {
        self.accepted.iter().map(|accepted| &accepted.resource.key)
    }
}

/// Documents below which judging takes less time than handing it to other threads.
const SHARED_LEN_MIN: usize = 64;

/// Judges reports by these criteria: large batches on all cores, beside the tasks that serve.
///
/// # Errors
/// Where a worker is gone.
pub(crate) async fn judge_all(mut reports: Vec<Report>, criteria: &Criteria) -> anyhow::Result<Vec<Judged>> {
    let documents: usize = reports.iter().map(|report| report.documents.len()).sum();
    // Rules may take long, and must not hold up whoever asks.
    if documents < SHARED_LEN_MIN && criteria.rules().is_empty() {
        return Ok(reports.into_iter().map(|report| judge(report, criteria)).collect());
    }
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let share = reports.len().div_ceil(workers);
    let mut judged = Vec::new();
    while !reports.is_empty() {
        let rest = reports.split_off(share.min(reports.len()));
        let reports = std::mem::replace(&mut reports, rest);
        let criteria = criteria.clone();
        let work = move || reports.into_iter().map(|report| judge(report, &criteria)).collect::<Vec<_>>();
        judged.push(blocking::spawn(work));
    }
    Ok(try_join_all(judged).await?.into_iter().flatten().collect())
}

/// Judges each document by itself: a rejected one does not touch its neighbours.
pub(crate) fn judge(report: Report, criteria: &Criteria) -> Judged {
    let Report { origin, documents, completeness, written } = report;
    let (accepted, rejected) = (Vec::new(), Vec::new());
    let mut judged = Judged { origin, completeness, written, accepted, rejected, ignored: 0 };
    for document in documents {
        let line = document.line;
        match judge_document(&judged.origin, document, criteria) {
            JudgedDocument::Accepted(accepted) => judged.accepted.push(accepted),
            JudgedDocument::Rejected(rejected) => judged.rejected.push(rejected),
            JudgedDocument::Ignored(what) => {
                tracing::debug!(
                    origin = judged.origin,
                    line,
                    what,
                    "document of a kind that is not served is ignored"
                );
                judged.ignored += 1;
            }
        }
    }
    judged
}

/// What became of one document.
#[derive(Debug)]
pub(crate) enum JudgedDocument {
    Accepted(Accepted),
    Rejected(Rejected),
    /// Of a kind that is not served, this one.
    Ignored(String),
}

/// Judges one document of an origin.
pub(crate) fn judge_document(origin: &str, document: Document, criteria: &Criteria) -> JudgedDocument {
    let Document { line, content } = document;
    match content {
        Content::Resource { resource, map, warnings } => {
            let verdict = verdict_on(origin, &resource, (&map, criteria), warnings);
            if verdict.is_accepted() {
                JudgedDocument::Accepted(Accepted { resource: *resource, line, warnings: verdict.findings })
            } else {
                JudgedDocument::Rejected(Rejected {
                    key: Some(resource.key),
                    line,
                    findings: verdict.findings,
                })
            }
        }
        Content::Rejected { key, findings } => JudgedDocument::Rejected(Rejected { key, line, findings }),
        Content::Ignored { what } => JudgedDocument::Ignored(what),
    }
}

/// `warnings` are those of reading it.
fn verdict_on(
    origin: &str,
    resource: &Resource,
    (map, criteria): (&SourceMap, &Criteria),
    mut warnings: Vec<Finding>,
) -> Verdict {
    let work = || {
        #[cfg(test)]
        crate::contain::panic_if_planted(&resource.key.name);
        let mut findings = validate::check(resource, criteria.options());
        findings.extend(criteria.rules().check(resource));
        map.place(&mut findings);
        findings
    };
    let findings = contain("validation", &format!("{origin}: {}", resource.key), work);
    let mut findings = findings.unwrap_or_else(|finding| vec![finding]);
    findings.append(&mut warnings);
    Verdict { findings }
}

#[cfg(test)]
mod tests {
    use mainsheet_api::codec::{self, Defaults, UnknownFields};

    use super::*;
    use crate::contain::PLANTED;

    const DEFAULTS: Defaults<'_> =
        Defaults { namespace: "shop", scope: "", unknown_fields: UnknownFields::Warn };

    #[test]
    fn panic_of_validation_rejects_the_document_and_no_other() {
        let document = |name: &str| {
            format!(
                "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: {name}}}\nspec: {{host: h}}\n"
            )
        };
        let text = ["a", PLANTED, "b"].map(document).join("---\n");
        let documents = codec::read(&text, DEFAULTS);
        let origin = "a.yaml".to_owned();
        let report = Report { origin, documents, completeness: Completeness::Whole, written: None };
        let judged = judge(report, &Criteria::default());
        let names = judged.accepted.iter().map(|accepted| &*accepted.resource.key.name);
        assert_eq!(names.collect::<Vec<_>>(), ["a", "b"]);
        let [Rejected { key: Some(key), line: 6, findings }] = &judged.rejected[..] else {
            panic!("{judged:?}")
        };
        assert_eq!((&*key.name, &*findings[0].code), (PLANTED, "internal"));
    }
}
