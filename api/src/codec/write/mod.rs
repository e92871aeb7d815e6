//! The way back: what a client receives, as the documents from which it could have come.

mod error;
mod message;
mod tree;
mod yaml;

use prost::Message;
use prost_reflect::DynamicMessage;

use super::{
    TYPE_URL_PREFIX, base64,
    decoder::Form,
    descriptors,
    envoy::{NAMESPACE, name_fields},
    moment,
};
use crate::{
    generated::istio::mcp::v1alpha1 as mcp,
    key::Key,
    kind::{BodyPlace, Family, Kind},
    resource::Resource,
    time::Timestamp,
    version::ResourceVersion,
    wire::Any,
};

pub use error::DecodeError;
use tree::Tree;

/// A resource as a client holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    /// Its key (in the empty scope), labels, annotations and body; `upstream_version` is the version that came with
    /// it. The namespace of Envoy's resources is empty: it is not sent; and so is the name of opaque ones.
    pub resource: Resource,
    /// When the server first had it, if it says so.
    pub created: Option<Timestamp>,
}

/// Unwraps what a response carries: [`crate::wire::Entry::any`], decoded.
///
/// # Errors
/// When it is not a resource of this kind; the body itself is not looked into, but for the name of Envoy's.
pub fn decode_entry(kind: Kind, any: &Any) -> Result<Received, DecodeError> {
    match kind.info().family {
        Family::Istio => decode_mcp(kind, any),
        Family::Envoy => decode_envoy(kind, any),
        Family::Opaque => Ok(decode_opaque(kind, any)),
    }
}

/// What it is called is not in it.
fn decode_opaque(kind: Kind, any: &Any) -> Received {
    let resource = Resource {
        key: Key::new(kind, "", ""),
        labels: std::collections::BTreeMap::new(),
        annotations: std::collections::BTreeMap::new(),
        body: any.clone(),
        upstream_version: None,
    };
    Received { resource, created: None }
}

fn decode_mcp(kind: Kind, any: &Any) -> Result<Received, DecodeError> {
    check_type("istio.mcp.v1alpha1.Resource", &any.type_url)?;
    let mcp::Resource { metadata, body } = mcp::Resource::decode(any.value.clone())
        .map_err(|source| DecodeError::bytes(&any.type_url, source))?;
    let (metadata, body) = metadata.zip(body).ok_or(DecodeError::Incomplete)?;
    check_type(kind.info().message, &body.type_url)?;
    let (namespace, name) = metadata
        .name
        .split_once('/')
        .filter(|(_, name)| !name.is_empty() && !name.contains('/'))
        .ok_or_else(|| DecodeError::Name { name: metadata.name.clone() })?;
    // istiod takes `/name` for a resource of the namespace `default`.
    let namespace = if namespace.is_empty() { "default" } else { namespace };
    let created = metadata.create_time.map(|time| {
        let seconds = u64::try_from(time.seconds).unwrap_or(0);
        let millis = u64::try_from(time.nanos).unwrap_or(0) / 1_000_000;
        Timestamp(seconds.saturating_mul(1000).saturating_add(millis))
    });
    let version = Some(metadata.version).filter(|version| !version.is_empty());
    let resource = Resource {
        key: Key::new(kind, namespace, name),
        labels: metadata.labels,
        annotations: metadata.annotations,
        body,
        upstream_version: version.map(ResourceVersion::new),
    };
    Ok(Received { resource, created })
}

/// The name of every Envoy kind is its first field.
#[derive(Clone, PartialEq, Message)]
struct Named {
    #[prost(string, tag = "1")]
    name: String,
}

fn decode_envoy(kind: Kind, any: &Any) -> Result<Received, DecodeError> {
    check_type(kind.info().message, &any.type_url)?;
    let Named { name } =
        Named::decode(any.value.clone()).map_err(|source| DecodeError::bytes(&any.type_url, source))?;
    if name.is_empty() {
        return Err(DecodeError::Name { name });
    }
    let resource = Resource {
        key: Key::new(kind, "", name),
        labels: std::collections::BTreeMap::new(),
        annotations: std::collections::BTreeMap::new(),
        body: any.clone(),
        upstream_version: None,
    };
    Ok(Received { resource, created: None })
}

fn check_type(wanted: &str, url: &str) -> Result<(), DecodeError> {
    if url.rsplit('/').next() == Some(wanted) {
        return Ok(());
    }
    Err(DecodeError::Type { wanted: wanted.to_owned(), found: url.to_owned() })
}

/// A YAML document that [`super::read`] reads as this resource. Fields that are not set are left out.
///
/// # Errors
/// When the body is not what its kind says.
pub fn write_yaml(received: &Received) -> Result<String, DecodeError> {
    Ok(yaml::text(&document(received)?))
}

/// The same as JSON, in the same order, over several lines.
///
/// # Errors
/// When the body is not what its kind says.
pub fn write_json(received: &Received) -> Result<String, DecodeError> {
    Ok(document(received)?.json())
}

