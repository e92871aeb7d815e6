//! /healthz/live and /healthz/ready, for probes: the text is for whoever looks at a failing one.

use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};
use serde::Serialize;

use super::Links;

/// The answer of /healthz/ready.
#[derive(Serialize)]
struct Ready {
    ready: bool,
    /// What must still happen, by name.
    awaiting: Vec<String>,
    /// What is wrong although streams are accepted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<String>,
}

/// The process answers; that is all that a restart could mend.
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// 200 when streams are accepted; 503 while something is awaited.
pub(super) async fn ready(State(links): State<Links>) -> impl IntoResponse {
    let awaiting = links.readiness.awaited();
    let ready = awaiting.is_empty();
    let problems = [links.store.problems(), links.credentials.problems()].concat();
    let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(Ready { ready, awaiting, problems }))
}
