//! VirtualService: hosts, gateways, and routes of three protocols.

mod cors;
mod fault;
mod headers;
mod http;
mod http_match;
mod layer4;
mod reachability;
mod redirect;
mod retry;

use super::{
    address, code,
    export_to::{self, Nobody},
    header, host,
    reference::{self, Legacy, Semantics},
    report::Report,
};
use crate::generated::istio::networking::v1alpha3::VirtualService;

/// What the whole says about each of its routes.
#[derive(Clone, Copy)]
struct Scope<'a> {
    hosts: &'a [String],
    /// Bound to gateways and not to the sidecars of the mesh.
    gateway_only: bool,
    /// Bound to the sidecars of the mesh by name. istiod takes names of TLS routes for those at gateways unless it is so.
    names_mesh: bool,
    semantics: Semantics,
}

impl Scope<'_> {
    /// Without hosts it is a delegate: included by another one's route.
    fn is_delegate(&self) -> bool {
        self.hosts.is_empty()
    }
}

pub(super) fn check(report: &mut Report<'_>, service: &VirtualService) {
    let scope = scope(report, service);
    if scope.is_delegate() {
        delegate(report, service);
    }
    reference::gateways(report, &service.gateways, scope.semantics, Legacy::Told);
    hosts(report, service, scope);
    if !scope.gateway_only {
        claims(report, service);
    }
    let routes = service.http.len() + service.tls.len() + service.tcp.len();
    report.flag_if(routes == 0, &code::VS_NO_ROUTES);
    report.each("http", &service.http, |report, route| http::check(report, route, scope));
    report.each("tls", &service.tls, |report, route| layer4::tls(report, route, scope));
    report.each("tcp", &service.tcp, |report, route| layer4::tcp(report, route, scope));
    export_to::check(report, &service.export_to, Nobody::Refused);
    reachability::check(report, service);
}

fn scope<'a>(report: &Report<'_>, service: &'a VirtualService) -> Scope<'a> {
    let semantics = match report.annotation("internal.istio.io/route-semantics") {
        Some("gateway") => Semantics::GatewayApi,
        _ => Semantics::Istio,
    };
    let names_mesh = service.gateways.iter().any(|gateway| gateway == "mesh");
    let gateway_only = !service.gateways.is_empty() && !names_mesh;
    Scope { hosts: &service.hosts, gateway_only, names_mesh, semantics }
}

fn delegate(report: &mut Report<'_>, service: &VirtualService) {
    report.flag_at_if(!service.gateways.is_empty(), "gateways", &code::VS_DELEGATE_GATEWAYS);
    report.flag_at_if(!service.tls.is_empty(), "tls", &code::VS_DELEGATE_TLS);
    report.flag_at_if(!service.tcp.is_empty(), "tcp", &code::VS_DELEGATE_TCP);
}

fn hosts(report: &mut Report<'_>, service: &VirtualService, scope: Scope<'_>) {
    let errors = report.errors();
    let by_sni = scope.gateway_only
        && service.tls.iter().flat_map(|tls| &tls.r#match).any(|m| !m.sni_hosts.is_empty());
    let is_host = if by_sni { host::is_gateway_sni } else { host::is_wildcard_domain };
    report.expect_each("hosts", &service.hosts, |host| is_host(host) || address::is_ip(host), &code::VS_HOST);
    let any_is_right = |host: &str| scope.gateway_only || host != "*";
    report.expect_each("hosts", &service.hosts, any_is_right, &code::VS_HOST_ANY);
    if report.errors() > errors {
        return;
    }
    for (index, host) in service.hosts.iter().enumerate() {
        if service.hosts[..index].iter().any(|earlier| host::overlap(earlier, host)) {
            report.element("hosts", index, |report| report.flag_value(&code::VS_HOST_DUPLICATE, host));
        }
    }
}

/// Only gateways verify tokens before they route.
fn claims(report: &mut Report<'_>, service: &VirtualService) {
    report.each("http", &service.http, |report, route| {
        report.each("match", &route.r#match, |report, request| {
            for (name, headers) in
                [("headers", &request.headers), ("withoutHeaders", &request.without_headers)]
            {
                report.entries(name, headers, |report, header, _| {
                    report.flag_if(header::is_jwt_claim(header), &code::VS_CLAIM_IN_MESH);
                });
            }
        });
    });
}
