//! The kinds of resources, as a table: adding one is a row here, its .proto and a file in `validate/`.

use std::{collections::BTreeMap, fmt, sync::LazyLock};

/// One row of the table.
#[derive(Debug)]
pub struct KindInfo {
    /// `VirtualService`
    pub name: &'static str,
    /// API group; Envoy's types have one of ours, by which access rules name them.
    pub group: &'static str,
    /// Served versions; the first is the one that istiod asks for. One object, however it was written.
    pub versions: &'static [&'static str],
    /// Full name of the protobuf message of the body.
    pub message: &'static str,
    /// `virtualservices`
    pub plural: &'static str,
    /// What kubectl takes for short, or empty.
    pub short: &'static str,
    /// How it is written and sent.
    pub family: Family,
    /// What a client may conclude from a name's absence in a SotW response.
    pub absence: Absence,
    /// Place in a push that touches several kinds: what is referred to goes before what refers (rule 77).
    pub rank: u8,
    /// Whether documents may hold it. MeshConfig is answered, never taken in.
    pub from_documents: bool,
}

/// How the resources of a kind are written and sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Istio's, and our own: in Kubernetes form, sent inside `istio.mcp.v1alpha1.Resource`, named `namespace/name`, asked
    /// for as `group/version/Kind`.
    Istio,
    /// As Envoy writes it, sent bare, named by its own name field, asked for as `type.googleapis.com/...`.
    Envoy,
}

/// What a client concludes when a SotW response lacks a name (rules 42 to 44).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// That the resource is gone: every response holds the complete set.
    Deletes,
    /// Nothing: a response may hold what changed only.
    SaysNothing,
}

/// A row of [`KINDS`], by its place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(u8);

const fn istio(
    name: &'static str,
    group: &'static str,
    versions: &'static [&'static str],
    message: &'static str,
    plural: &'static str,
) -> KindInfo {
    KindInfo {
        name,
        group,
        versions,
        message,
        plural,
        short: "",
        family: Family::Istio,
        absence: Absence::Deletes,
        rank: 1,
        from_documents: true,
    }
}

const fn envoy(
    name: &'static str,
    message: &'static str,
    plural: &'static str,
    absence: Absence,
    rank: u8,
) -> KindInfo {
    KindInfo {
        name,
        group: "envoy.mainsheet.io",
        versions: &["v3"],
        message,
        plural,
        short: "",
        family: Family::Envoy,
        absence,
        rank,
        from_documents: true,
    }
}

const NETWORKING: &[&str] = &["v1", "v1alpha3", "v1beta1"];
const SECURITY: &[&str] = &["v1", "v1beta1"];

