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
    ServiceEntry, ServicePort, WorkloadEntry,
    service_entry::{Location, Resolution},
};

/// A label by which an entry declines addresses of istiod's choice.
const AUTO_ALLOCATION: &str = "networking.istio.io/enable-autoallocate-ip";

/// A label that names the waypoint of an entry.
const WAYPOINT: &str = "istio.io/use-waypoint";

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
    if entry.resolution != Resolution::DynamicDns as i32 {
        let is_whole = |host: &str| !host::is_partial_wildcard(host);
        report.expect_each("hosts", &entry.hosts, is_whole, &code::SE_PARTIAL_WILDCARD);
    }
    ports(report, &entry.ports);
    addressless(report, entry);
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

/// Connections without a host name are told apart by address: one of the entry's own, or one that istiod allots.
fn addressless(report: &mut Report<'_>, entry: &ServiceEntry) {
    let refused = report.label(AUTO_ALLOCATION).is_some_and(|value| value.eq_ignore_ascii_case("false"));
    let allotted = entry.resolution != Resolution::None as i32 && !refused;
    if entry.addresses.is_empty() && !allotted {
        let says_host = |protocol: &str| !matches!(protocol, "" | "TCP");
        report.each("ports", &entry.ports, |report, port| {
            report.flag_if(!says_host(&port.protocol), &code::SE_NO_ADDRESS);
        });
    }
}

fn by_resolution(report: &mut Report<'_>, entry: &ServiceEntry) {
    let resolution = Resolution::try_from(entry.resolution);
    match resolution {
        Ok(Resolution::None) => {
            report.flag_at_if(!entry.endpoints.is_empty(), "endpoints", &code::SE_NONE_ENDPOINTS);
            report.flag_at_if(entry.workload_selector.is_some(), "workloadSelector", &code::SE_NONE_SELECTOR);
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
    let by_address = |protocol: &str| {
        let known = Protocol::parse(protocol);
        known == Some(Protocol::Tcp) || known == Some(Protocol::Tls)
    };
    let shared = !entry.addresses.is_empty() && entry.hosts.len() > 1;
    let any = entry.ports.iter().any(|port| by_address(&port.protocol));
    report.flag_at_if(shared && any, "hosts", &code::SE_ADDRESS_HOSTS);
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
    let location = Location::try_from(entry.location);
    report.flag_at_if(location.is_err(), "location", &code::SE_DYNAMIC_LOCATION);
    let waypoint =
        report.label(WAYPOINT).is_some_and(|name| !name.is_empty() && !name.eq_ignore_ascii_case("none"));
    let inside = location == Ok(Location::MeshInternal);
    report.flag_at_if(inside && waypoint, "location", &code::SE_DYNAMIC_WAYPOINT);
    let says_host =
        |text: &str| matches!(text.to_ascii_uppercase().as_str(), "HTTP" | "HTTP2" | "GRPC" | "TLS");
    report.each("ports", &entry.ports, |report, port| {
        report.expect("protocol", port.protocol.as_str(), says_host, &code::SE_DYNAMIC_PROTOCOL);
    });
}
