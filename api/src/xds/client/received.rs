//! Responses, read: the name and version of each resource, whatever form it has.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use prost::Message;

use super::{Malformed, Received};
use crate::{
    generated::istio::mcp::v1alpha1 as mcp,
    kind::{Family, Kind, TYPE_URL_PREFIX},
    version::{Digest, ResourceVersion},
    wire::{Any, Resource, google::protobuf::Duration as ProtoDuration},
};

/// What every type of Envoy's begins with: its name.
#[derive(Clone, PartialEq, Message)]
struct Named {
    #[prost(string, tag = "1")]
    name: String,
}

/// What a response says.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) resources: Vec<Received>,
    /// Of those that have one.
    pub(super) ttls: BTreeMap<Arc<str>, Duration>,
    /// What the client is to go on using (rule 73): a name and a time to live, without a body.
    pub(super) heartbeats: BTreeSet<Arc<str>>,
}

impl Said {
    /// Whether it says nothing new.
    pub(super) fn is_heartbeat(&self) -> bool {
        self.resources.is_empty() && !self.heartbeats.is_empty()
    }

    fn put(&mut self, received: Received, ttl: Option<Duration>) {
        self.ttls.extend(ttl.map(|ttl| (received.name.clone(), ttl)));
        self.resources.push(received);
    }

    fn put_heartbeat(&mut self, name: String, ttl: Duration) -> Result<(), Malformed> {
        let name: Arc<str> = name.into();
        self.ttls.insert(name.clone(), ttl);
        let is_new = self.heartbeats.insert(name.clone());
        if is_new { Ok(()) } else { Err(Malformed::Duplicate(name.to_string())) }
    }
}

/// Reads the resources of a SotW response. Those with a time to live are wrapped (rule 74).
pub(super) fn sotw(type_url: &str, resources: Vec<Any>) -> Result<Said, Malformed> {
    let mut said = Said::default();
    for any in resources {
        let Resource { name, version, resource, ttl, .. } = match unwrapped(&any) {
            Some(wrapped) => wrapped.map_err(|reason| malformed("", reason))?,
            None => Resource { resource: Some(any), ..Resource::default() },
        };
        let ttl = time_to_live(ttl.as_ref()).map_err(|reason| malformed(&name, reason))?;
        match (resource, ttl) {
            (Some(any), _) => {
                let (inner, inner_version) =
                    read(type_url, &any).map_err(|reason| malformed(&name, reason))?;
                let version = if version.is_empty() { inner_version } else { version };
                let name = if name.is_empty() { inner } else { name };
                said.put(Received { version: or_digest(version, &any), name: name.into(), any }, ttl);
            }
            (None, Some(ttl)) => said.put_heartbeat(name, ttl)?,
            (None, None) => return Err(malformed(&name, "has no body".into())),
        }
    }
    unique(said)
}

/// Reads the resources of a delta response, which says their names and versions itself.
pub(super) fn delta(type_url: &str, resources: Vec<Resource>) -> Result<Said, Malformed> {
    let mut said = Said::default();
    for resource in resources {
        let Resource { name, version, resource: any, ttl, .. } = resource;
        if name.is_empty() {
            return Err(malformed("", "has no name".into()));
        }
        let ttl = time_to_live(ttl.as_ref()).map_err(|reason| malformed(&name, reason))?;
        let any = match (any, ttl) {
            (Some(any), _) => any,
            (None, Some(ttl)) => {
                said.put_heartbeat(name, ttl)?;
                continue;
            }
            (None, None) => return Err(malformed(&name, "has no body".into())),
        };
        let inner_version = match family(type_url) {
            // Whatever is in it, the response names it.
            Family::Opaque => String::new(),
            _ => read(type_url, &any).map_err(|reason| malformed(&name, reason))?.1,
        };
        let version = if version.is_empty() { inner_version } else { version };
        said.put(Received { version: or_digest(version, &any), name: name.into(), any }, ttl);
    }
    unique(said)
}

/// What is inside a wrapper of SotW responses; `None` for what is none.
fn unwrapped(any: &Any) -> Option<Result<Resource, String>> {
    let is_wrapper =
        any.type_url.strip_prefix(TYPE_URL_PREFIX) == Some("envoy.service.discovery.v3.Resource");
    is_wrapper.then(|| Resource::decode(&any.value[..]).map_err(|error| format!("does not decode: {error}")))
}

fn time_to_live(ttl: Option<&ProtoDuration>) -> Result<Option<Duration>, String> {
    let Some(ProtoDuration { seconds, nanos }) = ttl else { return Ok(None) };
    match (u64::try_from(*seconds), u32::try_from(*nanos)) {
        (Ok(seconds), Ok(nanos)) => {
            Ok(Some(Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanos.into()))))
        }
        _ => Err(format!("has a time to live of {seconds} s and {nanos} ns, which is negative")),
    }
}

fn malformed(name: &str, reason: String) -> Malformed {
    Malformed::Resource { name: name.into(), reason }
}

fn or_digest(version: String, any: &Any) -> ResourceVersion {
    if version.is_empty() { Digest::of([&any.value[..]]).into() } else { ResourceVersion::new(version) }
}

/// rule 45
fn unique(said: Said) -> Result<Said, Malformed> {
    let mut names: BTreeSet<&Arc<str>> = said.heartbeats.iter().collect();
    let twice = said.resources.iter().find(|resource| !names.insert(&resource.name));
    match twice {
        Some(resource) => Err(Malformed::Duplicate(resource.name.to_string())),
        None => Ok(said),
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
