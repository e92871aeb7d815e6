//! One resource as bytes: made when it is committed, shared ever after.

use std::{sync::Arc, time::Duration};

use bytes::{BufMut, Bytes, BytesMut};
use prost::{
    Message,
    encoding::{WireType, encode_key, encode_varint, encoded_len_varint},
};

use crate::{
    generated::{google::protobuf::Timestamp as ProtoTimestamp, istio::mcp::v1alpha1 as mcp},
    kind::{Family, TYPE_URL_PREFIX},
    lease,
    resource::Resource,
    time::Timestamp,
    version::{Digest, ResourceVersion},
    wire::Any,
};

/// A resource ready to send: its name, its version and an encoded `google.protobuf.Any`.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// As clients know it ([`crate::key::Key::wire_name`]).
    pub name: Arc<str>,
    /// Of its content.
    pub version: ResourceVersion,
    /// The encoded Any: `istio.mcp.v1alpha1.Resource` around an Istio body, or the message itself.
    pub any: Bytes,
    /// How long a client may use it after it heard of it; for ever where there is none.
    pub ttl: Option<Duration>,
}

impl Entry {
    /// Encodes a resource for good. `created` goes to the client and is no part of the version.
    #[must_use]
    pub fn encode(resource: &Resource, created: Timestamp) -> Self {
        let version = resource.upstream_version.clone().unwrap_or_else(|| version_of(resource));
        let name = resource.key.wire_name();
        let any = match resource.key.kind.info().family {
            Family::Envoy | Family::Opaque => resource.body.clone(),
            Family::Istio => mcp_resource(resource, &name, &version, created),
        };
        let ttl = lease::xds_ttl(&resource.annotations);
        Self { name: name.into(), version, any: any.encode_to_vec().into(), ttl }
    }

    /// Says that nothing is served under a name. Never sent: it hides what weaker layers say.
    #[must_use]
    pub fn absence(name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), version: ResourceVersion::new("absent"), any: Bytes::new(), ttl: None }
    }

    /// Whether it is an [absence](Self::absence). An encoded Any never is empty: it holds its type URL.
    #[must_use]
    pub fn is_absence(&self) -> bool {
        self.any.is_empty()
    }
}

/// The version that content alone gives: of key, labels, annotations and body, never of commit times.
fn version_of(resource: &Resource) -> ResourceVersion {
    let key = &resource.key;
    let mut pieces: Vec<&[u8]> = vec![
        key.kind.info().name.as_bytes(),
        key.scope.as_bytes(),
        key.namespace.as_bytes(),
        key.name.as_bytes(),
        resource.body.type_url.as_bytes(),
        &resource.body.value,
    ];
    for map in [&resource.labels, &resource.annotations] {
        pieces.push(b"map");
        pieces.extend(map.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]));
    }
    Digest::of(pieces).into()
}

fn mcp_resource(resource: &Resource, name: &str, version: &ResourceVersion, created: Timestamp) -> Any {
    let (seconds, nanos) = created.seconds_and_nanos();
    let wrapped = mcp::Resource {
        metadata: Some(mcp::Metadata {
            name: name.to_owned(),
            create_time: Some(ProtoTimestamp { seconds, nanos }),
            version: version.to_string(),
            labels: resource.labels.clone(),
            annotations: resource.annotations.clone(),
        }),
        body: Some(resource.body.clone()),
    };
    Any {
        type_url: format!("{TYPE_URL_PREFIX}istio.mcp.v1alpha1.Resource"),
        value: wrapped.encode_to_vec().into(),
    }
}

/// Field numbers of the responses; the same two messages nest.
const RESOURCES: u32 = 2;
const RESOURCE_VERSION: u32 = 1;
const RESOURCE_BODY: u32 = 2;
const RESOURCE_NAME: u32 = 3;

/// Appends an entry as one `resources` field of a SotW response.
pub fn put_sotw_resource(buffer: &mut BytesMut, any: &[u8]) {
    put_prefix(RESOURCES, any.len(), buffer);
    buffer.put_slice(any);
}

/// Appends what goes before an entry's Any in a `resources` field of a SotW response. The entry's bytes must follow.
pub fn put_sotw_head(buffer: &mut BytesMut, any: &[u8]) {
    put_prefix(RESOURCES, any.len(), buffer);
}

/// Appends what goes before [`Entry::any`] in a `resources` field of a delta response: name, version, and the tags and
/// lengths around. The entry's bytes must follow.
pub fn put_delta_resource(buffer: &mut BytesMut, entry: &Entry) {
    let version = entry.version.as_str();
    let inner = [version.len(), entry.name.len(), entry.any.len()]
        .iter()
        .map(|&len| 1 + encoded_len_varint(len as u64) + len)
        .sum();
    put_prefix(RESOURCES, inner, buffer);
    for (field, text) in [(RESOURCE_VERSION, version), (RESOURCE_NAME, &entry.name)] {
        put_prefix(field, text.len(), buffer);
        buffer.put_slice(text.as_bytes());
    }
    put_prefix(RESOURCE_BODY, entry.any.len(), buffer);
}

/// Tag and length of a length-delimited field.
pub(super) fn put_prefix(field: u32, len: usize, buffer: &mut impl BufMut) {
    encode_key(field, WireType::LengthDelimited, buffer);
    encode_varint(len as u64, buffer);
}
