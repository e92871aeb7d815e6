//! RBAC as Kubernetes' documentation tells it, step by step over lists: slow, and written apart from what it is compared
//! with.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::access::{Attributes, Identity};

/// Documents as they are written.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub(super) roles: BTreeMap<(String, String), ModelRole>,
    pub(super) bindings: BTreeMap<(String, String), ModelBinding>,
}

#[derive(Clone, Debug)]
pub(super) struct ModelRole {
    pub(super) label: Option<&'static str>,
    /// The label that it is made of.
    pub(super) made_of: Option<&'static str>,
    pub(super) rules: Vec<pb::PolicyRule>,
}

#[derive(Clone, Debug)]
pub(super) struct ModelBinding {
    /// `Role/x`
    pub(super) role: String,
    pub(super) subjects: Vec<String>,
}

impl Model {
    pub(super) fn documents(&self) -> Vec<Resource> {
        let roles = self.roles.iter().map(|(place, model)| model.document((&place.0, &place.1)));
        let bindings = self.bindings.iter().map(|(place, model)| model.document((&place.0, &place.1)));
        roles.chain(bindings).collect()
    }

    pub(super) fn allows(&self, identity: &Identity, wanted: &Attributes<'_>) -> bool {
        if identity.groups().any(|group| group == "system:masters") {
            return true;
        }
        let mut rules = Vec::new();
        for ((namespace, _), binding) in &self.bindings {
            let holds_here = namespace.is_empty() || wanted.namespace == Some(&**namespace);
            if holds_here && binding.subjects.iter().any(|subject| is_named(subject, namespace, identity)) {
                rules.extend(self.rules_given(namespace, &binding.role));
            }
        }
        rules.iter().any(|rule| rule_allows(rule, wanted))
    }

    fn rules_given(&self, namespace: &str, role: &str) -> Vec<pb::PolicyRule> {
        let (kind, name) = role.split_once('/').unwrap();
        let namespace = if kind == "Role" { namespace } else { "" };
        if kind == "Role" && namespace.is_empty() {
            return Vec::new();
        }
        let Some(role) = self.roles.get(&(namespace.to_owned(), name.to_owned())) else { return Vec::new() };
        match role.made_of {
            Some(_) if kind == "ClusterRole" => self.made(name),
            _ => role.rules.clone(),
        }
    }

    /// As the controller would leave it: it goes on until nothing changes any more.
    fn made(&self, wanted: &str) -> Vec<pb::PolicyRule> {
        let everywhere = self.roles.iter().filter(|((namespace, _), _)| namespace.is_empty());
        let everywhere: Vec<_> = everywhere.map(|((_, name), role)| (name, role)).collect();
        let mut parts: BTreeMap<&String, BTreeSet<&String>> = BTreeMap::new();
        loop {
            let before = parts.clone();
            for (name, role) in &everywhere {
                let Some(label) = role.made_of else { continue };
                for (part, of) in
                    everywhere.iter().filter(|(part, of)| part != name && of.label == Some(label))
                {
                    let added = match of.made_of {
                        None => BTreeSet::from([*part]),
                        Some(_) => before.get(part).cloned().unwrap_or_default(),
                    };
                    parts.entry(name).or_default().extend(added);
                }
            }
            if parts == before {
                break;
            }
        }
        let reached = parts.get(&wanted.to_owned()).into_iter().flatten();
        reached.flat_map(|part| self.roles[&(String::new(), (*part).clone())].rules.clone()).collect()
    }
}

impl ModelRole {
    pub(super) fn document(&self, place: (&str, &str)) -> Resource {
        let mut resource = role(place, &self.rules);
        if let Some(label) = self.made_of.filter(|_| place.0.is_empty()) {
            let match_labels = [("l".to_owned(), label.to_owned())].into();
            let selector = pb::LabelSelector { match_labels, ..pb::LabelSelector::default() };
            let aggregation_rule = Some(pb::AggregationRule { cluster_role_selectors: vec![selector] });
            let body = pb::ClusterRole { aggregation_rule, rules: self.rules.clone() };
            resource = document(Kind::CLUSTER_ROLE, place, &body);
        }
        resource.labels.extend(self.label.map(|label| ("l".to_owned(), label.to_owned())));
        resource
    }
}

impl ModelBinding {
    pub(super) fn document(&self, place: (&str, &str)) -> Resource {
        binding(place, &self.role, &self.subjects.iter().map(|text| &**text).collect::<Vec<_>>())
    }
}

fn is_named(subject: &str, binding_namespace: &str, identity: &Identity) -> bool {
    let (kind, name) = subject.split_once('/').unwrap();
    match kind {
        "User" => identity.user() == name,
        "Group" => identity.groups().any(|group| group == name),
        _ => {
            let (namespace, name) = name.split_once(':').unwrap();
            let namespace = if namespace.is_empty() { binding_namespace } else { namespace };
            !namespace.is_empty() && identity.user() == format!("system:serviceaccount:{namespace}:{name}")
        }
    }
}

fn rule_allows(rule: &pb::PolicyRule, wanted: &Attributes<'_>) -> bool {
    let whole = match wanted.subresource {
        "" => wanted.resource.to_owned(),
        subresource => format!("{}/{subresource}", wanted.resource),
    };
    let verb = rule.verbs.iter().any(|verb| verb == "*" || verb == wanted.verb);
    let group = rule.api_groups.iter().any(|group| group == "*" || group == wanted.group);
    let resource = rule.resources.iter().any(|resource| {
        resource == "*"
            || *resource == whole
            || !wanted.subresource.is_empty() && *resource == format!("*/{}", wanted.subresource)
    });
    let name =
        rule.resource_names.is_empty() || rule.resource_names.iter().any(|name| Some(&**name) == wanted.name);
    verb && group && resource && name
}
