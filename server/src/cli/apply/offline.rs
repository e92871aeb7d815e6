//! What can be said of documents without a server.

use mainsheet_api::{
    codec::{self, Defaults, UnknownFields},
    generated::mainsheet::v1 as pb,
    key::Key,
    verdict::Finding,
};

use crate::{
    cli::{
        manifests::{self, Manifest},
        outcomes::Outcomes,
    },
    intake::{criteria::Criteria, judge::judge_all},
    source::{Completeness, Report},
};

/// The root namespace matters to rules only, and there are none here.
const ROOT_NAMESPACE: &str = "istio-system";

/// Judges each document by itself, as `validate` does.
pub(super) async fn judged(manifests: Vec<Manifest>, namespace: &str) -> anyhow::Result<Outcomes> {
    let defaults = Defaults { namespace, scope: "", unknown_fields: UnknownFields::Strict };
    let report = |Manifest { origin, text }| {
        let documents = codec::read(&text, defaults);
        Report { origin, documents, completeness: Completeness::Whole, written: None }
    };
    let reports = manifests.into_iter().map(report).collect();
    let criteria = Criteria::new([], ROOT_NAMESPACE);
    let mut results = Vec::new();
    for judged in judge_all(reports, &criteria).await? {
        let mut of_file = Vec::new();
        for one in judged.accepted {
            let outcome = pb::WriteOutcome::Unspecified;
            of_file.push(result(&judged.origin, (one.line, Some(&one.resource.key)), outcome, &one.warnings));
        }
        for one in judged.rejected {
            let outcome = pb::WriteOutcome::Rejected;
            of_file.push(result(&judged.origin, (one.line, one.key.as_ref()), outcome, &one.findings));
        }
        of_file.sort_by_key(|result| result.line);
        results.extend(of_file);
    }
    Ok(Outcomes::new(results))
}

fn result(
    origin: &str,
    (line, key): (u32, Option<&Key>),
    outcome: pb::WriteOutcome,
    findings: &[Finding],
) -> pb::WriteResult {
    pb::WriteResult {
        key: key.map(manifests::key_in_request),
        outcome: outcome.into(),
        findings: findings.iter().map(pb::Finding::from).collect(),
        origin: origin.to_owned(),
        line,
        ..pb::WriteResult::default()
    }
}
