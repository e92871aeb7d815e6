//! The debug endpoints as istioctl asks for them, on a discovery stream:
//!
//! | type | names | answer |
//! |---|---|---|
//! | `istio.io/debug/syncz` | | an `envoy.service.status.v3.ClientConfig` a sink, for `proxy-status` and `x version` |
//! | `istio.io/debug` | an endpoint's name, with its query; or `list` | what the endpoint shows, for `x internal-debug` |

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Limited};
use mainsheet_api::{limits::INSPECTION_BYTES_MAX, wire::Any};
use prost::Message;
use serde_json::json;
use tonic::Status;
use tower::Service as _;

use super::{Links, router, syncz};
use crate::{
    auth::{Caller, Sight},
    inspection::{Answer, Inspector, Question},
};

const SYNCZ: &str = "istio.io/debug/syncz";
const CONFIG_DUMP: &str = "istio.io/debug/config_dump";
const PAGES: &str = "istio.io/debug";
const CLIENT_CONFIG: &str = "type.googleapis.com/envoy.service.status.v3.ClientConfig";

/// What istioctl looks for in an answer before it asks what there is instead.
const NO_SUCH_PAGE: &[u8] = b"404 page not found";

/// Answers with what the debug endpoints show.
pub struct DebugInspector {
    links: Links,
    pages: Router,
    identity: String,
}

impl DebugInspector {
    /// `instance` is how this server is called among its replicas.
    #[must_use]
    pub fn new(links: Links, instance: &str) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        let identity = json!({"Component": "mainsheet", "ID": instance, "Info": {"version": version}});
        let pages = router(links.grants.clone()).with_state(links.clone());
        Self { pages, links, identity: identity.to_string() }
    }

    fn syncz(&self, caller: &Caller) -> Result<Vec<Any>, Status> {
        let sight = Sight::of(&self.links.grants, Some(caller));
        sight.open("/debug/syncz").map_err(Status::permission_denied)?;
        let configs = syncz::of_all(&self.links.sinks, &sight.listed());
        let resources: Vec<_> = configs
            .iter()
            .map(|config| any(CLIENT_CONFIG, config.message().encode_to_vec().into()))
            .collect();
        let bytes: usize = resources.iter().map(|any| any.value.len()).sum();
        if bytes > INSPECTION_BYTES_MAX { Err(too_large()) } else { Ok(resources) }
    }
}

impl Inspector for DebugInspector {
    fn answer(&self, question: Question) -> BoxFuture<'static, Result<Answer, Status>> {
        let identity = self.identity.clone();
        match question.type_url.as_str() {
            SYNCZ => {
                let resources = self.syncz(&question.caller);
                Box::pin(async { Ok(Answer { identity, resources: resources? }) })
            }
            PAGES => {
                let pages = self.pages.clone();
                Box::pin(async move {
                    let page = page(pages, question).await?;
                    Ok(Answer { identity, resources: vec![any(PAGES, page)] })
                })
            }
            other => {
                let refused = refused(other);
                Box::pin(async { Err(refused) })
            }
        }
    }
}

fn refused(type_url: &str) -> Status {
    let reason = match type_url {
        CONFIG_DUMP => "no proxy's configuration is dumped here: ask istiod, or the proxy itself",
        _ => "no such question; there are `istio.io/debug/syncz` and `istio.io/debug`",
    };
    Status::unimplemented(format!("{type_url}: {reason}"))
}

/// What an endpoint shows.
async fn page(mut pages: Router, question: Question) -> Result<Bytes, Status> {
    let name = question.names.into_iter().next().unwrap_or_default();
    let path = match name.as_str() {
        "" | "list" => "/debug".to_owned(),
        name => format!("/debug/{name}"),
    };
    let Ok(request) = Request::get(&path).extension(question.caller).body(Body::empty()) else {
        return Err(Status::invalid_argument(format!("`{name}` is no endpoint's name")));
    };
    let Ok(response) = pages.call(request).await;
    if response.status() == StatusCode::NOT_FOUND {
        return Ok(Bytes::from_static(NO_SUCH_PAGE));
    }
    let is_refused = response.status() == StatusCode::FORBIDDEN;
    match Limited::new(response.into_body(), INSPECTION_BYTES_MAX).collect().await {
        Ok(whole) if is_refused => {
            Err(Status::permission_denied(String::from_utf8_lossy(&whole.to_bytes()).trim_end()))
        }
        Ok(whole) => Ok(whole.to_bytes()),
        Err(_) => Err(too_large()),
    }
}

fn too_large() -> Status {
    Status::resource_exhausted(format!(
        "the answer has more than {INSPECTION_BYTES_MAX} bytes: ask over HTTP, or narrow the question"
    ))
}

fn any(type_url: &str, value: Bytes) -> Any {
    Any { type_url: type_url.to_owned(), value }
}
