//! Traffic policies of a destination, its subsets and its ports.

use super::{
    address, code, connection_pool, host,
    load_balancer::{self, Outliers},
    port, reference,
    report::Report,
};
use crate::generated::istio::networking::v1alpha3::{
    ClientTlsSettings, OutlierDetection, TrafficPolicy,
    client_tls_settings::TlSmode,
    traffic_policy::{PortTrafficPolicy, TunnelSettings, proxy_protocol::Version},
};
use crate::validate::duration;

pub(super) fn check(report: &mut Report<'_>, policy: &TrafficPolicy) {
    if is_empty(policy) {
        return report.flag(&code::DR_POLICY_EMPTY);
    }
    if policy.tunnel.is_some() && policy.proxy_protocol.is_some() {
        return report.flag(&code::DR_TUNNEL_AND_PROXY);
    }
    report.some("outlierDetection", policy.outlier_detection.as_ref(), outlier_detection);
    report.some("connectionPool", policy.connection_pool.as_ref(), connection_pool::check);
    let outliers = outliers(policy.outlier_detection.as_ref());
    report.some("loadBalancer", policy.load_balancer.as_ref(), |report, it| {
        load_balancer::check(report, it, outliers);
    });
    report.some("tls", policy.tls.as_ref(), tls);
    report.each("portLevelSettings", &policy.port_level_settings, port_policy);
    report.some("tunnel", policy.tunnel.as_ref(), tunnel);
    report.some("proxyProtocol", policy.proxy_protocol.as_ref(), |report, proxy| {
        let known = |version: &i32| Version::try_from(*version).is_ok();
        report.expect("version", &proxy.version, known, &code::DR_PROXY_VERSION);
    });
}

fn is_empty(policy: &TrafficPolicy) -> bool {
    policy.outlier_detection.is_none()
        && policy.connection_pool.is_none()
        && policy.load_balancer.is_none()
        && policy.tls.is_none()
        && policy.port_level_settings.is_empty()
        && policy.tunnel.is_none()
        && policy.proxy_protocol.is_none()
        && policy.retry_budget.is_none()
}

fn port_policy(report: &mut Report<'_>, policy: &PortTrafficPolicy) {
    report.flag_if(policy.port.is_none(), &code::PORT_MISSING);
    let empty = policy.outlier_detection.is_none()
        && policy.connection_pool.is_none()
        && policy.load_balancer.is_none()
        && policy.tls.is_none();
    report.flag_if(empty, &code::DR_PORT_POLICY_EMPTY);
    report.some("outlierDetection", policy.outlier_detection.as_ref(), outlier_detection);
    report.some("connectionPool", policy.connection_pool.as_ref(), connection_pool::check);
    let outliers = outliers(policy.outlier_detection.as_ref());
    report.some("loadBalancer", policy.load_balancer.as_ref(), |report, it| {
        load_balancer::check(report, it, outliers);
    });
    report.some("tls", policy.tls.as_ref(), tls);
}

fn outliers(detection: Option<&OutlierDetection>) -> Outliers {
    if detection.is_some() { Outliers::Detected } else { Outliers::Undetected }
}

fn tunnel(report: &mut Report<'_>, tunnel: &TunnelSettings) {
    let known = |protocol: &str| matches!(protocol, "" | "CONNECT" | "POST");
    report.expect("protocol", tunnel.protocol.as_str(), known, &code::DR_TUNNEL_PROTOCOL);
    let is_right = |host: &str| host::is_fqdn(host) || address::is_ip(host);
    report.expect("targetHost", tunnel.target_host.as_str(), is_right, &code::DR_TUNNEL_HOST);
    port::number(report, "targetPort", tunnel.target_port);
}

#[allow(deprecated)] // what is deprecated is still validated
fn outlier_detection(report: &mut Report<'_>, outlier: &OutlierDetection) {
    report.flag_at_if(
        outlier.consecutive_errors != 0,
        "consecutiveErrors",
        &code::OUTLIER_CONSECUTIVE_ERRORS,
    );
    duration::positive(report, "baseEjectionTime", outlier.base_ejection_time.as_ref());
    duration::positive(report, "interval", outlier.interval.as_ref());
    let counted =
        outlier.consecutive_local_origin_failures.as_ref().is_some_and(|failures| failures.value > 0);
    let unsplit = counted && !outlier.split_external_local_origin_errors;
    report.flag_at_if(unsplit, "consecutiveLocalOriginFailures", &code::OUTLIER_LOCAL_ORIGIN);
    let is_percent = |percent: &i32| (0..=100).contains(percent);
    report.expect("maxEjectionPercent", &outlier.max_ejection_percent, is_percent, &code::PERCENT);
    report.expect("minHealthPercent", &outlier.min_health_percent, is_percent, &code::PERCENT);
}

fn tls(report: &mut Report<'_>, tls: &ClientTlsSettings) {
    reference::credential(report, &tls.credential_name);
    let (simple, mutual) = (tls.mode == TlSmode::Simple as i32, tls.mode == TlSmode::Mutual as i32);
    if !simple && !mutual {
        return;
    }
    let credential = !tls.credential_name.is_empty();
    let verifies =
        !tls.ca_certificates.is_empty() || !tls.subject_alt_names.is_empty() || (simple && credential);
    let skips = tls.insecure_skip_verify.as_ref().is_some_and(|skip| skip.value);
    report.flag_at_if(skips && verifies, "insecureSkipVerify", &code::DR_TLS_SKIP_VERIFY);
    let files = [&tls.client_certificate, &tls.private_key, &tls.ca_certificates, &tls.ca_crl];
    let has_files = files.iter().any(|file| !file.is_empty());
    report.flag_at_if(credential && has_files, "credentialName", &code::DR_TLS_CREDENTIAL);
    let incomplete = tls.client_certificate.is_empty() || tls.private_key.is_empty();
    report.flag_if(mutual && !credential && incomplete, &code::DR_TLS_MUTUAL);
}
