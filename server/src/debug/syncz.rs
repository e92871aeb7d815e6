//! /debug/syncz: every sink, and how it stands with each type, as an array of `envoy.service.status.v3.ClientConfig` in
//! protobuf's JSON form: what `istioctl proxy-status` shows.

use std::{collections::BTreeMap, time::SystemTime};

use axum::{Json, extract::State, response::IntoResponse};
use mainsheet_api::{node, time::Timestamp};
use serde::Serialize;

use super::Links;
use crate::sinks::{Sink, SyncState, TypeState};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ClientConfig {
    node: Node,
    generic_xds_configs: Vec<GenericXdsConfig>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    cluster: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    user_agent_name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GenericXdsConfig {
    type_url: String,
    /// Of what the client holds: the last response that it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    version_info: Option<String>,
    /// When it took it.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_updated: Option<String>,
    config_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_state: Option<ErrorState>,
}

/// `envoy.admin.v3.UpdateFailureState`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorState {
    last_update_attempt: String,
    details: String,
    version_info: String,
}

/// Streams whose client has not said yet who it is are left out: it has asked for nothing.
pub(super) async fn syncz(State(links): State<Links>) -> impl IntoResponse {
    let sinks = links.sinks.all();
    Json(sinks.iter().filter_map(|sink| Some(client_config(sink, sink.node()?))).collect::<Vec<_>>())
}

fn client_config(sink: &Sink, node: &node::Node) -> ClientConfig {
    ClientConfig {
        node: Node {
            id: node.id.clone(),
            cluster: node.cluster.clone(),
            metadata: node.metadata.clone(),
            user_agent_name: node.user_agent.clone(),
        },
        generic_xds_configs: sink
            .types()
            .iter()
            .map(|(type_url, state)| xds_config(type_url, state))
            .collect(),
    }
}

fn xds_config(type_url: &str, state: &TypeState) -> GenericXdsConfig {
    let status = state.sync_state();
    let error = state.nacked.as_ref().filter(|_| status == SyncState::Error);
    GenericXdsConfig {
        type_url: type_url.to_owned(),
        version_info: state.acked.as_ref().map(|acked| acked.version.clone()),
        last_updated: state.acked.as_ref().map(|acked| rfc3339(acked.at)),
        config_status: match status {
            SyncState::NotSent => "NOT_SENT",
            SyncState::Synced => "SYNCED",
            SyncState::Stale => "STALE",
            SyncState::Error => "ERROR",
        },
        error_state: error.map(|nacked| ErrorState {
            last_update_attempt: rfc3339(nacked.at),
            details: nacked.message.clone(),
            version_info: nacked.version.clone(),
        }),
    }
}

fn rfc3339(at: Timestamp) -> String {
    let at: SystemTime = at.to_system_time();
    humantime::format_rfc3339_millis(at).to_string()
}
