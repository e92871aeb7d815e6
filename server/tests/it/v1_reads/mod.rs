//! The reading half of the service `mainsheet.v1`, on a real server.

mod diff;
mod get;
mod history;
mod list;
mod sinks;
mod watch;

use std::sync::Arc;

use mainsheet_api::{
    change::Change,
    generated::mainsheet::v1 as pb,
    key::Key,
    resource::{Record, Resource, SourceName},
    time::Timestamp,
    wire::{Any, Entry},
};
use mainsheet_server::generated::mainsheet_client::MainsheetClient;
use tonic::{
    Code, Status,
    transport::{Channel, Endpoint},
};
use tonic_types::StatusExt as _;

use crate::mesh::{self, Mesh};

impl Mesh {
    pub(crate) fn reader(&self) -> MainsheetClient<Channel> {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.grpc)).unwrap();
        MainsheetClient::new(endpoint.connect_lazy())
    }
}

/// What a source says of a key: a body of these bytes, and labels.
fn put(source: &str, key: Key, body: &str, labels: &[(&str, &str)]) -> Change {
    let type_url = format!("type.googleapis.com/{}", key.kind.info().message);
    let body = Any { type_url, value: body.to_owned().into() };
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let resource = Resource {
        key: key.clone(),
        labels: labels.iter().map(owned).collect(),
        annotations: [].into(),
        body: body.clone(),
        upstream_version: None,
    };
    let entry = Entry::encode(&resource, Timestamp(1_000));
    let record = Record::clone(&mesh::record_of(key, body));
    Change::Put(Arc::new(Record { source: SourceName(source.into()), entry, ..record }))
}

fn remove(source: &str, key: Key) -> Change {
    Change::Remove { source: SourceName(source.into()), key }
}

fn resource_key(kind: &str, namespace: &str, name: &str) -> Option<pb::ResourceKey> {
    let (kind, namespace, name) = (kind.to_owned(), namespace.to_owned(), name.to_owned());
    Some(pb::ResourceKey { kind, namespace, name, scope: String::new() })
}

/// `VirtualService shop/a`, as people write keys.
fn written(resource: &pb::Resource) -> String {
    let pb::ResourceKey { kind, namespace, name, .. } = resource.key.clone().unwrap();
    format!("{kind} {namespace}/{name}")
}

/// The reason that programs branch on.
fn reason(refused: &Status) -> (Code, String) {
    let reason = refused.get_error_details().error_info().map(|info| info.reason.clone());
    (refused.code(), reason.unwrap_or_default())
}
