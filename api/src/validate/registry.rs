//! Which checks a kind has: a row a kind, its message decoded on the way.

use super::{
    access, authorization_policy, code, destination_rule, envoy, envoy_filter, gateway, peer_authentication,
    proxy_config, report::Report, request_authentication, service_entry, sidecar, telemetry,
    traffic_extension, validation_rule, virtual_service, wasm_plugin, workload_entry, workload_group,
};
use crate::kind::{BodyPlace, Family, TYPE_URL_PREFIX};

type Check = fn(&mut Report<'_>);

/// Kinds without a row (MeshConfig) have no checks of their own.
static CHECKS: &[(&str, Check)] = &[
    ("VirtualService", |report| report.decoded(virtual_service::check)),
    ("DestinationRule", |report| report.decoded(destination_rule::check)),
    ("Gateway", |report| report.decoded(gateway::check)),
    ("ServiceEntry", |report| report.decoded(service_entry::check)),
    ("Sidecar", |report| report.decoded(sidecar::check)),
    ("WorkloadEntry", |report| report.decoded(workload_entry::check)),
    ("WorkloadGroup", |report| report.decoded(workload_group::check)),
    ("EnvoyFilter", |report| report.decoded(envoy_filter::check)),
    ("ProxyConfig", |report| report.decoded(proxy_config::check)),
    ("AuthorizationPolicy", |report| report.decoded(authorization_policy::check)),
    ("PeerAuthentication", |report| report.decoded(peer_authentication::check)),
    ("RequestAuthentication", |report| report.decoded(request_authentication::check)),
    ("Telemetry", |report| report.decoded(telemetry::check)),
    ("WasmPlugin", |report| report.decoded(wasm_plugin::check)),
    ("TrafficExtension", |report| report.decoded(traffic_extension::check)),
    ("ValidationRule", |report| report.decoded(validation_rule::check)),
    ("Role", |report| report.decoded(access::role)),
    ("RoleBinding", |report| report.decoded(access::role_binding)),
    ("ClusterRole", |report| report.decoded(access::cluster_role)),
    ("ClusterRoleBinding", |report| report.decoded(access::cluster_role_binding)),
    ("Cluster", |report| report.decoded(envoy::cluster)),
    ("ClusterLoadAssignment", |report| report.decoded(envoy::endpoints)),
    ("Listener", |report| report.decoded(envoy::listener)),
    ("RouteConfiguration", |report| report.decoded(envoy::routes)),
];

/// Runs the checks of the resource's kind on its body.
pub(super) fn check_body(report: &mut Report<'_>) {
    let resource = report.resource();
    let row = resource.key.kind.info();
    if resource.body.type_url.strip_prefix(TYPE_URL_PREFIX) != Some(row.message) {
        return report.flag_value(&code::BODY_TYPE, &resource.body.type_url);
    }
    let Some((_, check)) = CHECKS.iter().find(|(kind, _)| *kind == row.name) else { return };
    match (row.family, row.place) {
        (Family::Istio, BodyPlace::Spec) => report.field("spec", check),
        _ => check(report),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Kind;

    #[test]
    fn every_kind_that_documents_may_hold_has_checks() {
        for kind in Kind::all().filter(|kind| kind.info().from_documents) {
            assert!(CHECKS.iter().any(|(name, _)| *name == kind.info().name), "{kind} has no row");
        }
    }
}
