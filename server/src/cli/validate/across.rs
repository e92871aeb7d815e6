//! Documents judged one by one, then in view of each other.

use std::collections::{HashMap, HashSet};

use mainsheet_api::{
    codec::{Content, SourceMap},
    key::Key,
    time::Timestamp,
    validate::across::{Across, AcrossOptions, Change, Complete},
};

use crate::{
    intake::judge::{Accepted, Judged, judge_all},
    source::Report,
};

/// Judges each document by itself, and those that are accepted as if they were all that is served. Of several of one
/// key, the first is.
pub(super) async fn judge_together(reports: Vec<Report>, complete: Complete) -> anyhow::Result<Vec<Judged>> {
    let maps = maps(&reports);
    let mut judged = judge_all(reports).await?;
    let mut across = Across::new(AcrossOptions { complete, ..AcrossOptions::default() });
    // Nobody knows which of them a server will have first; equals go by name.
    let change = |(_, accepted): (&str, &mut Accepted)| Change::Upsert {
        resource: accepted.resource.clone(),
        created: Timestamp(0),
    };
    across.apply(served(&mut judged).map(change));
    for (origin, accepted) in served(&mut judged) {
        let mut findings = across.findings(&accepted.resource.key).to_vec();
        if let Some(map) = maps.get(&(origin.to_owned(), accepted.resource.key.clone())) {
            map.place(&mut findings);
        }
        accepted.warnings.extend(findings);
    }
    Ok(judged)
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
fn served(judged: &mut [Judged]) -> impl Iterator<Item = (&str, &mut Accepted)> {
    let mut seen = HashSet::new();
    let accepted = judged.iter_mut().flat_map(|Judged { origin, accepted, .. }| {
        let origin = &**origin;
        accepted.iter_mut().map(move |accepted| (origin, accepted))
    });
    accepted.filter(move |(_, accepted)| seen.insert(accepted.resource.key.clone()))
}
