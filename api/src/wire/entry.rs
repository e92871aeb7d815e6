//! One resource as bytes: made when it is committed, shared ever after.

use std::{sync::Arc, time::Duration};

use bytes::{BufMut, Bytes, BytesMut};
use prost::{
    Message,
    encoding::{WireType, encode_key, encode_varint, encoded_len_varint},
};

use crate::{
    generated::{
        google::protobuf::{Duration as ProtoDuration, Timestamp as ProtoTimestamp},
        istio::mcp::v1alpha1 as mcp,
    },
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
const RESOURCE_TTL: u32 = 6;
const ANY_TYPE_URL: u32 = 1;
const ANY_VALUE: u32 = 2;

/// The message of what stands around a resource that carries a time to live in SotW.
pub(crate) const WRAPPER: &str = "envoy.service.discovery.v3.Resource";

/// Appends an entry as one `resources` field of a SotW response.
pub fn put_sotw_resource(buffer: &mut BytesMut, any: &[u8]) {
    put_prefix(RESOURCES, any.len(), buffer);
    buffer.put_slice(any);
}

/// Appends what goes before an entry's Any in a `resources` field of a SotW response. The entry's bytes must follow.
pub fn put_sotw_head(buffer: &mut BytesMut, any: &[u8]) {
    put_prefix(RESOURCES, any.len(), buffer);
}

/// Appends what goes before [`Entry::any`] in a `resources` field of a delta response: name, version, a time to live for
/// whoever understands one, and the tags and lengths around. The entry's bytes must follow.
pub fn put_delta_resource(buffer: &mut BytesMut, entry: &Entry, ttl: Option<Duration>) {
    let fields = resource_fields(&entry.name, &entry.version, ttl);
    put_prefix(RESOURCES, fields.len() + field_len(entry.any.len()), buffer);
    buffer.put_slice(&fields);
    put_prefix(RESOURCE_BODY, entry.any.len(), buffer);
}

/// Appends what goes before [`Entry::any`] in a `resources` field of a SotW response that carries a time to live: in an Any
/// of its own (rule 74). The entry's bytes must follow.
pub fn put_sotw_wrapper(buffer: &mut BytesMut, entry: &Entry, ttl: Duration) {
    let type_url = format!("{TYPE_URL_PREFIX}{WRAPPER}");
    let fields = resource_fields(&entry.name, &entry.version, Some(ttl));
    let value = fields.len() + field_len(entry.any.len());
    put_prefix(RESOURCES, field_len(type_url.len()) + field_len(value), buffer);
    put_prefix(ANY_TYPE_URL, type_url.len(), buffer);
    buffer.put_slice(type_url.as_bytes());
    put_prefix(ANY_VALUE, value, buffer);
    buffer.put_slice(&fields);
    put_prefix(RESOURCE_BODY, entry.any.len(), buffer);
}

/// Appends a `resources` field of a delta response without a body: go on using this version of it (rule 73).
pub fn put_heartbeat(buffer: &mut BytesMut, (name, version): (&str, &ResourceVersion), ttl: Duration) {
    let fields = resource_fields(name, version, Some(ttl));
    put_prefix(RESOURCES, fields.len(), buffer);
    buffer.put_slice(&fields);
}

/// What a `Resource` has beside its body.
fn resource_fields(name: &str, version: &ResourceVersion, ttl: Option<Duration>) -> BytesMut {
    let mut fields = BytesMut::new();
    for (field, text) in [(RESOURCE_VERSION, version.as_str()), (RESOURCE_NAME, name)] {
        put_prefix(field, text.len(), &mut fields);
        fields.put_slice(text.as_bytes());
    }
    if let Some(ttl) = ttl {
        let seconds = i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX);
        let nanos = i32::try_from(ttl.subsec_nanos()).unwrap_or_default();
        let ttl = ProtoDuration { seconds, nanos }.encode_to_vec();
        put_prefix(RESOURCE_TTL, ttl.len(), &mut fields);
        fields.put_slice(&ttl);
    }
    fields
}

/// Bytes of a length-delimited field whose number is below 16.
fn field_len(len: usize) -> usize {
    1 + encoded_len_varint(len as u64) + len
}

/// Tag and length of a length-delimited field.
pub(super) fn put_prefix(field: u32, len: usize, buffer: &mut impl BufMut) {
    encode_key(field, WireType::LengthDelimited, buffer);
    encode_varint(len as u64, buffer);
}
