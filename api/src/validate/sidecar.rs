//! Sidecar: what a workload listens on, and what it may reach.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    address, code, connection_pool, destination, host,
    port::{self, Protocol},
    report::Report,
    selector, server_tls,
};
use crate::generated::istio::networking::v1alpha3::{
    CaptureMode, IstioEgressListener, IstioIngressListener, OutboundTrafficPolicy, ServerTlsSettings,
    Sidecar, SidecarPort, outbound_traffic_policy::Mode, server_tls_settings::TlSmode,
};

/// ALLOW_ANY_DYNAMIC_DNS of the mesh's own configuration, which a Sidecar has no name for.
const DYNAMIC_DNS: i32 = 3;

pub(super) fn check(report: &mut Report<'_>, sidecar: &Sidecar) {
    if !selector::workload(report, sidecar.workload_selector.as_ref()) {
        return;
    }
    let says_something = !sidecar.egress.is_empty()
        || !sidecar.ingress.is_empty()
        || sidecar.outbound_traffic_policy.is_some()
        || sidecar.inbound_connection_pool.is_some();
    if !says_something {
        return report.flag(&code::SC_EMPTY);
    }
    ingress(report, &sidecar.ingress);
    egress(report, &sidecar.egress);
    report.some("inboundConnectionPool", sidecar.inbound_connection_pool.as_ref(), connection_pool::check);
    report.some("outboundTrafficPolicy", sidecar.outbound_traffic_policy.as_ref(), outbound);
}

fn ingress(report: &mut Report<'_>, listeners: &[IstioIngressListener]) {
    for (index, listener) in listeners.iter().enumerate() {
        let earlier = &listeners[..index];
        report.element("ingress", index, |report| {
            let Some(port) = &listener.port else { return report.flag(&code::PORT_MISSING) };
            report.field("port", |report| {
                port::number(report, "number", port.number);
                name_and_protocol(report, port);
            });
            let same =
                |other: &IstioIngressListener| other.port.as_ref().is_some_and(|it| it.number == port.number);
            report.flag_at_if(earlier.iter().any(same), "port", &code::SC_PORT_DUPLICATE);
            let is_bind = |bind: &str| bind.is_empty() || address::is_ip(bind);
            report.expect("bind", listener.bind.as_str(), is_bind, &code::BIND_INVALID);
            report.expect(
                "defaultEndpoint",
                listener.default_endpoint.as_str(),
                is_endpoint,
                &code::SC_ENDPOINT,
            );
            report.some("tls", listener.tls.as_ref(), |report, it| tls(report, it, port));
            report.some("connectionPool", listener.connection_pool.as_ref(), |report, pool| {
                connection_pool::check(report, pool);
                let plain = Protocol::parse(&port.protocol) == Some(Protocol::Http);
                report.flag_at_if(pool.http.is_some() && !plain, "http", &code::SC_POOL_PROTOCOL);
            });
        });
    }
}

/// Certificates of a sidecar are files of its own.
fn tls(report: &mut Report<'_>, tls: &ServerTlsSettings, port: &SidecarPort) {
    let mode = TlSmode::try_from(tls.mode);
    for (unsupported, name) in [
        (!tls.subject_alt_names.is_empty(), "subjectAltNames"),
        (tls.https_redirect, "httpsRedirect"),
        (!tls.credential_name.is_empty(), "credentialName"),
        (!tls.credential_names.is_empty(), "credentialNames"),
        (!tls.tls_certificates.is_empty(), "tlsCertificates"),
        (matches!(mode, Ok(TlSmode::IstioMutual | TlSmode::AutoPassthrough)), "mode"),
    ] {
        report.flag_at_if(unsupported, name, &code::SC_TLS);
    }
    report.flag_if(Protocol::parse(&port.protocol) != Some(Protocol::Tls), &code::SC_TLS_PROTOCOL);
    server_tls::check(report, tls);
}

fn name_and_protocol(report: &mut Report<'_>, port: &SidecarPort) {
    let is_name = |name: &str| name.is_empty() || host::is_label(name);
    report.expect("name", port.name.as_str(), is_name, &code::PORT_NAME);
    port::protocol_or_unset(report, &port.protocol);
    #[allow(deprecated)] // what is deprecated is still validated
    let target = port.target_port;
    report.flag_at_if(target > 0, "targetPort", &code::PORT_TARGET);
}

/// Where an ingress listener sends to: the workload itself.
fn is_endpoint(text: &str) -> bool {
    if text.is_empty() || address::is_unix(text) {
        return true;
    }
    let Some((host, port)) = split_port(text) else { return false };
    let known = matches!(host, "" | "127.0.0.1" | "0.0.0.0" | "::1" | "::");
    known && port.parse::<i32>().is_ok_and(|port| (1..=65535).contains(&port))
}