/// Every kind. The order is part of stored keys' order only, never of what is stored.
pub static KINDS: [KindInfo; 21] = [
    istio(
        "TrafficExtension",
        "extensions.istio.io",
        &["v1alpha1"],
        "istio.extensions.v1alpha1.TrafficExtension",
        "trafficextensions",
    ),
    istio(
        "WasmPlugin",
        "extensions.istio.io",
        &["v1alpha1"],
        "istio.extensions.v1alpha1.WasmPlugin",
        "wasmplugins",
    ),
    KindInfo {
        short: "dr",
        ..istio(
            "DestinationRule",
            "networking.istio.io",
            NETWORKING,
            "istio.networking.v1alpha3.DestinationRule",
            "destinationrules",
        )
    },
    KindInfo {
        rank: 3,
        ..istio(
            "EnvoyFilter",
            "networking.istio.io",
            &["v1alpha3"],
            "istio.networking.v1alpha3.EnvoyFilter",
            "envoyfilters",
        )
    },
    KindInfo {
        short: "gw",
        rank: 2,
        ..istio("Gateway", "networking.istio.io", NETWORKING, "istio.networking.v1alpha3.Gateway", "gateways")
    },
    istio(
        "ProxyConfig",
        "networking.istio.io",
        &["v1beta1"],
        "istio.networking.v1beta1.ProxyConfig",
        "proxyconfigs",
    ),
    KindInfo {
        short: "se",
        rank: 0,
        ..istio(
            "ServiceEntry",
            "networking.istio.io",
            NETWORKING,
            "istio.networking.v1alpha3.ServiceEntry",
            "serviceentries",
        )
    },
    KindInfo {
        rank: 3,
        ..istio("Sidecar", "networking.istio.io", NETWORKING, "istio.networking.v1alpha3.Sidecar", "sidecars")
    },
    KindInfo {
        short: "vs",
        rank: 3,
        ..istio(
            "VirtualService",
            "networking.istio.io",
            NETWORKING,
            "istio.networking.v1alpha3.VirtualService",
            "virtualservices",
        )
    },
    KindInfo {
        short: "we",
        rank: 0,
        ..istio(
            "WorkloadEntry",
            "networking.istio.io",
            NETWORKING,
            "istio.networking.v1alpha3.WorkloadEntry",
            "workloadentries",
        )
    },
    KindInfo {
        short: "wg",
        rank: 0,
        ..istio(
            "WorkloadGroup",
            "networking.istio.io",
            NETWORKING,
            "istio.networking.v1alpha3.WorkloadGroup",
            "workloadgroups",
        )
    },
    KindInfo {
        short: "ap",
        ..istio(
            "AuthorizationPolicy",
            "security.istio.io",
            SECURITY,
            "istio.security.v1beta1.AuthorizationPolicy",
            "authorizationpolicies",
        )
    },
    KindInfo {
        short: "pa",
        ..istio(
            "PeerAuthentication",
            "security.istio.io",
            SECURITY,
            "istio.security.v1beta1.PeerAuthentication",
            "peerauthentications",
        )
    },
    KindInfo {
        short: "ra",
        ..istio(
            "RequestAuthentication",
            "security.istio.io",
            SECURITY,
            "istio.security.v1beta1.RequestAuthentication",
            "requestauthentications",
        )
    },
    istio(
        "Telemetry",
        "telemetry.istio.io",
        &["v1", "v1alpha1"],
        "istio.telemetry.v1alpha1.Telemetry",
        "telemetries",
    ),
    KindInfo {
        from_documents: false,
        ..istio("MeshConfig", "core", &["v1alpha1"], "istio.mesh.v1alpha1.MeshConfig", "meshconfigs")
    },
    envoy("Cluster", "envoy.config.cluster.v3.Cluster", "clusters", Absence::Deletes, 0),
    envoy(
        "ClusterLoadAssignment",
        "envoy.config.endpoint.v3.ClusterLoadAssignment",
        "clusterloadassignments",
        Absence::SaysNothing,
        1,
    ),
    envoy("Listener", "envoy.config.listener.v3.Listener", "listeners", Absence::Deletes, 2),
    envoy(
        "RouteConfiguration",
        "envoy.config.route.v3.RouteConfiguration",
        "routeconfigurations",
        Absence::SaysNothing,
        3,
    ),
    istio("ValidationRule", "mainsheet.io", &["v1"], "mainsheet.v1.ValidationRule", "validationrules"),
];

static BY_TYPE_URL: LazyLock<BTreeMap<String, Kind>> = LazyLock::new(|| {
    Kind::all().flat_map(|kind| kind.type_urls().map(move |url| (url, kind)).collect::<Vec<_>>()).collect()
});

/// What every type URL of a protobuf message begins with.
pub const TYPE_URL_PREFIX: &str = "type.googleapis.com/";

impl Kind {
    /// Istio's route table.
    pub const VIRTUAL_SERVICE: Self = Self(8);
    /// Istio's traffic policies.
    pub const DESTINATION_RULE: Self = Self(2);
    /// Istio's services outside the platform's registry.
    pub const SERVICE_ENTRY: Self = Self(6);
    /// Asked for by istiod, always answered empty.
    pub const MESH_CONFIG: Self = Self(15);
    /// Envoy's CDS.
    pub const CLUSTER: Self = Self(16);
    /// Envoy's EDS.
    pub const ENDPOINTS: Self = Self(17);
    /// Envoy's LDS.
    pub const LISTENER: Self = Self(18);
    /// Envoy's RDS.
    pub const ROUTES: Self = Self(19);
    /// Rules of one's own, in CEL.
    pub const VALIDATION_RULE: Self = Self(20);

