//! WorkloadEntry, by itself and as an endpoint of a ServiceEntry.

use super::{address, code, code::Code, host, label, port, report::Report};
use crate::generated::istio::networking::v1alpha3::WorkloadEntry;

pub(super) fn check(report: &mut Report<'_>, workload: &WorkloadEntry) {
    endpoint(report, workload, |text| address::is_ip(text) || host::is_fqdn(text), &code::WE_ADDRESS);
}

/// A workload whose address may also be a socket; without one it is reached through its network's gateway.
pub(super) fn endpoint(
    report: &mut Report<'_>,
    workload: &WorkloadEntry,
    is_address: impl Fn(&str) -> bool,
    wrong_address: &Code,
) {
    if workload.address.is_empty() && workload.network.is_empty() {
        return report.flag(&code::WE_NO_ADDRESS);
    }
    report.flag_if(workload.address.is_empty(), &code::WE_NETWORK_ONLY);
    if address::unix_path(&workload.address).is_some() {
        report.expect("address", workload.address.as_str(), address::is_unix, &code::SOCKET_INVALID);
        report.flag_at_if(!workload.ports.is_empty(), "ports", &code::WE_SOCKET_PORTS);
    } else if !workload.address.is_empty() {
        report.expect("address", workload.address.as_str(), is_address, wrong_address);
    }
    ports(report, workload);
    label::check(report, "labels", &workload.labels);
}

/// Ports by name.
pub(super) fn ports(report: &mut Report<'_>, workload: &WorkloadEntry) {
    report.entries("ports", &workload.ports, |report, name, number| {
        if !host::is_label(name) {
            report.flag_value(&code::PORT_NAME, name);
        }
        if !port::is_number(number) {
            report.flag_value(&code::PORT_RANGE, number);
        }
    });
}
