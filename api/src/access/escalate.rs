//! What somebody would give away without having it. Nobody gets more by writing roles and bindings: as in Kubernetes, who
//! writes one holds all that it grants, or may `escalate` roles or `bind` the one that is given.

use std::fmt;

use super::{
    ACCESS_GROUP, Access, Attributes, Edit, Identity,
    document::{Binding, Document, Place, Role},
    rule::{ALL, covers_path, has},
};
use crate::generated::k8s::rbac::v1::PolicyRule;

/// Rules that a message lists.
const LISTED_MAX: usize = 10;

/// That somebody may not write a document of access, since it would give away more than they have.
#[derive(Clone, Debug, PartialEq)]
pub struct Escalation {
    user: String,
    /// The verb that would do instead, and on what.
    instead: String,
    /// What they lack, each of one verb, group, resource and name, or path; none where nobody knows what would be given.
    pub lacking: Vec<PolicyRule>,
}

impl Access {
    /// Whether somebody who may write a document of access may write this one. Whoever removes one gives nothing away.
    ///
    /// # Errors
    /// What they lack.
    pub fn check_grant(&self, identity: &Identity, edit: &Edit) -> Result<(), Escalation> {
        if identity.is_master() {
            return Ok(());
        }
        match &edit.document {
            Document::Role(Some(role)) => self.check_role(identity, &edit.place, role),
            Document::Binding(Some(binding)) => self.check_binding(identity, &edit.place, binding),
            Document::Role(None) | Document::Binding(None) => Ok(()),
        }
    }

    fn check_role(&self, identity: &Identity, place: &Place, role: &Role) -> Result<(), Escalation> {
        let before = self.role(place);
        // Whoever creates names nothing.
        let escalate = on_role("escalate", place, &place.namespace, before.is_some());
        if self.allows(identity, &escalate) {
            return Ok(());
        }
        let mut wanted = role.rules.to_vec();
        match before.and_then(|before| before.aggregation.as_ref()) == role.aggregation.as_ref() {
            // Its labels may make it part of another.
            true if role.aggregation.is_some() => wanted.extend_from_slice(self.rules(place)),
            true => {}
            // What it selects may grow without anybody being asked again.
            false => wanted.extend(everything()),
        }
        self.check(identity, &place.namespace, &wanted, &escalate)
    }

    fn check_binding(&self, identity: &Identity, place: &Place, binding: &Binding) -> Result<(), Escalation> {
        let bind = on_role("bind", &binding.role, &place.namespace, true);
        if self.allows(identity, &bind) {
            return Ok(());
        }
        if self.role(&binding.role).is_none() {
            return Err(Escalation::of(identity, &bind, Vec::new()));
        }
        self.check(identity, &place.namespace, self.rules(&binding.role), &bind)
    }

    fn check(
        &self,
        identity: &Identity,
        namespace: &str,
        wanted: &[PolicyRule],
        instead: &Attributes<'_>,
    ) -> Result<(), Escalation> {
        let held: Vec<&PolicyRule> = self.rules_in(identity, namespace).collect();
        let single = wanted.iter().flat_map(singled);
        let lacking: Vec<_> = single.filter(|wanted| !held.iter().any(|held| covers(held, wanted))).collect();
        if lacking.is_empty() { Ok(()) } else { Err(Escalation::of(identity, instead, lacking)) }
    }
}

/// A verb on a role, for who is in a namespace.
fn on_role<'a>(verb: &'a str, role: &'a Place, namespace: &'a str, is_named: bool) -> Attributes<'a> {
    Attributes {
        verb,
        group: ACCESS_GROUP,
        resource: if role.is_everywhere() { "clusterroles" } else { "roles" },
        subresource: "",
        namespace: Some(namespace),
        name: is_named.then_some(&*role.name),
    }
}

