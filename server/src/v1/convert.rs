//! From our things to the messages of the service.

use std::time::Duration;

use anyhow::Context as _;
use mainsheet_api::{
    change::Cause,
    codec::{decode_entry, write_json, write_yaml},
    generated::{google::protobuf, mainsheet::v1 as pb},
    key::Key,
    resource,
    time::{Timestamp, Uptime},
    wire::Any,
};
use mainsheet_cache::HeldEntry;
use prost::Message as _;
use tonic::Status;

use super::error;
use crate::{intake::Hold, leases::Leases};

/// What a request says of the form of its answer.
pub(super) fn form(asked: i32) -> Result<pb::Form, Status> {
    pb::Form::try_from(asked)
        .map_err(|_| error::bad_request("form", format!("no form has the number {asked}")))
}

/// A resource as [`resource`] has it, with its lease as it was last renewed.
pub(super) fn resource_now(found: &HeldEntry, form: pb::Form, leases: &Leases) -> pb::Resource {
    let mut resource = resource(found, form);
    if let (Some(lease), Some(shown)) = (&found.held.terms.lease, &mut resource.lease) {
        let newest = leases.newest_deadline(&found.held.source, &found.held.key, lease);
        shown.deadline = Some(timestamp(newest.unwrap_or(lease.deadline)));
    }
    resource
}

/// A resource as its layer has it; what it hides is left to the caller.
pub(super) fn resource(found: &HeldEntry, form: pb::Form) -> pb::Resource {
    let HeldEntry { held, entry } = found;
    let mut resource = pb::Resource {
        key: Some(key(&held.key)),
        version: held.version.to_string(),
        revision: held.changed.0,
        created: Some(timestamp(held.created)),
        source: held.source.to_string(),
        origin: held.provenance.origin.clone(),
        line: held.provenance.line,
        set: held.terms.set.as_deref().unwrap_or_default().to_owned(),
        lease: held.terms.lease.map(lease),
        warnings: held.warnings.iter().map(pb::Finding::from).collect(),
        is_absence: entry.is_absence(),
        ..pb::Resource::default()
    };
    match form {
        _ if entry.is_absence() => {}
        pb::Form::Unspecified => resource.any = entry.any.clone(),
        pb::Form::None => {}
        pb::Form::Yaml | pb::Form::Json => match text(found, form) {
            Ok(text) => resource.text = text,
            // A newer version of this program encoded it, or an upstream: its bytes are all there is to show.
            Err(why) => {
                resource.any = entry.any.clone();
                resource.warnings.push(unreadable(&why));
            }
        },
    }
    resource
}

fn text(found: &HeldEntry, form: pb::Form) -> anyhow::Result<String> {
    let key = &found.held.key;
    let any = Any::decode(found.entry.any.clone()).context("read its bytes")?;
    let mut received = decode_entry(key.kind, &any)?;
    // The namespace of Envoy's resources is not in their bytes.
    received.resource.key = key.clone();
    Ok(if form == pb::Form::Json { write_json(&received)? } else { write_yaml(&received)? })
}

fn unreadable(why: &anyhow::Error) -> pb::Finding {
    pb::Finding {
        code: "unreadable".to_owned(),
        severity: pb::Severity::Warning.into(),
        reason: format!("can't be shown as a document: {why:#}"),
        ..pb::Finding::default()
    }
}

pub(super) fn key(key: &Key) -> pb::ResourceKey {
    pb::ResourceKey {
        kind: key.kind.to_string(),
        namespace: key.namespace.to_string(),
        name: key.name.to_string(),
        scope: key.scope.to_string(),
    }
}

fn lease(lease: resource::Lease) -> pb::Lease {
    pb::Lease { ttl: Some(duration(lease.ttl)), deadline: Some(timestamp(lease.deadline)) }
}

pub(super) fn authorship(cause: &Cause) -> pb::Authorship {
    pb::Authorship { author: cause.author.clone(), message: cause.message.clone() }
}

/// `hold_for`: how long removals are held, where that has an end.
pub(super) fn held_removals(hold: &Hold, hold_for: Option<Duration>, now: Uptime) -> pb::HeldRemovals {
    let held = now.since(hold.since) + hold.held_before;
    pb::HeldRemovals {
        source: hold.source.to_string(),
        kind: hold.kind.to_string(),
        have: u32::try_from(hold.have).unwrap_or(u32::MAX),
        gone: u32::try_from(hold.gone.len()).unwrap_or(u32::MAX),
        held_for: Some(duration(held)),
        remaining: hold_for.map(|hold_for| duration(hold_for.saturating_sub(held))),
    }
}

pub(super) fn timestamp(at: Timestamp) -> protobuf::Timestamp {
    let (seconds, nanos) = at.seconds_and_nanos();
    protobuf::Timestamp { seconds, nanos }
}

pub(super) fn duration(duration: Duration) -> protobuf::Duration {
    protobuf::Duration {
        seconds: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(duration.subsec_nanos()).unwrap_or_default(),
    }
}
