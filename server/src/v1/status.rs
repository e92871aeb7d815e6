//! How the server is.

use std::collections::{BTreeMap, BTreeSet};

use mainsheet_api::{generated::mainsheet::v1 as pb, key::Key, resource::SourceName, view::View};
use mainsheet_cache::snapshot::{Held, Snapshot};
use tonic::Status;

use super::{Links, Reads, convert, sinks};
use crate::{
    auth::{Sight, sight},
    clashes,
    debug::shown_of,
    source_health::SourceHealth,
};

pub(super) async fn status(
    reads: &Reads,
    (sight, _): (Sight, pb::StatusRequest),
) -> Result<pb::StatusResponse, Status> {
    sight.pass(sight::STATUS)?;
    let view = sight.view(sight::STATUS);
    let shows_sinks = sight.pass(sight::SINKS).is_ok();
    let links = &reads.links;
    let snapshot = links.cache.snapshot().0;
    let now = links.clock.uptime();
    let holds = links.intake.holds.borrow().clone();
    let sinks = if shows_sinks { links.sinks.all() } else { Vec::new() };
    let is_shown = |held: &Held| view.shows(&held.key);
    Ok(pb::StatusResponse {
        instance: links.instance.to_string(),
        server_version: env!("CARGO_PKG_VERSION").to_owned(),
        revision: snapshot.revision().0,
        oldest_revision: links.cache.store().oldest().0,
        awaited: links.readiness.awaited(),
        uptime: Some(convert::duration(now.0)),
        store: links.store.to_owned(),
        kinds: kinds(&snapshot, &view),
        sources: sources(links, &snapshot, &view),
        held_removals: holds
            .iter()
            .filter(|hold| view.of_kind(hold.kind).is_everything())
            .map(|hold| convert::held_removals(hold, links.intake.guard_hold(), now))
            .collect(),
        rejected: count(rejected(links, &view)),
        sinks: count(sinks.len()),
        sinks_refusing: count(sinks.iter().filter(|sink| sinks::is_refusing(&links.sinks, sink)).count()),
        leases: count(leases(links, &snapshot, &view)),
        rolled_back: count(shown_of(&snapshot.layer(&SourceName::hold()), &view)),
        clashes: count(
            clashes::contests(&snapshot).filter(|all| all.iter().all(|held| is_shown(held))).count(),
        ),
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

fn kinds(snapshot: &Snapshot, view: &View) -> Vec<pb::KindCount> {
    let len = |kind| match view.of_kind(kind).is_everything() {
        true => snapshot.count(kind),
        false => snapshot.served_after(kind, None).filter(|found| view.shows(&found.held.key)).count(),
    };
    let counted = |kind| pb::KindCount { kind: format!("{kind}"), served: count(len(kind)) };
    snapshot.kinds().map(counted).filter(|counted| counted.served > 0).collect()
}

fn leases(links: &Links, snapshot: &Snapshot, view: &View) -> usize {
    if view.is_everything() {
        return links.leases.len();
    }
    let layers = snapshot.sources().map(|source| snapshot.layer(source));
    layers.map(|layer| layer.leases().filter(|(key, _)| view.shows(key)).count()).sum()
}

/// A document that does not say what it is may be of any namespace.
fn rejected(links: &Links, view: &View) -> usize {
    let rejected = links.intake.verdicts.rejected();
    let is_shown = |key: Option<&Key>| key.map_or_else(|| view.is_everything(), |key| view.shows(key));
    rejected.iter().filter(|candidate| is_shown(candidate.key.as_ref())).count()
}

/// From the strongest to the weakest: holds, the API, what is configured, and what the store has beside these.
fn sources(links: &Links, snapshot: &Snapshot, view: &View) -> Vec<pb::SourceStatus> {
    let mut hidden: BTreeMap<SourceName, usize> = BTreeMap::new();
    let losers = snapshot.contests().flat_map(|contest| contest.into_iter().skip(1));
    for loser in losers.filter(|loser| view.shows(&loser.key)) {
        *hidden.entry(loser.source.clone()).or_default() += 1;
    }
    let configured = links.sources.iter().map(|health| health.source().clone());
    let named: Vec<_> = [SourceName::hold(), SourceName::api()].into_iter().chain(configured).collect();
    let others: BTreeSet<_> = snapshot.sources().filter(|source| !named.contains(source)).cloned().collect();
    let health = |source: &SourceName| links.sources.iter().find(|health| health.source() == source);
    let status = |source: SourceName| pb::SourceStatus {
        resources: count(shown_of(&snapshot.layer(&source), view)),
        hidden: count(hidden.get(&source).copied().unwrap_or_default()),
        problems: health(&source).filter(|_| view.is_everything()).map(problems).unwrap_or_default(),
        name: source.to_string(),
    };
    named.into_iter().chain(others).map(status).collect()
}

fn problems(health: &SourceHealth) -> Vec<String> {
    health.state().complaints
}
