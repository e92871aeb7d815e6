//! What one client may see.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    kind::{KINDS, Kind},
    version::Digest,
};

/// Which sinks a resource is meant for, of those that may see its namespace: the canonical text of a selector. Part of
/// a partition's key, so that sinks with different answers never share one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Audience(Arc<str>);

impl Audience {
    /// Whoever may see the namespace.
    #[must_use]
    pub fn everyone() -> Self {
        Self(Arc::from(""))
    }

    /// From its stored text.
    pub fn from_text(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// Its stored text; empty for everyone.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Audience {
    fn default() -> Self {
        Self::everyone()
    }
}

/// A set of namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Namespaces {
    /// None.
    #[default]
    None,
    /// These.
    Only(BTreeSet<Arc<str>>),
    /// All that there are and will be.
    All,
}

impl Namespaces {
    fn contains(&self, namespace: &str) -> bool {
        match self {
            Self::None => false,
            Self::Only(names) => names.contains(namespace),
            Self::All => true,
        }
    }

    fn add(&mut self, more: Self) {
        match (&mut *self, more) {
            (Self::All, _) | (_, Self::None) => {}
            (Self::Only(have), Self::Only(more)) => have.extend(more),
            (slot, more) => *slot = more,
        }
    }
}

/// What one client may see: for each kind, a set of namespaces. A pure value, shared, compared by content.
#[derive(Clone, Debug)]
pub struct View(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    by_kind: Vec<Namespaces>,
    digest: Digest,
}

impl View {
    /// Nothing.
    #[must_use]
    pub fn nothing() -> Self {
        Self::of([])
    }

    /// Every kind in every namespace.
    #[must_use]
    pub fn everything() -> Self {
        Self::of(Kind::all().map(|kind| (kind, Namespaces::All)))
    }

    /// Every kind in these namespaces.
    pub fn of_namespaces<N: Into<Arc<str>>>(names: impl IntoIterator<Item = N>) -> Self {
        let names: BTreeSet<Arc<str>> = names.into_iter().map(Into::into).collect();
        Self::of(Kind::all().map(|kind| (kind, Namespaces::Only(names.clone()))))
    }

    /// The union of grants.
    pub fn of(grants: impl IntoIterator<Item = (Kind, Namespaces)>) -> Self {
        let mut by_kind = vec![Namespaces::None; KINDS.len()];
        for (kind, namespaces) in grants {
            by_kind[kind.index()].add(namespaces);
        }
        let digest = Digest::of(
            by_kind.iter().map(|set| format!("{set:?}")).collect::<Vec<_>>().iter().map(String::as_bytes),
        );
        Self(Arc::new(Inner { by_kind, digest }))
    }

    /// Whether it shows this partition.
    #[must_use]
    pub fn sees(&self, kind: Kind, namespace: &str, audience: &Audience) -> bool {
        audience.as_str().is_empty() && self.0.by_kind[kind.index()].contains(namespace)
    }

    /// The namespaces of a kind that it shows.
    #[must_use]
    pub fn namespaces(&self, kind: Kind) -> &Namespaces {
        &self.0.by_kind[kind.index()]
    }

    /// Equal for equal views, on every server.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.0.digest
    }
}

impl PartialEq for View {
    fn eq(&self, other: &Self) -> bool {
        self.0.digest == other.0.digest
    }
}

impl Eq for View {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn union_of_grants_is_by_kind() {
        let view = View::of([
            (Kind::CLUSTER, Namespaces::Only([Arc::from("a")].into())),
            (Kind::CLUSTER, Namespaces::Only([Arc::from("b")].into())),
            (Kind::LISTENER, Namespaces::All),
        ]);
        let everyone = Audience::everyone();
        assert!(view.sees(Kind::CLUSTER, "a", &everyone) && view.sees(Kind::CLUSTER, "b", &everyone));
        assert!(!view.sees(Kind::CLUSTER, "c", &everyone));
        assert!(view.sees(Kind::LISTENER, "c", &everyone));
        assert!(!view.sees(Kind::ROUTES, "a", &everyone));
    }

    #[test]
    fn equal_content_is_equal() {
        assert_eq!(View::of_namespaces(["a", "b"]), View::of_namespaces(["b", "a"]));
        assert_ne!(View::of_namespaces(["a"]), View::everything());
        assert_ne!(View::of_namespaces(["a, b"]), View::of_namespaces(["a", "b"]));
    }
}
