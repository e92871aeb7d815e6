//! /debug/sources: where configuration comes from, and what of it can't be taken in.

use axum::{Extension, Json, extract::State, response::IntoResponse};
use mainsheet_api::{time::Timestamp, verdict::Severity, view::View};
use mainsheet_cache::snapshot::Snapshot;
use serde::Serialize;

use super::{Links, sees, shown_of};
use crate::{
    auth::Sight,
    intake::RejectedCandidate,
    source_health::{SourceHealth, SourceState, UpstreamState},
};

#[derive(Serialize)]
struct Source {
    source: String,
    path: String,
    /// None where its path was not looked at yet.
    last_scan: Option<String>,
    files: usize,
    /// Of a source that is another server.
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream: Option<Upstream>,
    /// What its layer holds, served or hidden by another source.
    resources: usize,
    /// What can't be looked at, and why.
    unreadable: Vec<String>,
    errors: Vec<Error>,
}

#[derive(Serialize)]
struct Upstream {
    connected: bool,
    /// Since when it is, or is not.
    since: String,
    /// When a response was last taken in.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_received: Option<String>,
    /// Resources that it has, as far as it has said.
    offered: usize,
    connects: u64,
    applied: u64,
    rejected: u64,
}

#[derive(Serialize)]
struct Error {
    /// A path below the source's.
    file: String,
    /// 0 for a file as a whole.
    line: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    reason: String,
    remedy: String,
}

pub(super) async fn shown(
    State(links): State<Links>,
    Extension(sight): Extension<Sight>,
) -> impl IntoResponse {
    let view = sight.listed();
    let snapshot = links.newest.borrow().clone();
    let mut rejected = links.intake.verdicts.rejected();
    rejected.retain(|candidate| sees(&view, candidate));
    let source = |health: &SourceHealth| Source::of(health, (&snapshot.0, &view), &rejected);
    Json(links.sources.iter().map(source).collect::<Vec<_>>())
}

impl Source {
    fn of(
        health: &SourceHealth,
        (snapshot, view): (&Snapshot, &View),
        rejected: &[RejectedCandidate],
    ) -> Self {
        let SourceState { complaints, scanned, files, upstream, .. } = health.state();
        let own = rejected.iter().filter(|candidate| candidate.source == *health.source());
        Self {
            source: health.source().to_string(),
            path: health.path().to_owned(),
            last_scan: scanned.map(text),
            files: if view.is_everything() { files } else { 0 },
            upstream: upstream.filter(|_| view.is_everything()).map(Upstream::of),
            resources: shown_of(&snapshot.layer(health.source()), view),
            unreadable: if view.is_everything() { complaints } else { Vec::new() },
            errors: own.flat_map(Error::all_of).collect(),
        }
    }
}

impl Upstream {
    fn of(state: UpstreamState) -> Self {
        Self {
            connected: state.is_connected,
            since: text(state.since),
            last_received: state.received.map(text),
            offered: state.offered,
            connects: state.counters.connects,
            applied: state.counters.applied,
            rejected: state.counters.rejected,
        }
    }
}

fn text(at: Timestamp) -> String {
    humantime::format_rfc3339_millis(at.to_system_time()).to_string()
}

impl Error {
    fn all_of(candidate: &RejectedCandidate) -> impl Iterator<Item = Self> {
        let errors = candidate.findings.iter().filter(|finding| finding.severity == Severity::Error);
        errors.map(|finding| Self {
            file: candidate.origin.clone(),
            line: if finding.position.line == 0 { candidate.line } else { finding.position.line },
            resource: candidate.key.as_ref().map(ToString::to_string),
            reason: finding.reason.clone(),
            remedy: finding.remedy.clone(),
        })
    }
}
