//! Connection pools, of destinations and of sidecars.

use super::{code, duration, report::Report};
use crate::generated::istio::networking::v1alpha3::{
    ConnectionPoolSettings,
    connection_pool_settings::{HttpSettings, TcpSettings, http_settings::H2UpgradePolicy},
};

pub(super) fn check(report: &mut Report<'_>, pool: &ConnectionPoolSettings) {
    if pool.http.is_none() && pool.tcp.is_none() {
        return report.flag(&code::POOL_EMPTY);
    }
    report.some("http", pool.http.as_ref(), http);
    report.some("tcp", pool.tcp.as_ref(), tcp);
}

fn http(report: &mut Report<'_>, http: &HttpSettings) {
    for (name, value) in [
        ("http1MaxPendingRequests", http.http1_max_pending_requests),
        ("http2MaxRequests", http.http2_max_requests),
        ("maxRequestsPerConnection", http.max_requests_per_connection),
        ("maxRetries", http.max_retries),
        ("maxConcurrentStreams", http.max_concurrent_streams),
    ] {
        report.flag_at_if(value < 0, name, &code::NEGATIVE);
    }
    duration::positive(report, "idleTimeout", http.idle_timeout.as_ref());
    let upgrades = http.h2_upgrade_policy == H2UpgradePolicy::Upgrade as i32;
    report.flag_at_if(upgrades && http.use_client_protocol, "h2UpgradePolicy", &code::POOL_UPGRADE);
    report.some("http2KeepAlive", http.http2_keep_alive.as_ref(), |report, keep_alive| {
        duration::required(report, "interval", keep_alive.interval.as_ref());
        duration::required(report, "timeout", keep_alive.timeout.as_ref());
    });
}

fn tcp(report: &mut Report<'_>, tcp: &TcpSettings) {
    report.flag_at_if(tcp.max_connections < 0, "maxConnections", &code::NEGATIVE);
    duration::positive(report, "connectTimeout", tcp.connect_timeout.as_ref());
    duration::positive(report, "maxConnectionDuration", tcp.max_connection_duration.as_ref());
    report.some("tcpKeepalive", tcp.tcp_keepalive.as_ref(), |report, keepalive| {
        duration::positive(report, "time", keepalive.time.as_ref());
        duration::positive(report, "interval", keepalive.interval.as_ref());
    });
    // Anything below 1 ms in size switches the timeout off.
    let idle =
        tcp.idle_timeout.as_ref().filter(|idle| duration::nanos(idle).abs() >= duration::NANOS_PER_MILLI);
    duration::positive(report, "idleTimeout", idle);
}
