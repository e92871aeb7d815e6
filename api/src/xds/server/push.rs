//! A response as bytes: a small frame of this stream's own, and what all streams share.

use std::sync::Arc;

use bytes::BytesMut;

use super::{
    Push, Sent,
    answer::{Answer, LastSent},
    children,
};
use crate::{
    version::Nonce,
    wire::{Head, delta_frame, put_delta_resource, sotw_frame},
    xds::{Variant, catalog::Shared},
};

/// Type URL, nonce and content.
type Of<'a> = (&'a Arc<str>, &'a Nonce, &'a Answer);

/// A response that says what it has to say.
pub(super) fn push(variant: Variant, control_plane: &str, of: Of<'_>) -> Push {
    let (_, _, answer) = of;
    framed(variant, control_plane, of, (&answer.resources, answer.members.removed()))
}

/// A response that says nothing new (rule 73), in the version of the last one.
pub(super) fn heartbeat(
    variant: Variant,
    control_plane: &str,
    (type_url, nonce): (&Arc<str>, &Nonce),
    (last, resources): (&LastSent, &Shared),
) -> Push {
    let head = Head { version: &last.version, type_url, nonce, control_plane };
    let frame = match variant {
        Variant::Sotw => sotw_frame(head, resources),
        Variant::Delta => delta_frame(head, resources, []),
    };
    let sent = Sent {
        type_url: type_url.clone(),
        nonce: nonce.clone(),
        version: last.version.clone(),
        revision: last.revision,
        resources: resources.count,
        removed: 0,
        bytes: frame.len,
        is_heartbeat: true,
    };
    Push { frame, sent }
}

/// A delta response that says of endpoints that are gone that there are none (X6). The session goes on as if they had
/// been removed: should they come back, they are new.
pub(super) fn emptied(control_plane: &str, of: Of<'_>) -> Push {
    let (_, _, answer) = of;
    let gone = answer.members.removed();
    let mut own = BytesMut::new();
    for name in gone {
        let entry = children::empty_assignment(name);
        put_delta_resource(&mut own, &entry, None);
        own.extend_from_slice(&entry.any);
    }
    let mut resources = Shared::default();
    if !gone.is_empty() {
        resources.append(Shared { len: own.len(), count: gone.len(), pieces: vec![own.freeze()] });
    }
    resources.append(answer.resources.clone());
    framed(Variant::Delta, control_plane, of, (&resources, &[]))
}

fn framed(
    variant: Variant,
    control_plane: &str,
    (type_url, nonce, answer): Of<'_>,
    (resources, removed): (&Shared, &[Arc<str>]),
) -> Push {
    let version = answer.version.to_string();
    let head = Head { version: &version, type_url, nonce, control_plane };
    let frame = match variant {
        Variant::Sotw => sotw_frame(head, resources),
        Variant::Delta => delta_frame(head, resources, removed.iter().map(AsRef::as_ref)),
    };
    let sent = Sent {
        type_url: type_url.clone(),
        nonce: nonce.clone(),
        version,
        revision: answer.revision,
        resources: resources.count,
        removed: removed.len(),
        bytes: frame.len,
        is_heartbeat: false,
    };
    Push { frame, sent }
}
