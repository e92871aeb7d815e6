//! /debug/verdicts: documents that are rejected now, where they are and what is wrong with them.

use axum::{Json, extract::State, response::IntoResponse};
use serde::Serialize;

use super::Links;
use crate::intake::RejectedCandidate;

#[derive(Serialize)]
struct Rejected {
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
    code: String,
    path: String,
    line: u32,
    column: u32,
    reason: String,
    remedy: String,
}

pub(super) async fn verdicts(State(links): State<Links>) -> impl IntoResponse {
    Json(links.intake.verdicts.rejected().into_iter().map(rejected).collect::<Vec<_>>())
}

fn rejected(candidate: RejectedCandidate) -> Rejected {
    let findings = candidate.findings.into_iter().map(|finding| Finding {
        code: finding.code,
        path: finding.path,
        line: finding.position.line,
        column: finding.position.column,
        reason: finding.reason,
        remedy: finding.remedy,
    });
    Rejected {
        source: candidate.source.to_string(),
        origin: candidate.origin,
        line: candidate.line,
        resource: candidate.key.map(|key| key.to_string()),
        findings: findings.collect(),
    }
}
