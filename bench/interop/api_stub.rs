//! An empty Kubernetes API server, as much of one as istiod needs to start: current istiod panics without any.
//!
//! Lists are empty, watches stay open and silent, named objects do not exist, what is posted comes back.

use anyhow::Result;
use axum::{
    Router,
    body::{Body, Bytes},
    extract::Query,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use std::{collections::HashMap, future::pending};
use tokio::{net::TcpListener, task::JoinSet};

/// A running stub; ends when dropped.
#[derive(Debug)]
pub(crate) struct ApiStub {
    /// Its loopback port, plain HTTP.
    pub(crate) port: u16,
    _task: JoinSet<std::io::Result<()>>,
}

impl ApiStub {
    /// Starts one on a free port.
    pub(crate) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let mut task = JoinSet::new();
        task.spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        Ok(Self { port, _task: task })
    }

    /// A kubeconfig that names it, without credentials.
    pub(crate) fn kubeconfig(&self) -> String {
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "stub",
            "clusters": [{"name": "stub", "cluster": {"server": format!("http://127.0.0.1:{}", self.port)}}],
            "users": [{"name": "stub", "user": {}}],
            "contexts": [{"name": "stub", "context": {"cluster": "stub", "user": "stub"}}],
        })
        .to_string()
    }
}

async fn answer(
    method: Method,
    uri: Uri,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let is = |name: &str| query.get(name).is_some_and(|value| value == "true" || value == "1");
    if method != Method::GET {
        return json_answer(StatusCode::CREATED, body);
    }
    if uri.path() == "/version" {
        let version = json!({"major": "1", "minor": "36", "gitVersion": "v1.36.0"});
        return json_answer(StatusCode::OK, version.to_string());
    }
    if is("sendInitialEvents") {
        return status(StatusCode::UNPROCESSABLE_ENTITY, "Invalid");
    }
    if is("watch") {
        return ([(header::CONTENT_TYPE, "application/json")], silence()).into_response();
    }
    if names_an_object(uri.path()) {
        return status(StatusCode::NOT_FOUND, "NotFound");
    }
    let mut list = json!({"metadata": {"resourceVersion": "1"}, "items": []});
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if accept.contains("PartialObjectMetadataList") {
        list["kind"] = "PartialObjectMetadataList".into();
        list["apiVersion"] = "meta.k8s.io/v1".into();
    }
    json_answer(StatusCode::OK, list.to_string())
}

/// `/api/v1/namespaces/NS/RESOURCE/NAME` and its like, as against lists.
fn names_an_object(path: &str) -> bool {
    let parts: Vec<_> = path.trim_matches('/').split('/').collect();
    let below_version = match parts.first() {
        Some(&"api") => &parts[2.min(parts.len())..],
        Some(&"apis") => &parts[3.min(parts.len())..],
        _ => return false,
    };
    match below_version {
        ["namespaces", _, rest @ ..] => rest.len() != 1,
        rest => rest.len() > 1,
    }
}

fn silence() -> Body {
    Body::new(http_body_util::StreamBody::new(Silence))
}

/// A body that neither says anything nor ends.
struct Silence;

impl tokio_stream::Stream for Silence {
    type Item = Result<hyper::body::Frame<Bytes>, std::convert::Infallible>;

    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::pin::pin!(pending()).poll(context)
    }
}

fn json_answer(code: StatusCode, body: impl Into<Body>) -> Response {
    (code, [(header::CONTENT_TYPE, "application/json")], body.into()).into_response()
}

fn status(code: StatusCode, reason: &str) -> Response {
    let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code.as_u16()});
    json_answer(code, body.to_string())
}
