//! What one client may see.
//!
//! | file | is |
//! |---|---|
//! | `grant` | what a view is made of |
//! | `scope` | what it shows of one kind |
//! | `audience` | which sinks a resource is meant for, among those that may see it |

mod audience;
mod grant;
mod scope;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

pub use self::{
    audience::{Audience, REVISION_LABEL, SINK_SELECTOR},
    grant::{Grant, Kinds, Names, Namespaces},
    scope::{Scope, Shown},
};
use crate::{
    key::Key,
    kind::{Kind, OPAQUE_GROUP},
    node::Node,
    version::Digest,
};

/// What one client may see: of each kind a [`Scope`]. A pure value, shared, compared by content.
///
/// Of whom no node is known, which people and other servers' tools are, sees what is meant for any.
#[derive(Clone, Debug)]
pub struct View {
    scopes: Arc<Scopes>,
    node: Option<Arc<Node>>,
    digest: Digest,
}

#[derive(Debug)]
struct Scopes {
    /// Of the kinds that are known here, in the table's order.
    known: Vec<Arc<Scope>>,
    /// Of those others of which it shows something else than of `others`.
    opaque: BTreeMap<Kind, Arc<Scope>>,
    /// Of all others, those that are yet to turn up.
    others: Arc<Scope>,
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
        Self::of([Grant { kinds: Kinds::All, namespaces: Namespaces::All, names: Names::All }])
    }

    /// Every kind in these namespaces.
    pub fn of_namespaces<N: Into<Arc<str>>>(names: impl IntoIterator<Item = N>) -> Self {
        let namespaces = Namespaces::Only(names.into_iter().map(Into::into).collect());
        Self::of([Grant { kinds: Kinds::All, namespaces, names: Names::All }])
    }

    /// The union of grants.
    pub fn of(grants: impl IntoIterator<Item = Grant>) -> Self {
        let mut sets: BTreeMap<Kinds, scope::Set> = BTreeMap::new();
        for Grant { kinds, namespaces, names } in grants {
            sets.entry(kinds).or_insert(scope::Set::NOTHING).add(namespaces, &names);
        }
        Self::from(Scopes::of(sets.into_iter().map(|(kinds, set)| (kinds, Arc::new(set.into()))).collect()))
    }

    /// What both show: this view, for whom it is, as far as the other goes.
    #[must_use]
    pub fn narrowed(&self, other: &Self) -> Self {
        if other.is_everything() {
            return self.clone();
        }
        let narrowed = Self::from(self.scopes.and(&other.scopes));
        match &self.node {
            Some(node) => narrowed.for_node(Arc::clone(node)),
            None => narrowed,
        }
    }

    /// Of what it shows, what is meant for this node.
    #[must_use]
    pub fn for_node(&self, node: Arc<Node>) -> Self {
        let said = node.metadata.iter().chain(&node.labels).flat_map(|(key, value)| [key, value]);
        let said = said.map(String::as_bytes);
        let parts = (node.metadata.len() as u64).to_be_bytes();
        let scopes = self.scopes.digest.to_bytes();
        let digest = Digest::of([&scopes[..], &parts].into_iter().chain(said));
        Self { scopes: Arc::clone(&self.scopes), node: Some(node), digest }
    }

    /// Whether it shows a resource that is meant for these.
    #[must_use]
    pub fn sees(&self, key: &Key, audience: &Audience) -> bool {
        self.shows(key) && self.is_among(audience)
    }

    /// Whether it shows a resource, whomever that is meant for.
    #[must_use]
    pub fn shows(&self, key: &Key) -> bool {
        self.of_kind(key.kind).sees(&key.namespace, &key.name)
    }

    /// Whether what is meant for these is meant for whom it is the view of.
    #[must_use]
    pub fn is_among(&self, audience: &Audience) -> bool {
        self.node.as_ref().is_none_or(|node| audience.includes(node))
    }

    /// What it shows of a kind, to whomever it is meant for.
    #[must_use]
    pub fn of_kind(&self, kind: Kind) -> &Scope {
        match kind.is_opaque() {
            true => self.scopes.opaque.get(&kind).unwrap_or(&self.scopes.others),
            false => &self.scopes.known[kind.index()],
        }
    }

    /// What it shows of each kind that is known here, and of those that nothing else is said of.
    pub fn scopes(&self) -> impl Iterator<Item = &Scope> {
        let Scopes { known, opaque, others, .. } = &*self.scopes;
        known.iter().chain(opaque.values()).chain([others]).map(|scope| &**scope)
    }

    /// Whether it shows everything.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.node.is_none() && self.scopes().all(Scope::is_everything)
    }

    /// Equal for equal views, on every server.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Equal for views that show the same of a kind, where no audience depends on more of a node than `mentioned`, which is in
    /// order. Clients that differ in anything else share what is worked out for one of them.
    #[must_use]
    pub fn digest_of<'m>(&self, kind: Kind, mentioned: impl IntoIterator<Item = &'m Arc<str>>) -> Digest {
        let scope = self.of_kind(kind).digest();
        let Some(node) = &self.node else { return scope };
        let mut mentioned = mentioned.into_iter().peekable();
        if mentioned.peek().is_none() {
            return scope;
        }
        let scope = scope.to_bytes();
        let said = mentioned.flat_map(|key| match node.label(key) {
            Some(value) => [&b"has"[..], value.as_bytes()],
            None => [&b"lacks"[..], b""],
        });
        Digest::of(std::iter::once(&scope[..]).chain(said))
    }
}

