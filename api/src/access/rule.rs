//! Whether one rule of a role allows something, as Kubernetes decides it.

use super::Attributes;
use crate::generated::k8s::rbac::v1::PolicyRule;

/// All verbs, groups, resources or paths.
pub(super) const ALL: &str = "*";

/// Whether a rule allows this. Namespaces are no matter of rules.
pub(super) fn allows(rule: &PolicyRule, wanted: &Attributes<'_>) -> bool {
    has(&rule.verbs, wanted.verb)
        && has(&rule.api_groups, wanted.group)
        && rule.resources.iter().any(|resource| is_resource(resource, wanted))
        && (rule.resource_names.is_empty()
            || wanted.name.is_some_and(|name| rule.resource_names.iter().any(|named| named == name)))
}

/// Whether a rule allows a verb on a path that is no resource.
pub(super) fn allows_path(rule: &PolicyRule, verb: &str, path: &str) -> bool {
    has(&rule.verbs, verb) && rule.non_resource_urls.iter().any(|granted| covers_path(granted, path))
}

/// Whether a list names something, or everything.
pub(super) fn has(list: &[String], wanted: &str) -> bool {
    list.iter().any(|one| one == ALL || one == wanted)
}

/// `*`, `virtualservices`, `virtualservices/status`, `*/status`.
fn is_resource(granted: &str, wanted: &Attributes<'_>) -> bool {
    if granted == ALL {
        return true;
    }
    if wanted.subresource.is_empty() {
        // Kinds that are not known here have no plural: they are granted by their group only.
        return granted == wanted.resource && !granted.is_empty();
    }
    granted.split_once('/').is_some_and(|(resource, subresource)| {
        subresource == wanted.subresource && (resource == ALL || resource == wanted.resource)
    })
}

/// Whether who has one path has the other: `/debug/*` covers `/debug/syncz`.
pub(super) fn covers_path(granted: &str, path: &str) -> bool {
    // Kubernetes takes all stars off the end.
    granted == path || granted.ends_with('*') && path.starts_with(granted.trim_end_matches('*'))
}
