//! Debug endpoints: one file each, one row in the table. Read only; each caller sees what is granted to it.

mod clashes;
mod configz;
mod inspector;
mod limits;
mod sources;
mod syncz;
mod verdicts;

use axum::{
    Json, Router,
    middleware::from_fn_with_state,
    response::IntoResponse,
    routing::{MethodRouter, get},
};
use serde::Serialize;

use std::sync::Arc;

use mainsheet_api::view::View;
use mainsheet_cache::{layer::Layer, snapshot::SnapshotCatalog};
use tokio::sync::watch;

pub use inspector::DebugInspector;

use crate::{
    admission::Admission,
    auth::{CredentialHealth, Grants, sight},
    intake::{IntakeHandle, RejectedCandidate},
    metrics::Metrics,
    readiness::Readiness,
    sinks::Sinks,
    source_health::SourceHealth,
    store_state::StoreState,
    verdicts::AcrossVerdicts,
};

/// What the endpoints read from.
#[derive(Clone)]
pub struct Links {
    /// The newest snapshot.
    pub newest: watch::Receiver<SnapshotCatalog>,
    /// What is awaited.
    pub readiness: Readiness,
    /// What sinks hold.
    pub sinks: Arc<Sinks>,
    /// How the sources get on.
    pub sources: Arc<[SourceHealth]>,
    /// What is rejected.
    pub intake: IntakeHandle,
    /// What is said of what is served, in view of the rest of it.
    pub verdicts: watch::Receiver<AcrossVerdicts>,
    /// Whether the store works.
    pub store: StoreState,
    /// How the server's own credentials are.
    pub credentials: CredentialHealth,
    /// What was counted.
    pub metrics: Arc<Metrics>,
    /// Who is let in.
    pub admission: Admission,
    /// Who is granted what.
    pub grants: Grants,
}

/// One endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    /// Where it is.
    pub path: &'static str,
    /// What it shows.
    pub help: &'static str,
    route: fn() -> MethodRouter<Links>,
}

/// Every endpoint.
pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        path: "/debug/configz",
        help: "What is served, as istiod's endpoint of the same name writes it; `?kind=` and `?namespace=` narrow it.",
        route: || get(configz::configz),
    },
    Endpoint {
        path: "/debug/syncz",
        help: "Every sink, and how it stands with each type: an array of envoy.service.status.v3.ClientConfig. `ERROR` where it refused the last response, or is pinned since it refused something; `errorState` says what, and why.",
        route: || get(syncz::syncz),
    },
    Endpoint {
        path: "/debug/sources",
        help: "Each source: its path, when it was last looked at, files and resources, what can't be read, and errors with file and line.",
        route: || get(sources::shown),
    },
    Endpoint {
        path: "/debug/verdicts",
        help: "What is wrong with documents that are rejected now, and what is remarked of resources that are served, by themselves and in view of others; `?kind=`, `?namespace=` and `?code=` narrow it.",
        route: || get(verdicts::verdicts),
    },
    Endpoint {
        path: "/debug/limits",
        help: "Each limit for clients: how much there is and may be, what was refused because of it, and the addresses with the most connections.",
        route: || get(limits::shown),
    },
    Endpoint {
        path: "/debug/clashes",
        help: "What several sources hold: which one is served, and which are not.",
        route: || get(clashes::shown),
    },
];

/// Each endpoint shows what its caller may see, to callers that are granted its path.
pub(crate) fn router(grants: Grants) -> Router<Links> {
    let index = Router::new().route("/debug", get(index));
    let all =
        ENDPOINTS.iter().fold(index, |router, endpoint| router.route(endpoint.path, (endpoint.route)()));
    all.route_layer(from_fn_with_state(grants, sight::guard))
}

/// Whether a document is of what a view shows. One that does not say what it is may be of any namespace.
fn sees(view: &View, candidate: &RejectedCandidate) -> bool {
    candidate.key.as_ref().map_or_else(|| view.is_everything(), |key| view.shows(key))
}

/// How many resources of a layer a view shows.
pub(crate) fn shown_of(layer: &Layer, view: &View) -> usize {
    match view.is_everything() {
        true => layer.len(),
        false => layer.iter().filter(|held| view.shows(&held.key)).count(),
    }
}

#[derive(Serialize)]
struct Listed {
    path: &'static str,
    help: &'static str,
}

/// /debug: which endpoints there are.
async fn index() -> impl IntoResponse {
    Json(ENDPOINTS.iter().map(|Endpoint { path, help, .. }| Listed { path, help }).collect::<Vec<_>>())
}