fn everything() -> [PolicyRule; 2] {
    let all = || vec![ALL.to_owned()];
    let resources = PolicyRule { verbs: all(), api_groups: all(), resources: all(), ..PolicyRule::default() };
    [resources, PolicyRule { verbs: all(), non_resource_urls: all(), ..PolicyRule::default() }]
}

/// A rule as rules of one verb, group, resource and name, or one path each: what one rule grants several may cover.
fn singled(rule: &PolicyRule) -> Vec<PolicyRule> {
    let one = |text: &String| vec![text.clone()];
    let mut single = Vec::new();
    for verb in &rule.verbs {
        let of_verb = PolicyRule { verbs: one(verb), ..PolicyRule::default() };
        for (group, resource) in rule
            .api_groups
            .iter()
            .flat_map(|group| rule.resources.iter().map(move |resource| (group, resource)))
        {
            let of_resource =
                PolicyRule { api_groups: one(group), resources: one(resource), ..of_verb.clone() };
            let named = rule
                .resource_names
                .iter()
                .map(|name| PolicyRule { resource_names: one(name), ..of_resource.clone() });
            single.extend(named);
            if rule.resource_names.is_empty() {
                single.push(of_resource);
            }
        }
        let paths = rule.non_resource_urls.iter();
        single.extend(paths.map(|path| PolicyRule { non_resource_urls: one(path), ..of_verb.clone() }));
    }
    single
}

/// Whether who holds one rule holds another, which is a [single](singled) one.
fn covers(held: &PolicyRule, wanted: &PolicyRule) -> bool {
    let all_of = |held: &[String], wanted: &[String]| wanted.iter().all(|wanted| has(held, wanted));
    let resource = |wanted: &String| {
        let of_all = || wanted.split_once('/').map(|(_, subresource)| format!("{ALL}/{subresource}"));
        has(&held.resources, wanted) || of_all().is_some_and(|of_all| held.resources.contains(&of_all))
    };
    let path = |wanted: &String| held.non_resource_urls.iter().any(|held| covers_path(held, wanted));
    let names = match (&*held.resource_names, &*wanted.resource_names) {
        ([], _) => true,
        (_, []) => false,
        (held, wanted) => wanted.iter().all(|name| held.contains(name)),
    };
    all_of(&held.verbs, &wanted.verbs)
        && all_of(&held.api_groups, &wanted.api_groups)
        && wanted.resources.iter().all(resource)
        && wanted.non_resource_urls.iter().all(path)
        && names
}

impl Escalation {
    fn of(identity: &Identity, instead: &Attributes<'_>, lacking: Vec<PolicyRule>) -> Self {
        Self { user: identity.user().to_owned(), instead: instead.to_string(), lacking }
    }
}

/// Worded as Kubernetes does.
impl fmt::Display for Escalation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "user {:?} is attempting to grant RBAC permissions not currently held", self.user)?;
        if self.lacking.is_empty() {
            f.write_str(": the role is not there")?;
        }
        for (index, rule) in self.lacking.iter().take(LISTED_MAX).enumerate() {
            f.write_str(if index == 0 { ": " } else { ", " })?;
            write_rule(f, rule)?;
        }
        if let Some(more @ 1..) = self.lacking.len().checked_sub(LISTED_MAX) {
            write!(f, " and {more} more")?;
        }
        write!(f, "; who may {} may do it all the same", self.instead)
    }
}

/// `{APIGroups:["networking.istio.io"], Resources:["gateways"], Verbs:["get"]}`
fn write_rule(f: &mut fmt::Formatter<'_>, rule: &PolicyRule) -> fmt::Result {
    let fields = [
        ("APIGroups", &rule.api_groups),
        ("Resources", &rule.resources),
        ("ResourceNames", &rule.resource_names),
        ("NonResourceURLs", &rule.non_resource_urls),
        ("Verbs", &rule.verbs),
    ];
    f.write_str("{")?;
    for (index, (name, values)) in fields.iter().filter(|(_, values)| !values.is_empty()).enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        write!(f, "{separator}{name}:{values:?}")?;
    }
    f.write_str("}")
}
