//! Warming: which resources a client needs again after their parent changed (rule 81).
//!
//! A changed cluster is a new one to Envoy: it warms until it is given its endpoints, although they did not change and
//! although Envoy's requests can't be told from ACKs. The same goes for listeners and their routes.

use std::{collections::BTreeSet, sync::Arc};

use prost::Message;

use crate::{
    kind::{Kind, TYPE_URL_PREFIX},
    version::ResourceVersion,
    wire::{Any, Entry},
};

/// The kind whose resources clients ask for because resources of this kind name them.
pub(super) fn kind_of(parent: Kind) -> Option<Kind> {
    match parent {
        Kind::CLUSTER => Some(Kind::ENDPOINTS),
        Kind::LISTENER => Some(Kind::ROUTES),
        _ => None,
    }
}

/// The names of that kind in these parents.
pub(super) fn names(parent: Kind, parents: &[Entry]) -> BTreeSet<Arc<str>> {
    let bodies = parents.iter().filter_map(|entry| Any::decode(&entry.any[..]).ok());
    let names: Vec<String> = match parent {
        Kind::CLUSTER => bodies.filter_map(|any| assignment(&any)).collect(),
        Kind::LISTENER => bodies.flat_map(|any| routes(&any)).collect(),
        _ => Vec::new(),
    };
    names.into_iter().map(Arc::from).collect()
}

/// A `ClusterLoadAssignment` without endpoints. Its version is none that content has.
pub(super) fn empty_assignment(name: &str) -> Entry {
    let assignment = parts::ClusterLoadAssignment { cluster_name: name.to_owned() };
    let type_url = format!("{TYPE_URL_PREFIX}{}", Kind::ENDPOINTS.info().message);
    let any = Any { type_url, value: assignment.encode_to_vec().into() };
    Entry {
        name: name.into(),
        version: ResourceVersion::new(NO_ENDPOINTS),
        any: any.encode_to_vec().into(),
        ttl: None,
    }
}

/// Whether it stands for endpoints that do not exist.
pub(super) fn is_empty_assignment(entry: &Entry) -> bool {
    entry.version.as_str() == NO_ENDPOINTS
}

/// The version of an assignment that nobody wrote.
const NO_ENDPOINTS: &str = "none";

/// The parts of Envoy's messages that name others.
mod parts {
    use crate::wire::Any;

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Cluster {
        #[prost(string, tag = "1")]
        pub(super) name: String,
        #[prost(int32, tag = "2")]
        pub(super) discovery_type: i32,
        #[prost(message, optional, tag = "3")]
        pub(super) eds_cluster_config: Option<EdsClusterConfig>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct EdsClusterConfig {
        #[prost(string, tag = "2")]
        pub(super) service_name: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct ClusterLoadAssignment {
        #[prost(string, tag = "1")]
        pub(super) cluster_name: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Listener {
        #[prost(message, repeated, tag = "3")]
        pub(super) filter_chains: Vec<FilterChain>,
        #[prost(message, optional, tag = "25")]
        pub(super) default_filter_chain: Option<FilterChain>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct FilterChain {
        #[prost(message, repeated, tag = "3")]
        pub(super) filters: Vec<Filter>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Filter {
        #[prost(message, optional, tag = "4")]
        pub(super) typed_config: Option<Any>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct HttpConnectionManager {
        #[prost(message, optional, tag = "3")]
        pub(super) rds: Option<Rds>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Rds {
        #[prost(string, tag = "2")]
        pub(super) route_config_name: String,
    }
}

/// `Cluster.DiscoveryType.EDS`
const EDS: i32 = 3;

/// `envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`, in any of its versions.
const HTTP_CONNECTION_MANAGER: &str = ".HttpConnectionManager";

/// The assignment that a cluster takes its endpoints from.
fn assignment(any: &Any) -> Option<String> {
    let cluster = parts::Cluster::decode(&any.value[..]).ok()?;
    if cluster.discovery_type != EDS {
        return None;
    }
    let service = cluster.eds_cluster_config.unwrap_or_default().service_name;
    Some(if service.is_empty() { cluster.name } else { service })
}

/// The routes that a listener asks for.
fn routes(any: &Any) -> Vec<String> {
    let Ok(listener) = parts::Listener::decode(&any.value[..]) else { return Vec::new() };
    let chains = listener.filter_chains.into_iter().chain(listener.default_filter_chain);
    let configs = chains.flat_map(|chain| chain.filters).filter_map(|filter| filter.typed_config);
    let managers = configs
        .filter(|config| config.type_url.ends_with(HTTP_CONNECTION_MANAGER))
        .filter_map(|config| parts::HttpConnectionManager::decode(&config.value[..]).ok());
    managers.filter_map(|manager| manager.rds).map(|rds| rds.route_config_name).collect()
}
