//! ClusterRoles that are made of others: what Kubernetes' controller writes into them, worked out here.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::document::Role;
use crate::generated::k8s::rbac::v1::PolicyRule;

/// The rules of each ClusterRole that is made of others, by name.
///
/// Such a role has the rules of all that it selects, and of what those select; what is written in it itself counts for
/// nothing, as a controller would overwrite it.
pub(super) fn rules_of<'r>(
    cluster_roles: impl Iterator<Item = (&'r Arc<str>, &'r Role)> + Clone,
) -> BTreeMap<Arc<str>, Arc<[PolicyRule]>> {
    let made = cluster_roles.clone().filter_map(|(name, role)| Some((name, role.aggregation.as_ref()?)));
    let selected: BTreeMap<&str, BTreeMap<&str, &Role>> = made
        .map(|(name, selectors)| {
            let is_selected = |role: &Role| {
                let label = |key: &str| role.labels.get(key).map(String::as_str);
                selectors.iter().any(|selector| selector.matches(label))
            };
            let parts = cluster_roles.clone().filter(|(part, role)| *part != name && is_selected(role));
            (&**name, parts.map(|(part, role)| (&**part, role)).collect())
        })
        .collect();
    selected.keys().map(|name| (Arc::from(*name), rules(name, &selected))).collect()
}

fn rules(name: &str, selected: &BTreeMap<&str, BTreeMap<&str, &Role>>) -> Arc<[PolicyRule]> {
    let (mut reached, mut next) = (BTreeSet::from([name]), vec![name]);
    let mut parts: BTreeMap<&str, &Role> = BTreeMap::new();
    while let Some(name) = next.pop() {
        for (part, role) in selected.get(name).into_iter().flatten() {
            if role.aggregation.is_none() {
                parts.insert(part, role);
            } else if reached.insert(part) {
                next.push(part);
            }
        }
    }
    parts.into_values().flat_map(|role| role.rules.iter().cloned()).collect()
}
