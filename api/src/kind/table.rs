//! The rows of the kinds that are known here.

use super::{Absence, BodyPlace, Family, KindInfo};

const fn istio(
    [name, plural, short]: [&'static str; 3],
    group: &'static str,
    versions: &'static [&'static str],
    message: &'static str,
) -> KindInfo {
    KindInfo {
        name,
        group,
        versions,
        message,
        plural,
        short,
        family: Family::Istio,
        absence: Absence::Deletes,
        rank: 1,
        from_documents: true,
        namespaced: true,
        place: BodyPlace::Spec,
    }
}

const fn envoy(
    [name, plural, short]: [&'static str; 3],
    message: &'static str,
    absence: Absence,
    rank: u8,
) -> KindInfo {
    KindInfo {
        name,
        group: "envoy.mainsheet.io",
        versions: &["v3"],
        message,
        plural,
        short,
        family: Family::Envoy,
        absence,
        rank,
        from_documents: true,
        namespaced: true,
        place: BodyPlace::Spec,
    }
}

const fn access([name, plural]: [&'static str; 2], message: &'static str, namespaced: bool) -> KindInfo {
    KindInfo {
        namespaced,
        place: BodyPlace::BesideMetadata,
        ..istio([name, plural, ""], "rbac.authorization.k8s.io", &["v1"], message)
    }
}

const NETWORKING: &[&str] = &["v1", "v1alpha3", "v1beta1"];
const SECURITY: &[&str] = &["v1", "v1beta1"];

/// Every kind that is known here. The order is part of stored keys' order only, never of what is stored.
pub static KINDS: [KindInfo; 25] = [
    istio(
        ["TrafficExtension", "trafficextensions", "te"],
        "extensions.istio.io",
        &["v1alpha1"],
        "istio.extensions.v1alpha1.TrafficExtension",
    ),
    istio(
        ["WasmPlugin", "wasmplugins", "wp"],
        "extensions.istio.io",
        &["v1alpha1"],
        "istio.extensions.v1alpha1.WasmPlugin",
    ),
    istio(
        ["DestinationRule", "destinationrules", "dr"],
        "networking.istio.io",
        NETWORKING,
        "istio.networking.v1alpha3.DestinationRule",
    ),
    KindInfo {
        rank: 3,
        ..istio(
            ["EnvoyFilter", "envoyfilters", "ef"],
            "networking.istio.io",
            &["v1alpha3"],
            "istio.networking.v1alpha3.EnvoyFilter",
        )
    },
    KindInfo {
        rank: 2,
        ..istio(
            ["Gateway", "gateways", "gw"],
            "networking.istio.io",
            NETWORKING,
            "istio.networking.v1alpha3.Gateway",
        )
    },
    istio(
        ["ProxyConfig", "proxyconfigs", "pc"],
        "networking.istio.io",
        &["v1beta1"],
        "istio.networking.v1beta1.ProxyConfig",
    ),
    KindInfo {
        rank: 0,
        ..istio(
            ["ServiceEntry", "serviceentries", "se"],
            "networking.istio.io",
            NETWORKING,
            "istio.networking.v1alpha3.ServiceEntry",
        )
    },
    KindInfo {
        rank: 3,
        ..istio(
            ["Sidecar", "sidecars", "sc"],
            "networking.istio.io",
            NETWORKING,
            "istio.networking.v1alpha3.Sidecar",
        )
    },
    KindInfo {
        rank: 3,
        ..istio(
            ["VirtualService", "virtualservices", "vs"],
            "networking.istio.io",
            NETWORKING,
            "istio.networking.v1alpha3.VirtualService",
        )
    },
    KindInfo {
        rank: 0,
        ..istio(
            ["WorkloadEntry", "workloadentries", "we"],
            "networking.istio.io",
            NETWORKING,
            "istio.networking.v1alpha3.WorkloadEntry",
        )
    },
    KindInfo {
        rank: 0,
        ..istio(
            ["WorkloadGroup", "workloadgroups", "wg"],
            "networking.istio.io",
            NETWORKING,
            "istio.networking.v1alpha3.WorkloadGroup",
        )
    },
    istio(
        ["AuthorizationPolicy", "authorizationpolicies", "ap"],
        "security.istio.io",
        SECURITY,
        "istio.security.v1beta1.AuthorizationPolicy",
    ),
    istio(
        ["PeerAuthentication", "peerauthentications", "pa"],
        "security.istio.io",
        SECURITY,
        "istio.security.v1beta1.PeerAuthentication",
    ),
    istio(
        ["RequestAuthentication", "requestauthentications", "ra"],
        "security.istio.io",
        SECURITY,
        "istio.security.v1beta1.RequestAuthentication",
    ),
    istio(
        ["Telemetry", "telemetries", "tm"],
        "telemetry.istio.io",
        &["v1", "v1alpha1"],
        "istio.telemetry.v1alpha1.Telemetry",
    ),
    KindInfo {
        from_documents: false,
        ..istio(["MeshConfig", "meshconfigs", "mc"], "core", &["v1alpha1"], "istio.mesh.v1alpha1.MeshConfig")
    },
    envoy(["Cluster", "clusters", "cds"], "envoy.config.cluster.v3.Cluster", Absence::Deletes, 0),
    envoy(
        ["ClusterLoadAssignment", "clusterloadassignments", "eds"],
        "envoy.config.endpoint.v3.ClusterLoadAssignment",
        Absence::SaysNothing,
        1,
    ),
    envoy(["Listener", "listeners", "lds"], "envoy.config.listener.v3.Listener", Absence::Deletes, 2),
    envoy(
        ["RouteConfiguration", "routeconfigurations", "rds"],
        "envoy.config.route.v3.RouteConfiguration",
        Absence::SaysNothing,
        3,
    ),
    istio(
        ["ValidationRule", "validationrules", "vr"],
        "mainsheet.io",
        &["v1"],
        "mainsheet.v1.ValidationRule",
    ),
    access(["Role", "roles"], "k8s.rbac.v1.Role", true),
    access(["RoleBinding", "rolebindings"], "k8s.rbac.v1.RoleBinding", true),
    access(["ClusterRole", "clusterroles"], "k8s.rbac.v1.ClusterRole", false),
    access(["ClusterRoleBinding", "clusterrolebindings"], "k8s.rbac.v1.ClusterRoleBinding", false),
];
