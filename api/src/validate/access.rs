//! Roles and bindings, as a Kubernetes API server takes them.

use super::{code, metadata::is_kubernetes_name, report::Report};
use crate::{
    access::{ACCESS_GROUP, is_access_name},
    generated::k8s::rbac::v1::{
        AggregationRule, ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
    },
    selector::LabelSelector,
};

/// Where what is granted holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    Namespace,
    Everywhere,
}

pub(super) fn role(report: &mut Report<'_>, role: &Role) {
    report.each("rules", &role.rules, |report, rule| self::rule(report, rule, Reach::Namespace));
}

pub(super) fn cluster_role(report: &mut Report<'_>, role: &ClusterRole) {
    report.some("aggregationRule", role.aggregation_rule.as_ref(), aggregation);
    report.each("rules", &role.rules, |report, rule| self::rule(report, rule, Reach::Everywhere));
}

pub(super) fn role_binding(report: &mut Report<'_>, binding: &RoleBinding) {
    role_ref(report, binding.role_ref.as_ref(), Reach::Namespace);
    report.each("subjects", &binding.subjects, |report, subject| {
        self::subject(report, subject, Reach::Namespace);
    });
}

pub(super) fn cluster_role_binding(report: &mut Report<'_>, binding: &ClusterRoleBinding) {
    role_ref(report, binding.role_ref.as_ref(), Reach::Everywhere);
    report.each("subjects", &binding.subjects, |report, subject| {
        self::subject(report, subject, Reach::Everywhere);
    });
}

fn rule(report: &mut Report<'_>, rule: &PolicyRule, reach: Reach) {
    report.flag_at_if(rule.verbs.is_empty(), "verbs", &code::RULE_VERBS);
    let is_of_resources =
        !(rule.api_groups.is_empty() && rule.resources.is_empty() && rule.resource_names.is_empty());
    if !rule.non_resource_urls.is_empty() {
        report.flag_at_if(reach == Reach::Namespace, "nonResourceURLs", &code::RULE_PATHS);
        return report.flag_at_if(is_of_resources, "nonResourceURLs", &code::RULE_BOTH);
    }
    report.flag_at_if(rule.api_groups.is_empty(), "apiGroups", &code::RULE_GROUPS);
    report.flag_at_if(rule.resources.is_empty(), "resources", &code::RULE_RESOURCES);
}

fn aggregation(report: &mut Report<'_>, rule: &AggregationRule) {
    let selectors = &rule.cluster_role_selectors;
    report.flag_at_if(selectors.is_empty(), "clusterRoleSelectors", &code::AGGREGATION_EMPTY);
    report.each("clusterRoleSelectors", selectors, |report, selector| {
        if let Err(error) = LabelSelector::of_document(selector) {
            report.field(&error.field, |report| {
                report.flag_with(&code::AGGREGATION_SELECTOR, &error.reason);
            });
        }
    });
}

fn role_ref(report: &mut Report<'_>, role: Option<&RoleRef>, reach: Reach) {
    let Some(role) = role else { return report.flag_at("roleRef", &code::ROLE_REF) };
    report.field("roleRef", |report| {
        report.expect("apiGroup", &*role.api_group, is_access_group, &code::ROLE_REF_GROUP);
        match reach {
            Reach::Namespace => {
                let is_role = |kind: &str| ["Role", "ClusterRole"].contains(&kind);
                report.expect("kind", &*role.kind, is_role, &code::ROLE_REF_KIND);
            }
            Reach::Everywhere => {
                let is_role = |kind: &str| kind == "ClusterRole";
                report.expect("kind", &*role.kind, is_role, &code::CLUSTER_ROLE_REF_KIND);
            }
        }
        report.expect("name", &*role.name, is_access_name, &code::ACCESS_NAME);
    });
}

/// Nothing said is the group that is meant.
fn is_access_group(group: &str) -> bool {
    group.is_empty() || group == ACCESS_GROUP
}

fn subject(report: &mut Report<'_>, subject: &Subject, reach: Reach) {
    report.flag_at_if(subject.name.is_empty(), "name", &code::SUBJECT_NAME);
    match &*subject.kind {
        "ServiceAccount" => {
            let is_right = |name: &str| name.is_empty() || is_kubernetes_name(name);
            report.expect("name", &*subject.name, is_right, &code::SUBJECT_ACCOUNT);
            report.expect("apiGroup", &*subject.api_group, str::is_empty, &code::SUBJECT_GROUP);
            let has_no_namespace = reach == Reach::Everywhere && subject.namespace.is_empty();
            report.flag_at_if(has_no_namespace, "namespace", &code::SUBJECT_NAMESPACE);
        }
        "User" | "Group" => {
            report.expect("apiGroup", &*subject.api_group, is_access_group, &code::SUBJECT_GROUP);
        }
        other => report.field("kind", |report| report.flag_value(&code::SUBJECT_KIND, other)),
    }
}