/// `host:port`, the host in brackets where it has colons; or where it has none.
fn split_port(text: &str) -> Option<(&str, &str)> {
    let (host, port) = text.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(inside) => inside.strip_suffix(']')?,
        None if host.contains(':') => return None,
        None => host,
    };
    (!host.contains(['[', ']']) && !port.contains(['[', ']'])).then_some((host, port))
}

fn egress(report: &mut Report<'_>, listeners: &[IstioEgressListener]) {
    for (index, listener) in listeners.iter().enumerate() {
        let earlier = &listeners[..index];
        let is_last = index + 1 == listeners.len();
        report.element("egress", index, |report| {
            match &listener.port {
                None => report.flag_if(!is_last, &code::SC_CATCH_ALL),
                Some(port) if port.number == 0 => socket(report, listener, earlier),
                Some(port) => numbered(report, listener, port, earlier),
            }
            report.some("port", listener.port.as_ref(), name_and_protocol);
            report.flag_if(listener.hosts.is_empty(), &code::SC_NO_HOSTS);
            report.expect_each("hosts", &listener.hosts, is_namespaced_host, &code::SC_HOST);
            host_duplicates(report, &listener.hosts);
        });
    }
}

fn socket(report: &mut Report<'_>, listener: &IstioEgressListener, earlier: &[IstioEgressListener]) {
    let captures = listener.capture_mode != CaptureMode::Default as i32
        && listener.capture_mode != CaptureMode::None as i32;
    report.flag_if(captures || !address::is_unix(&listener.bind), &code::SC_SOCKET_PORT);
    let same = |other: &IstioEgressListener| {
        other.bind == listener.bind && other.port.as_ref().is_some_and(|port| port.number == 0)
    };
    report.flag_at_if(earlier.iter().any(same), "bind", &code::SC_BIND_DUPLICATE);
}

fn numbered(
    report: &mut Report<'_>,
    listener: &IstioEgressListener,
    port: &SidecarPort,
    earlier: &[IstioEgressListener],
) {
    report.field("port", |report| port::number(report, "number", port.number));
    let is_bind = |bind: &str| bind.is_empty() || address::is_ip(bind);
    report.expect("bind", listener.bind.as_str(), is_bind, &code::BIND_INVALID);
    let same = |other: &IstioEgressListener| other.port.as_ref().is_some_and(|it| it.number == port.number);
    report.flag_at_if(earlier.iter().any(same), "port", &code::SC_PORT_DUPLICATE);
}

/// Hosts that others include. Those that are taken out (`~`) don't count.
fn host_duplicates(report: &mut Report<'_>, hosts: &[String]) {
    let own = report.namespace();
    let mut seen: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (index, text) in hosts.iter().enumerate() {
        let Some((namespace, host)) = text.split_once('/').filter(|_| !text.starts_with('~')) else {
            continue;
        };
        let of_namespace = seen.entry(if namespace == "." { own } else { namespace }).or_default();
        let covered = match host {
            "*" => !of_namespace.is_empty(),
            _ => of_namespace.contains(host) || of_namespace.contains("*"),
        };
        of_namespace.insert(host);
        if covered {
            report.element("hosts", index, |report| report.flag_value(&code::SC_HOST_DUPLICATE, text));
        }
    }
    let all = seen.get("*").is_some_and(|hosts| hosts.contains("*"));
    report.flag_at_if(all && seen.len() > 1, "hosts", &code::SC_HOST_ALL);
}

/// `namespace/host`; a leading `~` of the namespace takes the hosts out instead.
fn is_namespaced_host(text: &str) -> bool {
    let Some((namespace, host)) = text.split_once('/') else { return false };
    if namespace.is_empty() {
        return false;
    }
    let namespace = namespace.strip_prefix('~').unwrap_or(namespace);
    let namespace_is_right = matches!(namespace, "" | "*" | ".") || host::is_label(namespace);
    let is_name = host.contains('.') && host::is_wildcard_domain(host) && !host::is_partial_wildcard(host);
    namespace_is_right && (host == "*" || is_name)
}

fn outbound(report: &mut Report<'_>, policy: &OutboundTrafficPolicy) {
    if policy.mode == DYNAMIC_DNS {
        return report.flag_at("mode", &code::SC_DYNAMIC_DNS);
    }
    let Some(proxy) = &policy.egress_proxy else { return };
    report.field("egressProxy", |report| {
        let right =
            policy.mode == Mode::AllowAny as i32 && proxy.port.is_some() && host::is_fqdn(&proxy.host);
        report.flag_if(!right, &code::SC_EGRESS_PROXY);
        destination::check(report, proxy);
    });
}
