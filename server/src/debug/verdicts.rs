//! /debug/verdicts: what is said of documents and resources. Of those that are rejected what is wrong with them, of those
//! that are served what validation remarked, by themselves and in view of the others.

use axum::{
    Extension, Json,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use mainsheet_api::{key::Key, kind::Kind, verdict};
use mainsheet_cache::snapshot::Held;
use serde::{Deserialize, Serialize};

use super::{Links, sees};
use crate::{auth::Sight, intake::RejectedCandidate, verdicts::AcrossVerdicts};

/// What narrows it.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Narrowed {
    kind: Option<String>,
    namespace: Option<String>,
    code: Option<String>,
}

#[derive(Serialize)]
struct Verdict {
    verdict: &'static str,
    source: String,
    origin: String,
    line: u32,
    /// `VirtualService shop/reviews`, where it can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    findings: Vec<Finding>,
}

#[derive(Serialize)]
struct Finding {
    severity: &'static str,
    code: String,
    path: String,
    /// 0 where it is about what another document says, too.
    line: u32,
    column: u32,
    reason: String,
    remedy: String,
}

pub(super) async fn verdicts(
    State(links): State<Links>,
    Extension(sight): Extension<Sight>,
    Query(narrowed): Query<Narrowed>,
) -> Response {
    let view = sight.listed();
    let filter = match Filter::of(narrowed) {
        Ok(filter) => filter,
        Err(text) => {
            return (StatusCode::BAD_REQUEST, format!("no kind is called `{text}`\n")).into_response();
        }
    };
    let rejected = links.intake.verdicts.rejected().into_iter().filter(|candidate| sees(&view, candidate));
    let mut shown: Vec<Verdict> =
        rejected.filter(|it| filter.takes(it.key.as_ref(), &it.findings)).map(rejected_verdict).collect();
    let (snapshot, across) = (links.newest.borrow().clone(), links.verdicts.borrow().clone());
    let remarked = snapshot.0.all_served().filter(|held| view.shows(&held.key));
    // What is remarked of it in view of others may name any of these.
    let across = view.is_everything().then_some(&across);
    let remarked = remarked.map(|held| (held, findings(held, across)));
    let remarked = remarked.filter(|(_, findings)| !findings.is_empty());
    let remarked = remarked.filter(|(held, findings)| filter.takes(Some(&held.key), findings));
    shown.extend(remarked.map(|(held, findings)| served_verdict(held, findings)));
    Json(shown).into_response()
}

/// What is said of something that is served.
fn findings(held: &Held, across: Option<&AcrossVerdicts>) -> Vec<verdict::Finding> {
    let across = across.into_iter().flat_map(|across| across.of(&held.key));
    held.warnings.iter().chain(across).cloned().collect()
}

struct Filter {
    kind: Option<Kind>,
    namespace: Option<String>,
    code: Option<String>,
}

impl Filter {
    /// The error is the text that is no kind.
    fn of(Narrowed { kind, namespace, code }: Narrowed) -> Result<Self, String> {
        let kind = kind.map(|text| Kind::of_argument(&text).ok_or(text)).transpose()?;
        Ok(Self { kind, namespace, code })
    }

    fn takes(&self, key: Option<&Key>, findings: &[verdict::Finding]) -> bool {
        let kind = self.kind.is_none_or(|kind| key.is_some_and(|key| key.kind == kind));
        let namespace = self.namespace.as_ref();
        let namespace =
            namespace.is_none_or(|namespace| key.is_some_and(|key| *key.namespace == **namespace));
        let code = self.code.as_ref();
        kind && namespace && code.is_none_or(|code| findings.iter().any(|finding| finding.code == *code))
    }
}

fn rejected_verdict(candidate: RejectedCandidate) -> Verdict {
    Verdict {
        verdict: "rejected",
        source: candidate.source.to_string(),
        origin: candidate.origin,
        line: candidate.line,
        resource: candidate.key.map(|key| key.to_string()),
        findings: candidate.findings.into_iter().map(finding).collect(),
    }
}

fn served_verdict(held: &Held, findings: Vec<verdict::Finding>) -> Verdict {
    Verdict {
        verdict: "accepted",
        source: held.source.to_string(),
        origin: held.provenance.origin.clone(),
        line: held.provenance.line,
        resource: Some(held.key.to_string()),
        findings: findings.into_iter().map(finding).collect(),
    }
}

fn finding(finding: verdict::Finding) -> Finding {
    Finding {
        severity: finding.severity.as_str(),
        code: finding.code,
        path: finding.path,
        line: finding.position.line,
        column: finding.position.column,
        reason: finding.reason,
        remedy: finding.remedy,
    }
}
