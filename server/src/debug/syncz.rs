//! /debug/syncz: every sink, and how it stands with each type, as an array of `envoy.service.status.v3.ClientConfig` in
//! protobuf's JSON form, or as the messages themselves: what `istioctl proxy-status` shows.

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use axum::{Extension, Json, extract::State, response::IntoResponse};
use mainsheet_api::{
    generated::envoy::{
        admin::v3 as admin,
        service::status::v3::{self as status, client_config},
    },
    kind::Kind,
    node,
    time::Timestamp,
    view::View,
    wire::{
        self,
        google::protobuf::{self, value},
    },
};
use serde::{Serialize, Serializer};

use super::Links;
use crate::{
    auth::Sight,
    sinks::{
        Nacked, Sink, Sinks, SyncState, TypeState,
        pins::{Pinned, good_version},
    },
};

/// The metadata that istioctl shows. It wants every value to be of a form of its own, and fails as a whole at a sink of
/// which one value is not, so it is told no others.
const METADATA_SHOWN: [&str; 3] = ["CLUSTER_ID", "ISTIO_VERSION", "NAMESPACE"];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClientConfig {
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
    /// When it took it; while an answer is missing or was no, when what it has not taken was sent.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rfc3339")]
    last_updated: Option<Timestamp>,
    #[serde(serialize_with = "name")]
    config_status: status::ConfigStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_state: Option<ErrorState>,
}

/// `envoy.admin.v3.UpdateFailureState`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorState {
    #[serde(serialize_with = "rfc3339")]
    last_update_attempt: Option<Timestamp>,
    details: String,
    version_info: String,
}

pub(super) async fn syncz(
    State(links): State<Links>,
    Extension(sight): Extension<Sight>,
) -> impl IntoResponse {
    Json(of_all(&links.sinks, &sight.listed()))
}

/// How every sink stands. Streams whose client has not said yet who it is are left out: it has asked for nothing.
pub(super) fn of_all(sinks: &Sinks, view: &View) -> Vec<ClientConfig> {
    let configs = |sink: &Arc<Sink>| Some(client_config(sink, sink.node()?, (&sinks.pins_on(sink), view)));
    sinks.all().iter().filter_map(configs).collect()
}

fn client_config(sink: &Sink, node: &node::Node, (pins, view): (&[Pinned], &View)) -> ClientConfig {
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
            .map(|(type_url, state)| cut(xds_config(type_url, state, pins), view))
            .collect(),
    }
}

/// Without what would tell of resources that are not all shown to whoever asks: a version changes with any of them, and what
/// a client says names them.
fn cut(config: GenericXdsConfig, view: &View) -> GenericXdsConfig {
    match Kind::of_type_url(&config.type_url) {
        Some(kind) if !view.of_kind(kind).is_everything() => {
            GenericXdsConfig { version_info: None, error_state: None, ..config }
        }
        _ => config,
    }
}

fn xds_config(type_url: &str, state: &TypeState, pins: &[Pinned]) -> GenericXdsConfig {
    let sync_state = state.sync_state();
    let kind = Kind::of_type_url(type_url);
    let pins: Vec<&Pinned> = pins.iter().filter(|pinned| Some(pinned.pin.kind) == kind).collect();
    let error = state.nacked.as_ref().filter(|_| sync_state == SyncState::Error);
    let acked = state.acked.as_ref();
    GenericXdsConfig {
        type_url: type_url.to_owned(),
        version_info: acked.map(|acked| acked.version.clone()),
        last_updated: match sync_state {
            SyncState::Synced => acked.map(|acked| acked.at),
            _ => state.sent.as_ref().map(|sent| sent.at),
        },
        config_status: match sync_state {
            SyncState::NotSent => status::ConfigStatus::NotSent,
            SyncState::Synced | SyncState::Stale if !pins.is_empty() => status::ConfigStatus::Error,
            SyncState::Synced => status::ConfigStatus::Synced,
            SyncState::Stale => status::ConfigStatus::Stale,
            SyncState::Error => status::ConfigStatus::Error,
        },
        error_state: error
            .map(|nacked| ErrorState {
                last_update_attempt: Some(nacked.at),
                details: nacked.message.clone(),
                version_info: nacked.version.clone(),
            })
            .or_else(|| pinned(&pins, state.nacked.as_ref())),
    }
}

/// What it refused and is kept from since, although it took the last response.
fn pinned(pins: &[&Pinned], nacked: Option<&Nacked>) -> Option<ErrorState> {
    let newest = pins.iter().max_by_key(|pinned| pinned.at)?;
    let line = |pinned: &&Pinned| {
        let Pinned { pin, message, .. } = pinned;
        let (name, refused, good) = (&pin.name, &pin.refused, good_version(pin));
        format!(
            "{name} is pinned: version {refused} was refused, {good} is sent instead: {}",
            message.trim_end()
        )
    };
    Some(ErrorState {
        last_update_attempt: Some(newest.at),
        details: pins.iter().map(line).collect::<Vec<_>>().join("\n"),
        version_info: nacked.map_or_else(|| newest.pin.refused.to_string(), |nacked| nacked.version.clone()),
    })
}

impl ClientConfig {
    /// As it goes over the wire.
    pub(super) fn message(&self) -> status::ClientConfig {
        let configs = self.generic_xds_configs.iter().map(GenericXdsConfig::message);
        status::ClientConfig { node: Some(self.node.message()), generic_xds_configs: configs.collect() }
    }
}

impl Node {
    fn message(&self) -> wire::Node {
        let text = |text: &String| protobuf::Value { kind: Some(value::Kind::StringValue(text.clone())) };
        let shown = self.metadata.iter().filter(|(name, _)| METADATA_SHOWN.contains(&name.as_str()));
        let fields = shown.map(|(name, value)| (name.clone(), text(value)));
        wire::Node {
            id: self.id.clone(),
            cluster: self.cluster.clone(),
            metadata: Some(protobuf::Struct { fields: fields.collect() }),
            user_agent_name: self.user_agent_name.clone(),
            ..wire::Node::default()
        }
    }
}

impl GenericXdsConfig {
    fn message(&self) -> client_config::GenericXdsConfig {
        client_config::GenericXdsConfig {
            type_url: self.type_url.clone(),
            version_info: self.version_info.clone().unwrap_or_default(),
            last_updated: self.last_updated.map(timestamp),
            config_status: self.config_status.into(),
            error_state: self.error_state.as_ref().map(|error| admin::UpdateFailureState {
                last_update_attempt: error.last_update_attempt.map(timestamp),
                details: error.details.clone(),
                version_info: error.version_info.clone(),
            }),
        }
    }
}

fn timestamp(at: Timestamp) -> protobuf::Timestamp {
    let (seconds, nanos) = at.seconds_and_nanos();
    protobuf::Timestamp { seconds, nanos }
}

fn rfc3339<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    let text = at.map(|at| {
        let at: SystemTime = at.to_system_time();
        humantime::format_rfc3339_millis(at).to_string()
    });
    text.serialize(serializer)
}

fn name<S: Serializer>(status: &status::ConfigStatus, serializer: S) -> Result<S::Ok, S::Error> {
    status.as_str_name().serialize(serializer)
}
