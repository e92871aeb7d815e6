//! A resource: as it was read, and as it is kept once accepted.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use crate::{
    key::Key,
    time::Timestamp,
    verdict::Finding,
    version::ResourceVersion,
    view::Audience,
    wire::{Any, Entry},
};

/// A resource as a source delivers it: decoded, not yet judged, not yet encoded for the wire.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// Its identity.
    pub key: Key,
    /// Kubernetes labels.
    pub labels: BTreeMap<String, String>,
    /// Kubernetes annotations.
    pub annotations: BTreeMap<String, String>,
    /// The body, `type.googleapis.com/` and the kind's message, deterministically encoded.
    pub body: Any,
    /// The version that an upstream gave it; ours is made from its content.
    pub upstream_version: Option<ResourceVersion>,
}

/// Which of the configured sources said something. Sources have a fixed precedence, by which the fold picks a winner.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceName(pub Arc<str>);

impl SourceName {
    /// The layer of rollbacks: above all others.
    pub const HOLD: &str = "hold";
    /// The layer of the write API: above what sources are configured.
    pub const API: &str = "api";

    /// The layer of rollbacks.
    #[must_use]
    pub fn hold() -> Self {
        Self(Arc::from(Self::HOLD))
    }

    /// The layer of the write API.
    #[must_use]
    pub fn api() -> Self {
        Self(Arc::from(Self::API))
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a resource came from, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Provenance {
    /// A file's path below its source, a cluster's object, an API caller.
    pub origin: String,
    /// Line of the document's first byte, from 1; 0 where there are no lines.
    pub line: u32,
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 { f.write_str(&self.origin) } else { write!(f, "{}:{}", self.origin, self.line) }
    }
}

/// What one source says of one key, accepted and encoded: the unit of the store.
///
/// [`Entry`]'s bytes are made here, once; followers and streams only ever share them.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Whose layer it is in.
    pub source: SourceName,
    /// Its identity.
    pub key: Key,
    /// The bytes for the wire, with name and version.
    pub entry: Entry,
    /// Which sinks it is meant for.
    pub audience: Audience,
    /// When (source, key) was first committed. Sent as `create_time`, no part of the version.
    pub created: Timestamp,
    /// Where it came from.
    pub provenance: Provenance,
    /// What validation remarked; a record is never a rejected one.
    pub warnings: Vec<Finding>,
    /// On what terms it is kept.
    pub terms: Terms,
}

/// On what terms a record is kept: no part of its content, nor of its version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Terms {
    /// How long it lives; until it is removed where there is none.
    pub lease: Option<Lease>,
    /// The set that it was applied as part of.
    pub set: Option<Arc<str>>,
    /// What it was put over, of a record that rolls back.
    pub over: Option<Over>,
}

/// A record lives as long as it is renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    /// From one renewal to the deadline it gives.
    pub ttl: Duration,
    /// The first one. Later ones are in the status area: a renewal makes no revision.
    pub deadline: Timestamp,
}

/// What the layers below had when a rollback was put over them. It ends once they have something else.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Over {
    /// Of the winner among them; `None` where none had anything.
    pub version: Option<ResourceVersion>,
}
