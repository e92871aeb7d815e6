//! All documents of access, found by whom they grant something. Carried forward by edits: what stays the same is shared.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use imbl::{OrdMap, OrdSet};

use super::{
    Attributes, Concerned, Edit, Identity, aggregate,
    document::{Binding, Document, Place, Role, Subject},
    rule,
};
use crate::generated::k8s::rbac::v1::PolicyRule;

/// Who may do what: a pure value, made of documents of access alone. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Access {
    roles: OrdMap<Place, Arc<Role>>,
    /// The rules of ClusterRoles that are made of others, by name.
    aggregated: OrdMap<Arc<str>, Arc<[PolicyRule]>>,
    bindings: OrdMap<Place, Arc<Binding>>,
    /// By whom they grant something, then by namespace: a lookup of one namespace reads its bindings and those that hold
    /// everywhere.
    by_subject: OrdMap<Subject, OrdMap<Arc<str>, Named>>,
    /// By the role that they give.
    by_role: OrdMap<Place, OrdSet<Place>>,
}

/// Bindings of one namespace and subject, by name.
type Named = Arc<BTreeMap<Arc<str>, Arc<Binding>>>;

impl Access {
    /// With these edits, and whose grants may be others by that.
    #[must_use]
    pub fn edited(&self, edits: impl IntoIterator<Item = Edit>) -> (Self, Concerned) {
        let mut next = self.clone();
        let mut concerned = Concerned::default();
        let mut roles = BTreeSet::new();
        for Edit { place, document } in edits {
            match document {
                Document::Role(role) => {
                    match role {
                        Some(role) => next.roles.insert(place.clone(), Arc::new(role)),
                        None => next.roles.remove(&place),
                    };
                    roles.insert(place);
                }
                Document::Binding(binding) => next.rebind(place, binding, &mut concerned),
            }
        }
        if roles.iter().any(Place::is_everywhere) {
            roles.extend(next.aggregate());
        }
        for place in roles.iter().filter(|place| self.rules(place) != next.rules(place)) {
            for binding in next.by_role.get(place).into_iter().flatten() {
                concerned.add(next.bindings.get(binding).into_iter().flat_map(|binding| &binding.subjects));
            }
        }
        (next, concerned)
    }

    /// Puts, or removes, a binding.
    fn rebind(&mut self, place: Place, binding: Option<Binding>, concerned: &mut Concerned) {
        let before = self.bindings.get(&place).cloned();
        if before.as_deref() == binding.as_ref() {
            return;
        }
        if let Some(before) = &before {
            self.unbind(&place, before);
        }
        let after = binding.map(Arc::new);
        if let Some(after) = &after {
            self.bind(&place, after);
        }
        match (&before, &after) {
            (Some(before), Some(after)) if before.role == after.role => {
                concerned.add(before.subjects.symmetric_difference(&after.subjects));
            }
            _ => concerned.add(before.iter().chain(&after).flat_map(|binding| &binding.subjects)),
        }
    }

    fn bind(&mut self, place: &Place, binding: &Arc<Binding>) {
        for subject in &binding.subjects {
            let granted = self.by_subject.entry(subject.clone()).or_default();
            let named = granted.entry(place.namespace.clone()).or_default();
            Arc::make_mut(named).insert(place.name.clone(), binding.clone());
        }
        self.by_role.entry(binding.role.clone()).or_default().insert(place.clone());
        self.bindings.insert(place.clone(), binding.clone());
    }

    fn unbind(&mut self, place: &Place, binding: &Binding) {
        for subject in &binding.subjects {
            let Some(granted) = self.by_subject.get_mut(subject) else { continue };
            if let Some(named) = granted.get_mut(&place.namespace) {
                Arc::make_mut(named).remove(&place.name);
                if named.is_empty() {
                    granted.remove(&place.namespace);
                }
            }
            if granted.is_empty() {
                self.by_subject.remove(subject);
            }
        }
        if let Some(bindings) = self.by_role.get_mut(&binding.role) {
            bindings.remove(place);
            if bindings.is_empty() {
                self.by_role.remove(&binding.role);
            }
        }
        self.bindings.remove(place);
    }

    /// Works out what is made of others, and says which roles that is, or was.
    fn aggregate(&mut self) -> Vec<Place> {
        let everywhere = self.roles.iter().take_while(|(place, _)| place.is_everywhere());
        let rules = aggregate::rules_of(everywhere.map(|(place, role)| (&place.name, &**role)));
        let before = std::mem::replace(&mut self.aggregated, rules.into_iter().collect());
        let names = before.keys().chain(self.aggregated.keys());
        names.map(|name| Place { namespace: Arc::from(""), name: name.clone() }).collect()
    }

    /// What a role allows; nothing where it is not there.
    pub(super) fn rules(&self, place: &Place) -> &[PolicyRule] {
        let aggregated = place.is_everywhere().then(|| self.aggregated.get(&place.name)).flatten();
        match aggregated {
            Some(rules) => rules,
            None => self.roles.get(place).map_or(&[], |role| &role.rules),
        }
    }

    pub(super) fn role(&self, place: &Place) -> Option<&Role> {
        self.roles.get(place).map(|role| &**role)
    }

    /// What grants an identity something, by the subject that names it and by namespace.
    pub(super) fn granted(&self, identity: &Identity) -> impl Iterator<Item = &OrdMap<Arc<str>, Named>> {
        let user = Subject::User(Arc::from(identity.user()));
        let groups = identity.groups().map(|group| Subject::Group(Arc::from(group)));
        let subjects: Vec<_> = std::iter::once(user).chain(groups).collect();
        subjects.into_iter().filter_map(|subject| self.by_subject.get(&subject))
    }

    /// The rules that hold for an identity in a namespace; for an empty one, those that hold everywhere only.
    pub(super) fn rules_in<'a>(
        &'a self,
        identity: &Identity,
        namespace: &str,
    ) -> impl Iterator<Item = &'a PolicyRule> {
        let namespace = (!namespace.is_empty()).then_some(namespace);
        let places = move |granted: &'a OrdMap<Arc<str>, Named>| {
            granted.get("").into_iter().chain(namespace.and_then(|namespace| granted.get(namespace)))
        };
        let bindings = self.granted(identity).flat_map(places).flat_map(|named| named.values());
        bindings.flat_map(|binding| self.rules(&binding.role))
    }

    /// Whether an identity may do this.
    #[must_use]
    pub fn allows(&self, identity: &Identity, wanted: &Attributes<'_>) -> bool {
        identity.is_master()
            || self.rules_in(identity, wanted.namespace()).any(|rule| rule::allows(rule, wanted))
    }

    /// Whether an identity may do this with a path that is no resource: `get` of `/metrics`.
    #[must_use]
    pub fn allows_path(&self, identity: &Identity, verb: &str, path: &str) -> bool {
        identity.is_master() || self.rules_in(identity, "").any(|rule| rule::allows_path(rule, verb, path))
    }

    /// How many bindings there are.
    #[must_use]
    pub fn bindings(&self) -> usize {
        self.bindings.len()
    }

    /// How many roles there are.
    #[must_use]
    pub fn roles(&self) -> usize {
        self.roles.len()
    }
}

/// Whether both came of the same documents.
impl PartialEq for Access {
    fn eq(&self, other: &Self) -> bool {
        self.roles == other.roles
            && self.aggregated == other.aggregated
            && self.bindings == other.bindings
            && self.by_subject == other.by_subject
            && self.by_role == other.by_role
    }
}
