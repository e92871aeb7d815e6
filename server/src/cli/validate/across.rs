//! Documents judged one by one, then in view of each other.

use std::collections::{HashMap, HashSet};

use mainsheet_api::{
    codec::{Content, SourceMap},
    key::Key,
    resource::Resource,
    time::Timestamp,
    validate::across::{Across, AcrossOptions, Change},
    verdict::{Finding, Verdict},
};

use super::against::Served;
use crate::{
    intake::{
        criteria::Criteria,
        judge::{Accepted, Judged, Rejected, judge_all},
    },
    source::{Completeness, Report},
};

/// Judges each document by itself, and those that are accepted as if they were served beside, or instead of, what is
/// `served`. Of several of one key, the first is.
///
/// What would newly be said of resources that are served comes in a report of its own, whose origin is the server.
pub(super) async fn judge_together(
    reports: Vec<Report>,
    criteria: &Criteria,
    options: AcrossOptions,
    served: Served,
) -> anyhow::Result<Vec<Judged>> {
    let maps = maps(&reports);
    let asked = criteria.with_rules_among(reports.iter().flat_map(|report| &report.documents));
    let mut judged = judge_all(reports, &asked).await?;
    let Served { address, resources } = served;
    let mut across = Across::new(options);
    across.apply(resources.iter().map(upsert));
    let before: Vec<Vec<Finding>> = resources.iter().map(|one| said_of(one, &across, criteria)).collect();
    across.apply(first_of_each_key(&mut judged).map(|(_, accepted)| upsert(&accepted.resource)));
    let mut given = HashSet::new();
    for (origin, accepted) in first_of_each_key(&mut judged) {
        let mut findings = across.findings(&accepted.resource.key).to_vec();
        if let Some(map) = maps.get(&(origin.to_owned(), accepted.resource.key.clone())) {
            map.place(&mut findings);
        }
        accepted.warnings.extend(findings);
        given.insert(accepted.resource.key.clone());
    }
    let (completeness, accepted, rejected) = (Completeness::Whole, Vec::new(), Vec::new());
    let mut elsewhere =
        Judged { origin: address, completeness, written: None, accepted, rejected, ignored: 0 };
    for (resource, before) in resources.into_iter().zip(before).filter(|(one, _)| !given.contains(&one.key)) {
        let mut findings = said_of(&resource, &across, &asked);
        findings.retain(|finding| !before.contains(finding));
        let verdict = Verdict { findings };
        if !verdict.is_accepted() {
            elsewhere.rejected.push(Rejected {
                key: Some(resource.key),
                line: 0,
                findings: verdict.findings,
            });
        } else if !verdict.findings.is_empty() {
            elsewhere.accepted.push(Accepted { resource, line: 0, warnings: verdict.findings });
        }
    }
    judged.push(elsewhere);
    Ok(judged)
}

/// Nobody knows which of them a server will have first; equals go by name.
fn upsert(resource: &Resource) -> Change {
    Change::Upsert { resource: resource.clone(), created: Timestamp(0) }
}

/// In view of others, and by rules of one's own.
fn said_of(resource: &Resource, across: &Across, criteria: &Criteria) -> Vec<Finding> {
    let mut findings = across.findings(&resource.key).to_vec();
    findings.extend(criteria.rules().check(resource));
    findings
}

/// Where the fields of each resource of each file stand.
fn maps(reports: &[Report]) -> HashMap<(String, Key), SourceMap> {
    let mut maps = HashMap::new();
    for report in reports {
        for document in &report.documents {
            if let Content::Resource { resource, map, .. } = &document.content {
                maps.entry((report.origin.clone(), resource.key.clone())).or_insert_with(|| map.clone());
            }
        }
    }
    maps
}

/// What is accepted with its file, the first of each key.
fn first_of_each_key(judged: &mut [Judged]) -> impl Iterator<Item = (&str, &mut Accepted)> {
    let mut seen = HashSet::new();
    let accepted = judged.iter_mut().flat_map(|Judged { origin, accepted, .. }| {
        let origin = &**origin;
        accepted.iter_mut().map(move |accepted| (origin, accepted))
    });
    accepted.filter(move |(_, accepted)| seen.insert(accepted.resource.key.clone()))
}