impl From<Scopes> for View {
    fn from(scopes: Scopes) -> Self {
        Self { digest: scopes.digest, scopes: Arc::new(scopes), node: None }
    }
}

impl PartialEq for View {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for View {}

impl Scopes {
    /// Each kind is shown what is granted of it, of its group and of all.
    fn of(granted: BTreeMap<Kinds, Arc<Scope>>) -> Self {
        let mut unions = Shared::default();
        let mut of = |kind: Option<Kind>, group: &str| {
            let one = kind.map(Kinds::One);
            let kinds = [Some(Kinds::All), Some(Kinds::Group(group.into())), one];
            let scopes = kinds.iter().flatten().filter_map(|kinds| granted.get(kinds));
            scopes.cloned().reduce(|one, other| unions.get(&one, &other, Scope::or))
        };
        let nothing = Arc::new(Scope::from(scope::Set::NOTHING));
        let mut scope_of =
            |kind: Option<Kind>, group: &str| of(kind, group).unwrap_or_else(|| Arc::clone(&nothing));
        let known = Kind::all().map(|kind| scope_of(Some(kind), kind.info().group)).collect();
        let others = scope_of(None, OPAQUE_GROUP);
        let named = granted.keys().filter_map(|kinds| match kinds {
            Kinds::One(kind) if kind.is_opaque() => Some(*kind),
            _ => None,
        });
        let opaque = named.map(|kind| (kind, scope_of(Some(kind), OPAQUE_GROUP))).collect();
        Self::new(known, opaque, others)
    }

    fn new(known: Vec<Arc<Scope>>, mut opaque: BTreeMap<Kind, Arc<Scope>>, others: Arc<Scope>) -> Self {
        opaque.retain(|_, scope| *scope != others);
        let mut digests = vec![others.digest().to_bytes()];
        digests.extend(known.iter().map(|scope| scope.digest().to_bytes()));
        let names = opaque.keys().map(|kind| kind.info().name.as_bytes());
        let of_opaque: Vec<[u8; 16]> = opaque.values().map(|scope| scope.digest().to_bytes()).collect();
        let named = names.zip(&of_opaque).flat_map(|(name, digest)| [name, &digest[..]]);
        let digest = Digest::of(digests.iter().map(|digest| &digest[..]).chain(named));
        Self { known, opaque, others, digest }
    }

    fn and(&self, other: &Self) -> Self {
        let mut sections = Shared::default();
        let mut both = |one: &Arc<Scope>, other: &Arc<Scope>| sections.get(one, other, Scope::and);
        let known = self.known.iter().zip(&other.known).map(|(one, other)| both(one, other)).collect();
        let others = both(&self.others, &other.others);
        let named = self.opaque.keys().chain(other.opaque.keys());
        let opaque = named.map(|kind| (*kind, both(self.of_opaque(*kind), other.of_opaque(*kind))));
        let opaque = opaque.collect();
        Self::new(known, opaque, others)
    }

    fn of_opaque(&self, kind: Kind) -> &Arc<Scope> {
        self.opaque.get(&kind).unwrap_or(&self.others)
    }
}

/// Scopes made of two others, each once: most kinds of a view have the same.
#[derive(Default)]
struct Shared(HashMap<(Digest, Digest), Arc<Scope>>);

impl Shared {
    fn get(&mut self, one: &Arc<Scope>, other: &Arc<Scope>, make: fn(&Scope, &Scope) -> Scope) -> Arc<Scope> {
        let key = (one.digest(), other.digest());
        if key.0 == key.1 {
            return Arc::clone(one);
        }
        Arc::clone(self.0.entry(key).or_insert_with(|| Arc::new(make(one, other))))
    }
}
