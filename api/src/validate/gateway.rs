//! Gateway: servers, their ports, hosts and TLS.

use super::{
    address, code, host,
    port::{self, Protocol},
    reference::Semantics,
    report::Report,
    server_tls,
};
use crate::generated::istio::networking::v1alpha3::{
    Gateway, Port, Server, ServerTlsSettings, server_tls_settings::TlSmode,
};

pub(super) fn check(report: &mut Report<'_>, gateway: &Gateway) {
    let semantics = match report.annotation("internal.istio.io/gateway-semantics") {
        Some("gateway") => Semantics::GatewayApi,
        _ => Semantics::Istio,
    };
    let name = &*report.resource().key.name;
    // The findings of a name stand beside `spec`, not in it.
    if semantics == Semantics::Istio && !host::is_label(name) {
        report.flag_outside("metadata.name", &code::GW_NAME, name);
    }
    report.flag_if(gateway.servers.is_empty(), &code::GW_NO_SERVERS);
    for (index, server) in gateway.servers.iter().enumerate() {
        let earlier = &gateway.servers[..index];
        report.element("servers", index, |report| {
            check_server(report, server, semantics);
            let has_name =
                |other: &Server| port_name(other).is_some() && port_name(other) == port_name(server);
            report.flag_at_if(earlier.iter().any(has_name), "port", &code::GW_PORT_DUPLICATE);
        });
    }
}

fn port_name(server: &Server) -> Option<&str> {
    server.port.as_ref().map(|port| port.name.as_str()).filter(|name| !name.is_empty())
}

fn check_server(report: &mut Report<'_>, server: &Server, semantics: Semantics) {
    report.flag_if(server.hosts.is_empty(), &code::GW_NO_HOSTS);
    report.expect_each("hosts", &server.hosts, |host| is_host(host, semantics), &code::GW_HOST);
    bind(report, server);
    report.some("tls", server.tls.as_ref(), server_tls::check);
    let Some(port) = &server.port else { return report.flag(&code::PORT_MISSING) };
    let errors = report.errors();
    report.field("port", |report| check_port(report, port, address::unix_path(&server.bind).is_some()));
    if report.errors() == errors {
        tls_for_protocol(report, port, server.tls.as_ref());
    }
    let redirects = server.tls.as_ref().is_some_and(|tls| tls.https_redirect);
    let plain = Protocol::parse(&port.protocol) == Some(Protocol::Http);
    report.flag_at_if(redirects && !plain, "tls", &code::GW_REDIRECT_PROTOCOL);
}

fn bind(report: &mut Report<'_>, server: &Server) {
    if !server.bind.is_empty() {
        address::unix_or_ip(report, "bind", &server.bind);
    }
    let socket = address::unix_path(&server.bind).is_some();
    let numbered = server.port.as_ref().is_some_and(|port| port.number != 0);
    report.flag_at_if(socket && numbered, "port", &code::GW_SOCKET_PORT);
}

fn check_port(report: &mut Report<'_>, port: &Port, on_socket: bool) {
    report.expect(
        "protocol",
        port.protocol.as_str(),
        |text| Protocol::parse(text).is_some(),
        &code::GW_PROTOCOL,
    );
    if port.number != 0 || !on_socket {
        port::number(report, "number", port.number);
    }
    #[allow(deprecated)] // what is deprecated is still validated
    let target = port.target_port;
    report.flag_at_if(target > 0, "targetPort", &code::PORT_TARGET);
    report.flag_at_if(port.name.is_empty(), "name", &code::GW_PORT_NAME);
}

/// Which protocols need TLS settings, and which can't have them.
fn tls_for_protocol(report: &mut Report<'_>, port: &Port, tls: Option<&ServerTlsSettings>) {
    match (Protocol::parse(&port.protocol), tls) {
        (Some(Protocol::Tls), None) => report.flag(&code::GW_TLS_MISSING),
        (Some(Protocol::Http), Some(tls)) => {
            report.flag_at_if(!is_redirect_only(tls), "tls", &code::GW_TLS_PLAIN)
        }
        (Some(Protocol::Tcp | Protocol::Udp), Some(_)) => report.flag_at("tls", &code::GW_TLS_TCP),
        _ => {}
    }
}

/// Plain HTTP has TLS settings for `httpsRedirect` alone.
fn is_redirect_only(tls: &ServerTlsSettings) -> bool {
    let mode = TlSmode::try_from(tls.mode);
    matches!(mode, Ok(TlSmode::Passthrough | TlSmode::AutoPassthrough))
        && [&tls.ca_certificates, &tls.private_key, &tls.server_certificate]
            .iter()
            .all(|file| file.is_empty())
}

/// `host` or `namespace/host`. A name has a dot, a wildcard is a whole label.
fn is_host(text: &str, semantics: Semantics) -> bool {
    let (namespace, name) = match text.split_once('/') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, text),
    };
    let namespace_is_right = namespace.is_none_or(|namespace| {
        matches!(namespace, "*" | ".")
            || (namespace == "~" && semantics == Semantics::GatewayApi)
            || host::is_label(namespace)
    });
    let is_name = name.contains('.')
        && (host::is_wildcard_domain(name) || address::is_ip(name))
        && !host::is_partial_wildcard(name);
    namespace_is_right && (name == "*" || is_name)
}
