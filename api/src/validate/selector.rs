//! What a policy applies to: workloads by label, or a target by reference.

use std::collections::BTreeMap;

use super::{code, report::Report};
use crate::generated::istio::{
    networking::v1alpha3,
    r#type::v1beta1::{PolicyTargetReference, WorkloadSelector},
};

/// What a target may be, as (group, kind).
const TARGETS: [(&str, &str); 5] = [
    ("", "Service"),
    ("core", "Service"),
    ("networking.istio.io", "ServiceEntry"),
    ("gateway.networking.k8s.io", "Gateway"),
    ("gateway.networking.k8s.io", "GatewayClass"),
];

/// A selector's labels are compared as they stand, so wildcards would never match.
fn labels(report: &mut Report<'_>, name: &str, labels: &BTreeMap<String, String>) {
    report.flag_if(labels.is_empty(), &code::SELECTOR_EMPTY);
    report.entries(name, labels, |report, key, value| {
        report.flag_if(key.is_empty(), &code::SELECTOR_KEY_EMPTY);
        report.flag_if(key.contains('*') || value.contains('*'), &code::SELECTOR_WILDCARD);
    });
}

/// `selector` of the policies and `workloadSelector` of DestinationRule.
pub(super) fn check(report: &mut Report<'_>, name: &str, selector: Option<&WorkloadSelector>) {
    report.some(name, selector, |report, selector| labels(report, "matchLabels", &selector.match_labels));
}

/// `workloadSelector` of Sidecar, ServiceEntry and EnvoyFilter. Whether the rest is worth looking at.
pub(super) fn workload(report: &mut Report<'_>, selector: Option<&v1alpha3::WorkloadSelector>) -> bool {
    let errors = report.errors();
    report.some("workloadSelector", selector, |report, selector| labels(report, "labels", &selector.labels));
    report.errors() == errors
}

/// The three ways to say what a policy is for, of which one may be used.
pub(super) fn target(
    report: &mut Report<'_>,
    selector: Option<&WorkloadSelector>,
    target_ref: Option<&PolicyTargetReference>,
    target_refs: &[PolicyTargetReference],
) {
    let used = [selector.is_some(), target_ref.is_some(), !target_refs.is_empty()];
    report.flag_if(used.iter().filter(|used| **used).count() > 1, &code::TARGET_AMBIGUOUS);
    check(report, "selector", selector);
    report.some("targetRef", target_ref, target_reference);
    report.each("targetRefs", target_refs, target_reference);
}

fn target_reference(report: &mut Report<'_>, target: &PolicyTargetReference) {
    report.flag_at_if(target.name.is_empty(), "name", &code::TARGET_NAME);
    report.flag_at_if(!target.namespace.is_empty(), "namespace", &code::TARGET_NAMESPACE);
    if !TARGETS.contains(&(&target.group, &target.kind)) {
        report.flag_value(&code::TARGET_KIND, format_args!("{}/{}", target.group, target.kind));
    }
}
