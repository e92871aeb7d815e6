//! What one client may see.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    kind::Kind,
    planted::{self, Fault},
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
            Self::Only(names) => names.contains(namespace) || planted::is(Fault::ViewLeak),
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
    /// Of these kinds.
    by_kind: BTreeMap<Kind, Namespaces>,
    /// Of all others, those that are yet to turn up included.
    others: Namespaces,
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
        Self::new(BTreeMap::new(), Namespaces::All)
    }

    /// Every kind in these namespaces.
    pub fn of_namespaces<N: Into<Arc<str>>>(names: impl IntoIterator<Item = N>) -> Self {
        Self::new(BTreeMap::new(), Namespaces::Only(names.into_iter().map(Into::into).collect()))
    }

    /// The union of grants.
    pub fn of(grants: impl IntoIterator<Item = (Kind, Namespaces)>) -> Self {
        let mut by_kind: BTreeMap<Kind, Namespaces> = BTreeMap::new();
        for (kind, namespaces) in grants {
            by_kind.entry(kind).or_default().add(namespaces);
        }
        by_kind.retain(|_, namespaces| *namespaces != Namespaces::None);
        Self::new(by_kind, Namespaces::None)
    }

    fn new(by_kind: BTreeMap<Kind, Namespaces>, others: Namespaces) -> Self {
        let grants = by_kind.iter().flat_map(|(kind, set)| [kind.info().name.to_owned(), format!("{set:?}")]);
        let pieces: Vec<String> = grants.chain([format!("{others:?}")]).collect();
        let digest = Digest::of(pieces.iter().map(String::as_bytes));
        Self(Arc::new(Inner { by_kind, others, digest }))
    }

    /// Whether it shows this partition.
    #[must_use]
    pub fn sees(&self, kind: Kind, namespace: &str, audience: &Audience) -> bool {
        audience.as_str().is_empty() && self.namespaces(kind).contains(namespace)
    }

    /// The namespaces of a kind that it shows.
    #[must_use]
    pub fn namespaces(&self, kind: Kind) -> &Namespaces {
        self.0.by_kind.get(&kind).unwrap_or(&self.0.others)
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
    fn kinds_that_turn_up_later_are_in_views_of_all_kinds() {
        let views =
            [View::everything(), View::of_namespaces(["a"]), View::of([(Kind::CLUSTER, Namespaces::All)])];
        let kind = Kind::opaque("view.example/Widget").unwrap();
        let everyone = Audience::everyone();
        let seen = views.map(|view| (view.sees(kind, "a", &everyone), view.sees(kind, "b", &everyone)));
        assert_eq!(seen, [(true, true), (true, false), (false, false)]);
        let granted = View::of([(kind, Namespaces::All)]);
        assert!(granted.sees(kind, "b", &everyone) && !granted.sees(Kind::CLUSTER, "b", &everyone));
        assert_ne!(granted, View::nothing());
    }

    #[test]
    fn equal_content_is_equal() {
        assert_eq!(View::of_namespaces(["a", "b"]), View::of_namespaces(["b", "a"]));
        assert_ne!(View::of_namespaces(["a"]), View::everything());
        assert_ne!(View::of_namespaces(["a, b"]), View::of_namespaces(["a", "b"]));
    }
}
