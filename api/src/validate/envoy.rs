//! Envoy's own kinds: only what Envoy surely refuses. It says what it refuses, so the rest is left to its NACK.

use std::collections::BTreeSet;

use envoy_types::pb::envoy::config::{
    cluster::v3::{
        Cluster,
        cluster::{ClusterDiscoveryType, DiscoveryType},
    },
    endpoint::v3::ClusterLoadAssignment,
    listener::v3::Listener,
    route::v3::RouteConfiguration,
};

use super::{code, report::Report};

/// A cluster of type EDS says where its endpoints come from, and no other does.
pub(super) fn cluster(report: &mut Report<'_>, cluster: &Cluster) {
    let eds = matches!(cluster.cluster_discovery_type, Some(ClusterDiscoveryType::Type(kind)) if kind == DiscoveryType::Eds as i32);
    let configured = cluster.eds_cluster_config.as_ref().map(|config| config.eds_config.is_some());
    let right = if eds { configured == Some(true) } else { configured.is_none() };
    report.flag_at_if(!right, "eds_cluster_config", &code::ENVOY_CLUSTER_EDS);
    report.some("load_assignment", cluster.load_assignment.as_ref(), endpoints);
}

/// Its name is that of a cluster.
pub(super) fn endpoints(report: &mut Report<'_>, assignment: &ClusterLoadAssignment) {
    // The resource's own name has been looked at already.
    let nested = report.resource().key.kind.info().name == "Cluster";
    report.flag_at_if(nested && assignment.cluster_name.is_empty(), "cluster_name", &code::ENVOY_NAME);
}

/// It listens somewhere, or is an API listener.
pub(super) fn listener(report: &mut Report<'_>, listener: &Listener) {
    let nowhere = listener.address.is_none() && listener.api_listener.is_none();
    report.flag_at_if(nowhere, "address", &code::ENVOY_LISTENER_ADDRESS);
}

/// Virtual hosts have names and domains of their own.
pub(super) fn routes(report: &mut Report<'_>, routes: &RouteConfiguration) {
    let (mut names, mut domains) = (BTreeSet::new(), BTreeSet::new());
    report.each("virtual_hosts", &routes.virtual_hosts, |report, host| {
        let unique = names.insert(host.name.clone());
        report.flag_if(host.name.is_empty() || !unique || host.domains.is_empty(), &code::ENVOY_VIRTUAL_HOST);
        report.each("domains", &host.domains, |report, domain: &String| {
            if !domains.insert(domain.to_ascii_lowercase()) {
                report.flag_value(&code::ENVOY_DOMAIN_DUPLICATE, domain);
            }
        });
    });
}