    /// Every kind, in the table's order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0u8..).take(KINDS.len()).map(Self)
    }

    /// Its row.
    #[must_use]
    pub fn info(self) -> &'static KindInfo {
        &KINDS[usize::from(self.0)]
    }

    /// Its place in the table, from 0; for arrays and bit sets by kind.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Whether a resource of this kind may name one of the other, which then must not go before it lets go (rule 79).
    #[must_use]
    pub fn may_refer_to(self, other: Self) -> bool {
        match (self.info().family, other.info().family) {
            (Family::Istio, Family::Istio) => self.info().rank > other.info().rank,
            _ => matches!(
                (self, other),
                (Self::CLUSTER, Self::ENDPOINTS)
                    | (Self::LISTENER | Self::ROUTES, Self::CLUSTER)
                    | (Self::LISTENER, Self::ROUTES)
            ),
        }
    }

    /// The kind behind what an xDS client asks for, under any of its served versions.
    #[must_use]
    pub fn of_type_url(url: &str) -> Option<Self> {
        BY_TYPE_URL.get(url).copied()
    }

    /// The kind of a Kubernetes document.
    #[must_use]
    pub fn of_document(group: &str, version: &str, kind: &str) -> Option<Self> {
        Self::all().find(|candidate| {
            let row = candidate.info();
            row.group == group && row.name == kind && row.versions.contains(&version)
        })
    }

    /// The kind whose body is this protobuf message.
    #[must_use]
    pub fn of_message(full_name: &str) -> Option<Self> {
        Self::all().find(|kind| kind.info().message == full_name)
    }

    /// As a person writes it on a command line: kind, plural or short name, in any case.
    #[must_use]
    pub fn of_argument(text: &str) -> Option<Self> {
        Self::all().find(|kind| {
            let row = kind.info();
            [row.name, row.plural, row.short]
                .iter()
                .any(|name| !name.is_empty() && name.eq_ignore_ascii_case(text))
        })
    }

    /// What clients ask for: one for each served version, the preferred one first.
    pub fn type_urls(self) -> impl Iterator<Item = String> {
        let row = self.info();
        row.versions.iter().map(move |version| match row.family {
            Family::Istio => format!("{}/{version}/{}", row.group, row.name),
            Family::Envoy => format!("{TYPE_URL_PREFIX}{}", row.message),
        })
    }

    /// The preferred one of [`Kind::type_urls`].
    #[must_use]
    pub fn type_url(self) -> String {
        self.type_urls().next().expect("every row has a version")
    }

    /// `networking.istio.io/v1`, as a document's `apiVersion` says it.
    #[must_use]
    pub fn api_version(self) -> String {
        let row = self.info();
        format!("{}/{}", row.group, row.versions[0])
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.info().name)
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_name_their_rows() {
        for (kind, name) in [
            (Kind::VIRTUAL_SERVICE, "VirtualService"),
            (Kind::DESTINATION_RULE, "DestinationRule"),
            (Kind::SERVICE_ENTRY, "ServiceEntry"),
            (Kind::MESH_CONFIG, "MeshConfig"),
            (Kind::CLUSTER, "Cluster"),
            (Kind::ENDPOINTS, "ClusterLoadAssignment"),
            (Kind::LISTENER, "Listener"),
            (Kind::ROUTES, "RouteConfiguration"),
            (Kind::VALIDATION_RULE, "ValidationRule"),
        ] {
            assert_eq!(kind.info().name, name);
        }
    }

    /// rule 79: no two kinds wait for each other.
    #[test]
    fn references_go_one_way() {
        let refers = |from: Kind, to: Kind| from.may_refer_to(to);
        assert!(refers(Kind::ROUTES, Kind::CLUSTER) && refers(Kind::LISTENER, Kind::ROUTES));
        assert!(refers(Kind::CLUSTER, Kind::ENDPOINTS));
        assert!(refers(Kind::VIRTUAL_SERVICE, Kind::DESTINATION_RULE));
        for (from, to) in Kind::all().flat_map(|from| Kind::all().map(move |to| (from, to))) {
            assert!(!(refers(from, to) && refers(to, from)), "{from} and {to}");
            let families = (from.info().family, to.info().family);
            assert!(!refers(from, to) || families.0 == families.1, "{from} and {to}");
        }
    }

    #[test]
    fn every_served_version_is_the_same_kind() {
        for version in ["v1", "v1alpha3", "v1beta1"] {
            let url = format!("networking.istio.io/{version}/VirtualService");
            assert_eq!(Kind::of_type_url(&url), Some(Kind::VIRTUAL_SERVICE));
        }
        assert_eq!(Kind::of_type_url("networking.istio.io/v2/VirtualService"), None);
        assert_eq!(
            Kind::of_type_url("type.googleapis.com/envoy.config.cluster.v3.Cluster"),
            Some(Kind::CLUSTER)
        );
    }

    #[test]
    fn arguments_are_kinds_plurals_and_short_names() {
        for text in ["vs", "VirtualService", "virtualservices"] {
            assert_eq!(Kind::of_argument(text), Some(Kind::VIRTUAL_SERVICE));
        }
        assert_eq!(Kind::of_argument(""), None);
    }
}
