//! Resources that tests serve.

use mainsheet_api::{
    codec::{self, Content, Defaults, UnknownFields},
    time::Timestamp,
    wire::{Any, DeltaDiscoveryResponse, Entry, Resource},
    xds::client::Response,
};
use prost::Message;

pub(crate) const ROUTES: &str = "networking.istio.io/v1/VirtualService";

/// A VirtualService as mainsheet writes it.
pub(crate) fn route(name: &str, host: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: {name}\n  namespace: shop\nspec:\n  \
         hosts:\n  - r.example\n  http:\n  - route:\n    - destination:\n        host: {host}\n"
    )
}

fn entry(text: &str) -> Entry {
    let defaults = Defaults { namespace: "shop", scope: "", unknown_fields: UnknownFields::Strict };
    match codec::read(text, defaults).remove(0).content {
        Content::Resource { resource, .. } => Entry::encode(&resource, Timestamp::default()),
        other => panic!("{other:?}"),
    }
}

/// As a response carries it.
pub(crate) fn any(text: &str) -> Any {
    Any::decode(entry(text).any).unwrap()
}

/// A delta response of these documents.
pub(crate) fn delta(nonce: &str, documents: &[String], removed: &[&str]) -> Response {
    let resource = |text: &String| {
        let Entry { name, version, any, .. } = entry(text);
        Resource {
            name: name.to_string(),
            version: version.to_string(),
            resource: Some(Any::decode(any).unwrap()),
            ..Resource::default()
        }
    };
    Response::Delta(DeltaDiscoveryResponse {
        type_url: ROUTES.into(),
        nonce: nonce.into(),
        resources: documents.iter().map(resource).collect(),
        removed_resources: removed.iter().map(ToString::to_string).collect(),
        ..DeltaDiscoveryResponse::default()
    })
}
