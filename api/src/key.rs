//! What names a resource.

use std::{fmt, sync::Arc};

use crate::kind::{Family, Kind};

/// A resource's identity, the same from the file to the sink.
///
/// Ordered by kind, namespace, name, scope: neighbours in a snapshot are neighbours here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// What it is.
    pub kind: Kind,
    /// The namespace that owns it. Never empty: a document without one gets its source's default.
    pub namespace: Arc<str>,
    /// Its name within the namespace.
    pub name: Arc<str>,
    /// The cluster that it belongs to; empty unless several clusters are sources.
    pub scope: Arc<str>,
}

impl Key {
    /// A key in the empty scope.
    pub fn new(kind: Kind, namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self { kind, namespace: namespace.into(), name: name.into(), scope: Arc::from("") }
    }

    /// The name under which clients know it: `namespace/name` for Istio kinds, the bare name for all others.
    #[must_use]
    pub fn wire_name(&self) -> String {
        match self.kind.info().family {
            Family::Istio => format!("{}/{}", self.namespace, self.name),
            Family::Envoy | Family::Opaque => self.name.to_string(),
        }
    }
}

/// As people write it: `VirtualService shop/reviews`.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)?;
        if self.scope.is_empty() { Ok(()) } else { write!(f, " of {}", self.scope) }
    }
}
