//! What somebody sees: their grants as a [`View`].

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Access, Identity,
    document::Place,
    rule::{ALL, has},
};
use crate::{
    generated::k8s::rbac::v1::PolicyRule,
    kind::Kind,
    view::{Grant, Kinds, Names, Namespaces, View},
};

/// Where the rules of a role hold for somebody, by role: many bindings give the same one.
type Reach<'a> = BTreeMap<&'a Place, Namespaces>;

impl Access {
    /// Of which resources an identity may do all of these: `list` and `watch` are what a stream needs. No verbs, no view.
    #[must_use]
    pub fn view(&self, identity: &Identity, verbs: &[&str]) -> View {
        let Some((first, others)) = verbs.split_first() else { return View::nothing() };
        if identity.is_master() {
            return View::everything();
        }
        let reach = self.reach(identity);
        let rules = || reach.keys().flat_map(|role| self.rules(role));
        let is_same = |verb: &str| rules().all(|rule| has(&rule.verbs, verb) == has(&rule.verbs, first));
        // Mostly rules have all of them, or none.
        let others = others.iter().filter(|verb| !is_same(verb));
        others.fold(self.view_of(&reach, first), |view, verb| view.narrowed(&self.view_of(&reach, verb)))
    }

    fn reach(&self, identity: &Identity) -> Reach<'_> {
        let mut reach = Reach::new();
        for (namespace, named) in self.granted(identity).flatten() {
            for binding in named.values() {
                let place = reach.entry(&binding.role).or_insert(Namespaces::Only(BTreeSet::new()));
                match place {
                    Namespaces::All => {}
                    place if namespace.is_empty() => *place = Namespaces::All,
                    Namespaces::Only(namespaces) => drop(namespaces.insert(Arc::clone(namespace))),
                }
            }
        }
        reach
    }

    fn view_of(&self, reach: &Reach<'_>, verb: &str) -> View {
        let grants = reach.iter().flat_map(|(role, namespaces)| {
            let rules = self.rules(role).iter().filter(|rule| has(&rule.verbs, verb));
            rules.flat_map(|rule| grants(rule, namespaces))
        });
        View::of(grants)
    }
}

fn grants(rule: &PolicyRule, namespaces: &Namespaces) -> impl Iterator<Item = Grant> {
    let names = match &*rule.resource_names {
        [] => Names::All,
        names => Names::Only(names.iter().map(|name| Arc::from(&**name)).collect()),
    };
    let kinds = rule
        .api_groups
        .iter()
        .flat_map(|group| rule.resources.iter().flat_map(|resource| kinds(group, resource)));
    kinds.map(move |kinds| Grant { kinds, namespaces: namespaces.clone(), names: names.clone() })
}

/// The kinds that a group and a resource of a rule are. Subresources are none.
fn kinds(group: &str, resource: &str) -> Vec<Kinds> {
    match (group, resource) {
        (ALL, ALL) => vec![Kinds::All],
        (group, ALL) => vec![Kinds::Group(Arc::from(group))],
        (group, resource) => {
            let is_meant = |kind: &Kind| {
                let row = kind.info();
                row.plural == resource && [ALL, row.group].contains(&group)
            };
            Kind::all().filter(is_meant).map(Kinds::One).collect()
        }
    }
}
