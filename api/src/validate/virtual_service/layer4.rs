//! TLS routes, by SNI, and TCP routes.

use std::collections::BTreeMap;

use super::Scope;
use crate::{
    generated::istio::networking::v1alpha3::{RouteDestination, TcpRoute, TlsMatchAttributes, TlsRoute},
    validate::{
        address, code, destination, host, label, port,
        reference::{self, Legacy, Semantics},
        report::Report,
    },
};

pub(super) fn tls(report: &mut Report<'_>, route: &TlsRoute, scope: Scope<'_>) {
    report.flag_if(route.r#match.is_empty(), &code::VS_TLS_NO_MATCH);
    report.each("match", &route.r#match, |report, attributes| {
        sni(report, attributes, scope);
        ends(report, &attributes.destination_subnets, attributes.port);
        sources(report, &attributes.source_labels, &attributes.gateways, Legacy::Told);
    });
    to(report, &route.route, scope.semantics);
}

pub(super) fn tcp(report: &mut Report<'_>, route: &TcpRoute, scope: Scope<'_>) {
    report.each("match", &route.r#match, |report, attributes| {
        ends(report, &attributes.destination_subnets, attributes.port);
        sources(report, &attributes.source_labels, &attributes.gateways, Legacy::Untold);
    });
    to(report, &route.route, scope.semantics);
}

fn sni(report: &mut Report<'_>, attributes: &TlsMatchAttributes, scope: Scope<'_>) {
    report.flag_if(attributes.sni_hosts.is_empty(), &code::VS_SNI_MISSING);
    let is_host = if scope.names_mesh { host::is_wildcard_domain } else { host::is_gateway_sni };
    report.each("sniHosts", &attributes.sni_hosts, |report, name: &String| {
        if !is_host(name) {
            // An address is let pass, and compared with nothing.
            let code = if address::is_ip(name) { &code::VS_SNI_ADDRESS } else { &code::VS_SNI_HOST };
            report.flag_value(code, name);
        } else if !scope.hosts.iter().any(|host| host::is_within(name, host)) {
            report.flag_value(&code::VS_SNI_FOREIGN, name);
        }
    });
}

fn ends(report: &mut Report<'_>, subnets: &[String], port: u32) {
    report.expect_each("destinationSubnets", subnets, address::is_ip_or_prefix, &code::ADDRESS_INVALID);
    port::number_or_unset(report, "port", port);
}

fn sources(report: &mut Report<'_>, labels: &BTreeMap<String, String>, gateways: &[String], legacy: Legacy) {
    label::check(report, "sourceLabels", labels);
    reference::gateways(report, gateways, Semantics::Istio, legacy);
}

fn to(report: &mut Report<'_>, targets: &[RouteDestination], semantics: Semantics) {
    report.flag_if(targets.is_empty(), &code::VS_NO_DESTINATION);
    report.each("route", targets, |report, target| {
        report.flag_if(target.destination.is_none(), &code::DESTINATION_MISSING);
        if semantics == Semantics::Istio {
            report.some("destination", target.destination.as_ref(), destination::check);
        }
    });
    destination::weights(report, targets.iter().map(|target| target.weight));
}
