//! DestinationRule: a host, its subsets, and how to talk to it.

use super::{
    code,
    export_to::{self, Nobody},
    host, label,
    report::Report,
    selector, traffic_policy,
};
use crate::generated::istio::networking::v1alpha3::{DestinationRule, Subset};

pub(super) fn check(report: &mut Report<'_>, rule: &DestinationRule) {
    report.expect("host", rule.host.as_str(), host::is_wildcard_domain, &code::DR_HOST);
    report.some("trafficPolicy", rule.traffic_policy.as_ref(), traffic_policy::check);
    subsets(report, &rule.subsets);
    selector::check(report, "workloadSelector", rule.workload_selector.as_ref());
    export_to::check(report, &rule.export_to, Nobody::Refused);
    if rule.workload_selector.is_some() {
        export_to::own_namespace_only(report, &rule.export_to);
    }
}

fn subsets(report: &mut Report<'_>, subsets: &[Subset]) {
    for (index, subset) in subsets.iter().enumerate() {
        let duplicate = subsets[..index].iter().any(|earlier| earlier.name == subset.name);
        report.element("subsets", index, |report| {
            report.expect("name", subset.name.as_str(), host::is_label, &code::DR_SUBSET_NAME);
            report.flag_at_if(duplicate && !subset.name.is_empty(), "name", &code::DR_SUBSET_DUPLICATE);
            label::check(report, "labels", &subset.labels);
            report.some("trafficPolicy", subset.traffic_policy.as_ref(), traffic_policy::check);
        });
    }
}
