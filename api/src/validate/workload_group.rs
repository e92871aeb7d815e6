//! WorkloadGroup. Its template is not looked at: only what becomes of it is.

use super::{code, header, label, port, report::Report};
use crate::generated::istio::networking::v1alpha3::{
    HttpHealthCheckConfig, ReadinessProbe, WorkloadGroup, readiness_probe::HealthCheckMethod,
};

pub(super) fn check(report: &mut Report<'_>, group: &WorkloadGroup) {
    if group.template.is_none() {
        return report.flag(&code::WG_NO_TEMPLATE);
    }
    report.some("metadata", group.metadata.as_ref(), |report, meta| {
        label::check(report, "labels", &meta.labels)
    });
    report.some("probe", group.probe.as_ref(), probe);
}

fn probe(report: &mut Report<'_>, probe: &ReadinessProbe) {
    for (name, value) in [
        ("periodSeconds", probe.period_seconds),
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ] {
        report.flag_at_if(value < 0, name, &code::NEGATIVE);
    }
    match &probe.health_check_method {
        None => report.flag(&code::PROBE_NO_METHOD),
        Some(HealthCheckMethod::Grpc(_)) => report.flag_at("grpc", &code::PROBE_GRPC),
        Some(HealthCheckMethod::HttpGet(http)) => report.field("httpGet", |report| http_get(report, http)),
        Some(HealthCheckMethod::TcpSocket(tcp)) => {
            report.field("tcpSocket", |report| port::number(report, "port", tcp.port));
        }
        Some(HealthCheckMethod::Exec(exec)) => {
            report.field("exec", |report| report.flag_if(exec.command.is_empty(), &code::PROBE_COMMAND));
        }
    }
}

fn http_get(report: &mut Report<'_>, http: &HttpHealthCheckConfig) {
    port::number(report, "port", http.port);
    let known = |scheme: &str| matches!(scheme, "" | "HTTP" | "HTTPS");
    report.expect("scheme", http.scheme.as_str(), known, &code::PROBE_SCHEME);
    report.each("httpHeaders", &http.http_headers, |report, header| {
        report.expect("name", header.name.as_str(), header::is_probe_name, &code::PROBE_HEADER);
    });
}
