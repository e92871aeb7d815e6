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
    /// The namespace that owns it; empty where its kind has none. A document without one gets its source's default.
    pub namespace: Arc<str>,
    /// Its name within the namespace.
    pub name: Arc<str>,
    /// The cluster that it belongs to; empty unless several clusters are sources.
    pub scope: Arc<str>,
}

impl Key {
    /// A key in the empty scope. Whatever namespace is given, a kind without namespaces has none.
    pub fn new(kind: Kind, namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        let namespace = if kind.info().namespaced { namespace.into() } else { Arc::from("") };
        Self { kind, namespace, name: name.into(), scope: Arc::from("") }
    }

    /// The name under which clients know it: `namespace/name` for Istio kinds (`/name` where there are no namespaces), the
    /// bare name for all others.
    #[must_use]
    pub fn wire_name(&self) -> String {
        match self.kind.info().family {
            Family::Istio => format!("{}/{}", self.namespace, self.name),
            Family::Envoy | Family::Opaque => self.name.to_string(),
        }
    }
}

/// As people write it: `VirtualService shop/reviews`, `ClusterRole view`.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.namespace.is_empty() { "" } else { "/" };
        write!(f, "{} {}{slash}{}", self.kind, self.namespace, self.name)?;
        if self.scope.is_empty() { Ok(()) } else { write!(f, " of {}", self.scope) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_without_namespaces_have_none_wherever_one_is_said() {
        let role = Key::new(Kind::CLUSTER_ROLE, "shop", "view");
        assert_eq!((&*role.namespace, &*role.wire_name()), ("", "/view"));
        assert_eq!(role.to_string(), "ClusterRole view");
        assert_eq!(Key::new(Kind::ROLE, "shop", "view").to_string(), "Role shop/view");
    }
}
