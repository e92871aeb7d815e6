//! Destinations of routes, mirrors and egress proxies, and their weights.

use super::{code, host, port, report::Report};
use crate::generated::istio::networking::v1alpha3::Destination;

/// A host that can be sent to, a subset's name, a port's number. Whether they exist is not a question of one resource.
pub(super) fn check(report: &mut Report<'_>, destination: &Destination) {
    let is_right = |host: &str| host != "*" && host::is_wildcard_domain(host);
    report.expect("host", destination.host.as_str(), is_right, &code::DESTINATION_HOST);
    let subset_is_right = |subset: &str| subset.is_empty() || host::is_label(subset);
    report.expect("subset", destination.subset.as_str(), subset_is_right, &code::SUBSET_NAME);
    report.some("port", destination.port.as_ref(), |report, selector| {
        port::number(report, "number", selector.number)
    });
}

/// No weight is negative; of several, one at least is not 0. They need not add up to 100.
pub(super) fn weights(report: &mut Report<'_>, weights: impl Iterator<Item = i32>) {
    let weights: Vec<i32> = weights.collect();
    for (index, weight) in weights.iter().enumerate() {
        let is_right = |weight: &i32| *weight >= 0;
        report.element("route", index, |report| {
            report.expect("weight", weight, is_right, &code::WEIGHT_NEGATIVE)
        });
    }
    // istiod adds up in 32 bits, and wraps.
    let sum = weights.iter().fold(0i32, |sum, weight| sum.wrapping_add(*weight));
    report.flag_at_if(weights.len() > 1 && sum == 0, "route", &code::WEIGHT_SUM);
}