/// Several resources as one JSON document, a `v1/List`, as `kubectl get -o json` prints them.
///
/// # Errors
/// When a body is not what its kind says.
pub fn write_json_list<'r>(received: impl IntoIterator<Item = &'r Received>) -> Result<String, DecodeError> {
    let items = received.into_iter().map(document).collect::<Result<_, _>>()?;
    let list = [("apiVersion", Tree::from("v1")), ("kind", Tree::from("List")), ("items", Tree::List(items))];
    Ok(Tree::map(list).json())
}

/// A body alone, as `spec` has it; fields in the order of their names.
///
/// # Errors
/// When it is not what its kind says.
pub fn spec_json(kind: Kind, body: &Any) -> Result<serde_json::Value, DecodeError> {
    Ok(Tree::Map(fields(kind, body)?).into_value())
}

/// A resource as the document from which it was read, or could have been.
///
/// # Errors
/// When the body is not what its kind says.
#[cfg(feature = "validate")]
pub(crate) fn object(resource: &Resource) -> Result<serde_json::Value, DecodeError> {
    Ok(tree(resource, None)?.into_value())
}

/// A resource as one JSON document.
pub(super) fn document_json(resource: &Resource) -> Result<String, DecodeError> {
    Ok(tree(resource, None)?.json())
}

fn document(received: &Received) -> Result<Tree, DecodeError> {
    tree(&received.resource, received.created)
}

fn tree(resource: &Resource, created: Option<Timestamp>) -> Result<Tree, DecodeError> {
    let fields = fields(resource.key.kind, &resource.body)?;
    Ok(match resource.key.kind.info().family {
        Family::Istio => kubernetes(resource, created, fields),
        Family::Envoy => envoy(resource, fields),
        Family::Opaque => opaque(resource, fields),
    })
}

fn fields(kind: Kind, body: &Any) -> Result<Vec<(String, Tree)>, DecodeError> {
    if kind.is_opaque() {
        return Ok(bytes(body));
    }
    check_type(kind.info().message, &body.type_url)?;
    let message = DynamicMessage::decode(descriptors::body(kind).clone(), body.value.clone())
        .map_err(|source| DecodeError::bytes(&body.type_url, source))?;
    let is_istio = kind.info().family == Family::Istio;
    let form = if is_istio { Form::Kubernetes } else { Form::Envoy };
    Ok(message::fields(form, &message, 0))
}

/// A body of which nothing is known but its bytes.
fn bytes(body: &Any) -> Vec<(String, Tree)> {
    let value = base64::encode(&body.value);
    vec![("@type".to_owned(), body.type_url.as_str().into()), ("value".to_owned(), value.into())]
}

/// As `mainsheet.v1.OpaqueResource` is written in JSON. No file is read so.
fn opaque(resource: &Resource, body: Vec<(String, Tree)>) -> Tree {
    let key = &resource.key;
    let mut fields = vec![("typeUrl", Tree::from(key.kind.info().name))];
    let names = [("namespace", &key.namespace), ("name", &key.name)];
    fields.extend(
        names.into_iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name, (&**text).into())),
    );
    fields.push(("body", Tree::Map(body)));
    Tree::map(fields)
}

fn kubernetes(resource: &Resource, created: Option<Timestamp>, body: Vec<(String, Tree)>) -> Tree {
    let texts = |map: &std::collections::BTreeMap<String, String>| {
        Tree::Map(map.iter().map(|(key, value)| (key.clone(), Tree::from(value.as_str()))).collect())
    };
    let mut metadata = vec![("name", Tree::from(&*resource.key.name))];
    if !resource.key.namespace.is_empty() {
        metadata.push(("namespace", Tree::from(&*resource.key.namespace)));
    }
    for (name, map) in [("labels", &resource.labels), ("annotations", &resource.annotations)] {
        if !map.is_empty() {
            metadata.push((name, texts(map)));
        }
    }
    if let Some(created) = created {
        let (seconds, nanos) = created.seconds_and_nanos();
        metadata.push(("creationTimestamp", moment::timestamp_text(seconds, nanos).into()));
    }
    if let Some(version) = &resource.upstream_version {
        metadata.push(("resourceVersion", version.as_str().into()));
    }
    let row = resource.key.kind.info();
    let mut document = vec![
        ("apiVersion".to_owned(), resource.key.kind.api_version().into()),
        ("kind".to_owned(), row.name.into()),
        ("metadata".to_owned(), Tree::map(metadata)),
    ];
    match row.place {
        BodyPlace::Spec => document.push(("spec".to_owned(), Tree::Map(body))),
        BodyPlace::BesideMetadata => document.extend(body),
    }
    Tree::Map(document)
}

fn envoy(resource: &Resource, body: Vec<(String, Tree)>) -> Tree {
    let kind = resource.key.kind;
    let mut fields = vec![("@type".to_owned(), format!("{TYPE_URL_PREFIX}{}", kind.info().message).into())];
    if !resource.key.namespace.is_empty() {
        fields.push((NAMESPACE.to_owned(), Tree::from(&*resource.key.namespace)));
    }
    fields.extend(resource.annotations.iter().map(|(key, value)| (key.clone(), value.as_str().into())));
    // The name first, whatever its number: it is what people look for.
    let (name, rest): (Vec<_>, Vec<_>) =
        body.into_iter().partition(|(field, _)| *field == name_fields(kind)[0]);
    fields.extend(name.into_iter().chain(rest));
    Tree::Map(fields)
}
