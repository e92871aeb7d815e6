//! /debug/configz: what is served, as istiod's endpoint of the same name writes it, so that the two can be compared:
//! an array of objects with kind, apiVersion, metadata and spec. Written entry by entry as the client reads, so that it
//! costs one entry's memory however much is served.

use std::{collections::BTreeMap, convert::Infallible, iter};

use axum::{
    Extension,
    body::Body,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use mainsheet_api::{
    codec::{Received, decode_entry, spec_json},
    kind::Kind,
    view::View,
    wire::{Any, Entry},
    xds::catalog::Catalog,
};
use prost::Message;
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::Links;
use crate::auth::Sight;

/// What narrows it.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Narrowed {
    kind: Option<String>,
    namespace: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Object<'a> {
    kind: &'static str,
    api_version: String,
    metadata: Metadata<'a>,
    spec: serde_json::Value,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    namespace: &'a str,
    resource_version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    creation_timestamp: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a BTreeMap<String, String>,
}

pub(super) async fn configz(
    State(links): State<Links>,
    Extension(sight): Extension<Sight>,
    Query(narrowed): Query<Narrowed>,
) -> Response {
    let kinds: Vec<Kind> = match narrowed.kind.as_deref().map(|text| Kind::of_argument(text).ok_or(text)) {
        None => links.newest.borrow().0.kinds().collect(),
        Some(Ok(kind)) => vec![kind],
        Some(Err(text)) => {
            return (StatusCode::BAD_REQUEST, format!("no kind is called `{text}`\n")).into_response();
        }
    };
    let asked =
        narrowed.namespace.map_or_else(View::everything, |namespace| View::of_namespaces([namespace]));
    let view = sight.listed().narrowed(&asked);
    let snapshot = links.newest.borrow().clone();
    let mut entries = Vec::new();
    for kind in kinds {
        snapshot.for_each(kind, &view, &mut |entry| entries.push((kind, entry)));
    }
    let body =
        Body::from_stream(stream::iter(array(entries).map(|piece| Ok::<_, Infallible>(Bytes::from(piece)))));
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// The pieces of a JSON array, an object each.
fn array(entries: Vec<(Kind, Entry)>) -> impl Iterator<Item = String> {
    let objects = entries.into_iter().filter_map(|(kind, entry)| match object(kind, &entry) {
        Ok(object) => Some(object),
        Err(error) => {
            // It was encoded by a newer version of this program, or by an upstream.
            warn!(%kind, name = %entry.name, %error, "left out of configz");
            None
        }
    });
    let separated =
        objects.enumerate().map(|(index, object)| if index == 0 { object } else { format!(",\n{object}") });
    iter::once("[\n".to_owned()).chain(separated).chain(iter::once("\n]\n".to_owned()))
}

fn object(kind: Kind, entry: &Entry) -> anyhow::Result<String> {
    let any = Any::decode(entry.any.clone())?;
    let Received { resource, created } = decode_entry(kind, &any)?;
    let object = Object {
        kind: kind.info().name,
        api_version: kind.api_version(),
        metadata: Metadata {
            name: if kind.is_opaque() { &entry.name } else { &resource.key.name },
            namespace: &resource.key.namespace,
            resource_version: entry.version.as_str(),
            creation_timestamp: created
                .map(|created| humantime::format_rfc3339_seconds(created.to_system_time()).to_string()),
            labels: &resource.labels,
            annotations: &resource.annotations,
        },
        spec: spec_json(kind, &resource.body)?,
    };
    Ok(serde_json::to_string_pretty(&object)?)
}
