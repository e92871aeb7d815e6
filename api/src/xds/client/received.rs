//! Responses, read: the name and version of each resource, whatever form it has.

use std::{collections::BTreeSet, sync::Arc};

use prost::Message;

use super::{Malformed, Received};
use crate::{
    generated::istio::mcp::v1alpha1 as mcp,
    kind::{Family, Kind, TYPE_URL_PREFIX},
    version::{Digest, ResourceVersion},
    wire::{Any, Resource},
};

/// What every type of Envoy's begins with: its name.
#[derive(Clone, PartialEq, Message)]
struct Named {
    #[prost(string, tag = "1")]
    name: String,
}

/// Reads the resources of a SotW response.
pub(super) fn sotw(type_url: &str, resources: Vec<Any>) -> Result<Vec<Received>, Malformed> {
    let read = resources.into_iter().map(|any| {
        let (name, version) = read(type_url, &any).map_err(|reason| malformed("", reason))?;
        Ok(Received { version: or_digest(version, &any), name: name.into(), any })
    });
    unique(read.collect::<Result<_, _>>()?)
}

/// Reads the resources of a delta response, which says their names and versions itself.
pub(super) fn delta(type_url: &str, resources: Vec<Resource>) -> Result<Vec<Received>, Malformed> {
    let read = resources.into_iter().map(|resource| {
        let Resource { name, version, resource: any, .. } = resource;
        if name.is_empty() {
            return Err(malformed("", "has no name".into()));
        }
        let Some(any) = any else { return Err(malformed(&name, "has no body".into())) };
        let inner_version = match family(type_url) {
            // Whatever is in it, the response names it.
            Family::Opaque => String::new(),
            _ => read(type_url, &any).map_err(|reason| malformed(&name, reason))?.1,
        };
        let version = if version.is_empty() { inner_version } else { version };
        Ok(Received { version: or_digest(version, &any), name: name.into(), any })
    });
    unique(read.collect::<Result<_, _>>()?)
}

fn malformed(name: &str, reason: String) -> Malformed {
    Malformed::Resource { name: name.into(), reason }
}

fn or_digest(version: String, any: &Any) -> ResourceVersion {
    if version.is_empty() { Digest::of([&any.value[..]]).into() } else { ResourceVersion::new(version) }
}

/// rule 45
fn unique(received: Vec<Received>) -> Result<Vec<Received>, Malformed> {
    let mut names: BTreeSet<&Arc<str>> = BTreeSet::new();
    let twice = received.iter().find(|resource| !names.insert(&resource.name));
    match twice {
        Some(resource) => Err(Malformed::Duplicate(resource.name.to_string())),
        None => Ok(received),
    }
}

/// In which form resources of a type come.
fn family(type_url: &str) -> Family {
    Kind::of_type_url(type_url).map_or(Family::Opaque, |kind| kind.info().family)
}

/// The name and version inside an Any; the version is empty where the type has none.
fn read(type_url: &str, any: &Any) -> Result<(String, String), String> {
    match family(type_url) {
        Family::Istio => read_istio(type_url, any),
        Family::Envoy => read_envoy(type_url, any),
        Family::Opaque if is_wrapped(any) => read_istio(type_url, any),
        Family::Opaque => read_named(any),
    }
}

fn is_wrapped(any: &Any) -> bool {
    any.type_url.strip_prefix(TYPE_URL_PREFIX) == Some("istio.mcp.v1alpha1.Resource")
}

fn read_envoy(type_url: &str, any: &Any) -> Result<(String, String), String> {
    if any.type_url != type_url {
        return Err(format!("is of type `{}`, not `{type_url}`", any.type_url));
    }
    read_named(any)
}

fn read_named(any: &Any) -> Result<(String, String), String> {
    let named = Named::decode(&any.value[..]).map_err(|error| format!("does not decode: {error}"))?;
    Ok((named.name, String::new()))
}

fn read_istio(type_url: &str, any: &Any) -> Result<(String, String), String> {
    if !is_wrapped(any) {
        return Err(format!("is of type `{}`, not an istio.mcp.v1alpha1.Resource", any.type_url));
    }
    let resource =
        mcp::Resource::decode(&any.value[..]).map_err(|error| format!("does not decode: {error}"))?;
    let metadata = resource.metadata.filter(|metadata| !metadata.name.is_empty()).ok_or("has no name")?;
    let body = resource.body.ok_or_else(|| format!("`{}` has no body", metadata.name))?;
    let message =
        Kind::of_type_url(type_url).filter(|kind| !kind.is_opaque()).map(|kind| kind.info().message);
    if message.is_some_and(|message| body.type_url.rsplit('/').next() != Some(message)) {
        return Err(format!("`{}` has a body of type `{}`", metadata.name, body.type_url));
    }
    Ok((metadata.name, metadata.version))
}
