//! ServiceEntry: services outside the platform's registry. What is right depends on the resolution.

use super::{
    address, code,
    code::Code,
    export_to::{self, Nobody},
    host, label,
    port::{self, Protocol},
    report::Report,
    selector, workload_entry,
};
use crate::generated::istio::networking::v1alpha3::{
    ServiceEntry, ServicePort, WorkloadEntry, service_entry::Resolution,
};

pub(super) fn check(report: &mut Report<'_>, entry: &ServiceEntry) {
    if !selector::workload(report, entry.workload_selector.as_ref()) {
        return;
    }
    let both = entry.workload_selector.is_some() && !entry.endpoints.is_empty();
    report.flag_at_if(both, "endpoints", &code::SE_SELECTOR_AND_ENDPOINTS);
    report.flag_if(entry.hosts.is_empty(), &code::SE_NO_HOSTS);
    let is_host = |host: &str| host != "*" && host::is_wildcard_domain(host);
    report.expect_each("hosts", &entry.hosts, is_host, &code::SE_HOST);
    report.expect_each("addresses", &entry.addresses, address::is_ip_or_prefix, &code::ADDRESS_INVALID);
    ports(report, &entry.ports);
    by_resolution(report, entry);
    export_to::check(report, &entry.export_to, Nobody::Allowed);
}

fn ports(report: &mut Report<'_>, ports: &[ServicePort]) {
    for (index, port) in ports.iter().enumerate() {
        let earlier = &ports[..index];
        report.element("ports", index, |report| {
            port::name(report, &port.name);
            port::number(report, "number", port.number);
            port::protocol_or_unset(report, &port.protocol);
            port::number_or_unset(report, "targetPort", port.target_port);
            let name_twice = earlier.iter().any(|other| other.name == port.name);
            report.flag_at_if(name_twice, "name", &code::SE_PORT_NAME_DUPLICATE);
            let number_twice = earlier.iter().any(|other| other.number == port.number);
            report.flag_at_if(number_twice, "number", &code::SE_PORT_NUMBER_DUPLICATE);
        });
    }
}

fn by_resolution(report: &mut Report<'_>, entry: &ServiceEntry) {
    let resolution = Resolution::try_from(entry.resolution);
    match resolution {
        Ok(Resolution::None) => {
            report.flag_at_if(!entry.endpoints.is_empty(), "endpoints", &code::SE_NONE_ENDPOINTS);
        }
        Ok(Resolution::Static) => fixed(report, entry),
        Ok(Resolution::Dns) => dns(report, entry),
        Ok(Resolution::DnsRoundRobin) => {
            report.flag_at_if(entry.endpoints.len() > 1, "endpoints", &code::SE_DNS_ENDPOINTS);
            dns(report, entry);
        }
        Ok(Resolution::DynamicDns) => dynamic(report, entry),
        Err(_) => report.flag_at("resolution", &code::SE_RESOLUTION),
    }
    if !matches!(resolution, Ok(Resolution::None | Resolution::Static)) {
        report.expect_each("addresses", &entry.addresses, |text| !text.contains('/'), &code::SE_PREFIX);
    }
    if resolution != Ok(Resolution::None) && entry.hosts.len() > 1 {
        report.each("ports", &entry.ports, |report, port| {
            let says_host = matches!(Protocol::parse(&port.protocol), Some(Protocol::Http | Protocol::Tls));
            report.flag_at_if(!says_host, "protocol", &code::SE_HOSTS_BY_PORT);
        });
    }
}

fn fixed(report: &mut Report<'_>, entry: &ServiceEntry) {
    report.each("endpoints", &entry.endpoints, |report, endpoint| {
        workload_entry::endpoint(report, endpoint, address::is_ip, &code::SE_STATIC_ADDRESS);
        let socket = address::unix_path(&endpoint.address).is_some();
        report.flag_at_if(socket && entry.ports.len() != 1, "address", &code::SE_SOCKET_PORTS);
        endpoint_ports(report, endpoint, &entry.ports);
    });
}

fn dns(report: &mut Report<'_>, entry: &ServiceEntry) {
    if entry.endpoints.is_empty() {
        report.expect_each("hosts", &entry.hosts, host::is_fqdn, &code::SE_DNS_HOST);
    }
    report.each("endpoints", &entry.endpoints, |report, endpoint| {
        let is_right = |text: &str| address::is_ip(text) || host::is_fqdn(text);
        report.expect("address", endpoint.address.as_str(), is_right, &code::SE_DNS_ADDRESS);
        label::check(report, "labels", &endpoint.labels);
        workload_entry::ports(report, endpoint);
        endpoint_ports(report, endpoint, &entry.ports);
    });
}

/// An endpoint's port is a port of the service, by name.
fn endpoint_ports(report: &mut Report<'_>, endpoint: &WorkloadEntry, ports: &[ServicePort]) {
    report.entries("ports", &endpoint.ports, |report, name, _| {
        report.flag_if(!ports.iter().any(|port| port.name == name), &code::SE_ENDPOINT_PORT);
    });
}

fn dynamic(report: &mut Report<'_>, entry: &ServiceEntry) {
    report.expect_each("hosts", &entry.hosts, |host| host.starts_with('*'), &code::SE_DYNAMIC_HOST);
    let fixed: [(bool, &str, &Code); 2] = [
        (!entry.addresses.is_empty(), "addresses", &code::SE_DYNAMIC_FIXED),
        (!entry.endpoints.is_empty(), "endpoints", &code::SE_DYNAMIC_FIXED),
    ];
    for (wrong, field, code) in fixed {
        report.flag_at_if(wrong, field, code);
    }
    let says_host =
        |text: &str| matches!(text.to_ascii_uppercase().as_str(), "HTTP" | "HTTP2" | "GRPC" | "TLS");
    report.each("ports", &entry.ports, |report, port| {
        report.expect("protocol", port.protocol.as_str(), says_host, &code::SE_DYNAMIC_PROTOCOL);
    });
}
