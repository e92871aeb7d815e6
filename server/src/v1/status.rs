//! How the server is.

use std::collections::{BTreeMap, BTreeSet};

use mainsheet_api::{generated::mainsheet::v1 as pb, resource::SourceName};
use mainsheet_cache::snapshot::Snapshot;
use tonic::Status;

use super::{Links, Reads, convert, sinks};
use crate::{clashes, source_health::SourceHealth};

pub(super) async fn status(reads: &Reads, _: pb::StatusRequest) -> Result<pb::StatusResponse, Status> {
    let links = &reads.links;
    let snapshot = links.cache.snapshot().0;
    let now = links.clock.uptime();
    let holds = links.intake.holds.borrow().clone();
    let sinks = links.sinks.all();
    Ok(pb::StatusResponse {
        instance: links.instance.to_string(),
        server_version: env!("CARGO_PKG_VERSION").to_owned(),
        revision: snapshot.revision().0,
        oldest_revision: links.cache.store().oldest().0,
        awaited: links.readiness.awaited(),
        uptime: Some(convert::duration(now.0)),
        store: links.store.to_owned(),
        kinds: kinds(&snapshot),
        sources: sources(links, &snapshot),
        held_removals: holds
            .iter()
            .map(|hold| convert::held_removals(hold, links.intake.guard_hold(), now))
            .collect(),
        rejected: count(links.intake.verdicts.rejected().len()),
        sinks: count(sinks.len()),
        sinks_refusing: count(sinks.iter().filter(|sink| sinks::is_refusing(&links.sinks, sink)).count()),
        leases: count(links.leases.len()),
        rolled_back: count(snapshot.layer(&SourceName::hold()).len()),
        clashes: count(clashes::contests(&snapshot).count()),
        problems: problems_of_server(links),
    })
}

/// What is wrong with the server itself.
fn problems_of_server(links: &Links) -> Vec<String> {
    let mut problems = links.store_state.problems();
    if let Some(why) = links.audit.health().and_then(|health| health.failing) {
        problems.push(format!("the audit log can't be written: {why}; make room where `audit-log` is"));
    }
    problems.extend(links.credentials.problems());
    problems
}

fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

fn kinds(snapshot: &Snapshot) -> Vec<pb::KindCount> {
    let counted = |kind| pb::KindCount { kind: format!("{kind}"), served: count(snapshot.count(kind)) };
    snapshot.kinds().map(counted).collect()
}

/// From the strongest to the weakest: holds, the API, what is configured, and what the store has beside these.
fn sources(links: &Links, snapshot: &Snapshot) -> Vec<pb::SourceStatus> {
    let mut hidden: BTreeMap<SourceName, usize> = BTreeMap::new();
    for loser in snapshot.contests().flat_map(|contest| contest.into_iter().skip(1)) {
        *hidden.entry(loser.source.clone()).or_default() += 1;
    }
    let configured = links.sources.iter().map(|health| health.source().clone());
    let named: Vec<_> = [SourceName::hold(), SourceName::api()].into_iter().chain(configured).collect();
    let others: BTreeSet<_> = snapshot.sources().filter(|source| !named.contains(source)).cloned().collect();
    let health = |source: &SourceName| links.sources.iter().find(|health| health.source() == source);
    let status = |source: SourceName| pb::SourceStatus {
        resources: count(snapshot.layer(&source).len()),
        hidden: count(hidden.get(&source).copied().unwrap_or_default()),
        problems: health(&source).map(problems).unwrap_or_default(),
        name: source.to_string(),
    };
    named.into_iter().chain(others).map(status).collect()
}

fn problems(health: &SourceHealth) -> Vec<String> {
    health.state().complaints
}
