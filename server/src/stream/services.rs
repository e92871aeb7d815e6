//! The discovery services, and what each of their methods is. All of them are one protocol: a service of a single type
//! is ADS that talks of nothing else.

use mainsheet_api::{
    kind::Kind,
    xds::{Variant, server::Request},
};
use tonic::Status;

/// The name of the aggregated service.
pub(super) const ADS: &str = "envoy.service.discovery.v3.AggregatedDiscoveryService";

struct Service {
    name: &'static str,
    /// What its methods are called after `Stream`, `Delta` and `Fetch`.
    suffix: &'static str,
    only: Option<Kind>,
}

const fn single(name: &'static str, suffix: &'static str, kind: Kind) -> Service {
    Service { name, suffix, only: Some(kind) }
}

static SERVICES: [Service; 5] = [
    Service { name: ADS, suffix: "AggregatedResources", only: None },
    single("envoy.service.cluster.v3.ClusterDiscoveryService", "Clusters", Kind::CLUSTER),
    single("envoy.service.endpoint.v3.EndpointDiscoveryService", "Endpoints", Kind::ENDPOINTS),
    single("envoy.service.listener.v3.ListenerDiscoveryService", "Listeners", Kind::LISTENER),
    single("envoy.service.route.v3.RouteDiscoveryService", "Routes", Kind::ROUTES),
];

/// The names of all of them.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    SERVICES.iter().map(|service| service.name)
}

/// What a method of a discovery service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// A stream.
    Stream(Opening),
    /// One answer to one request, which is not served (rule 101). This is what its streams are called after `Stream`.
    Fetch(&'static str),
}

/// Which stream is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Opening {
    pub(super) variant: Variant,
    /// The type that all of it is about; `None` on an aggregated stream.
    pub(super) only: Option<Kind>,
}

impl Method {
    /// The method at a path; `None` where it is of no discovery service.
    pub(super) fn at(path: &str) -> Option<Self> {
        let (name, method) = path.strip_prefix('/')?.split_once('/')?;
        let service = SERVICES.iter().find(|service| service.name == name)?;
        let only = service.only;
        match method.strip_suffix(service.suffix)? {
            "Stream" => Some(Self::Stream(Opening { variant: Variant::Sotw, only })),
            "Delta" => Some(Self::Stream(Opening { variant: Variant::Delta, only })),
            "Fetch" if only.is_some() => Some(Self::Fetch(service.suffix)),
            _ => None,
        }
    }
}

/// The answer to polling.
pub(super) fn refuse_fetch(suffix: &str) -> Status {
    Status::unimplemented(format!(
        "Fetch{suffix}: polling and REST are not served; open a stream, Stream{suffix} or Delta{suffix}, or use ADS"
    ))
}

/// Holds a stream of a single type to its type. Requests need not name it (rule 3).
pub(super) fn keep_to(only: Kind, request: &mut Request) -> Result<(), Status> {
    let type_url = match request {
        Request::Sotw(request) => &mut request.type_url,
        Request::Delta(request) => &mut request.type_url,
    };
    if type_url.is_empty() {
        *type_url = only.type_url();
    } else if Kind::of_type_url(type_url) != Some(only) {
        let text = format!("`{type_url}` on a stream of `{}` only: other types need ADS", only.type_url());
        return Err(Status::invalid_argument(text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_ads_are_its_two_variants_and_nothing_else() {
        let method = |name: &str| Method::at(&format!("/{ADS}/{name}"));
        let stream = |variant| Some(Method::Stream(Opening { variant, only: None }));
        assert_eq!(method("StreamAggregatedResources"), stream(Variant::Sotw));
        assert_eq!(method("DeltaAggregatedResources"), stream(Variant::Delta));
        for name in ["StreamAggregatedResources/", "FetchAggregatedResources", "AggregatedResources", ""] {
            assert_eq!(method(name), None, "{name}");
        }
        assert_eq!(Method::at("/grpc.health.v1.Health/Check"), None);
    }

    #[test]
    fn service_of_a_single_type_has_methods_of_its_own_only() {
        let method =
            |name: &str| Method::at(&format!("/envoy.service.cluster.v3.ClusterDiscoveryService/{name}"));
        let opening = |variant| Some(Method::Stream(Opening { variant, only: Some(Kind::CLUSTER) }));
        assert_eq!(method("StreamClusters"), opening(Variant::Sotw));
        assert_eq!(method("DeltaClusters"), opening(Variant::Delta));
        assert_eq!(method("FetchClusters"), Some(Method::Fetch("Clusters")));
        assert_eq!(method("StreamListeners"), None);
    }
}
