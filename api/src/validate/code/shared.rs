//! What several kinds have in common.

use super::codes;

codes! {
    [Mainsheet, &[]] {
        METADATA_NAME "metadata-name" Error "not a name", "use lower case letters, digits, `-` and `.`, at most 253 of them";
        METADATA_NAMESPACE "metadata-namespace" Error "not a namespace", "use lower case letters, digits and `-`, at most 63 of them";
        TTL "ttl" Error "not a time to live", "use whole numbers with units from large to small, such as `30s`, `10m`, `1h30m` or `7d`, at most `3650d`, or `never`";
        XDS_TTL "xds-ttl" Error "not a time to live", "use whole numbers with units from large to small, such as `30s`, `10m`, `1h30m` or `7d`, at most `3650d`";
        SINK_SELECTOR "sink-selector" Error "not a label selector", "write it as Kubernetes does, over what a node says of itself: `CLUSTER_ID=east, REGION in (a, b), !TEST`";
    }

    [Istiod, &[]] {
        BODY_TYPE "body-type" Error "the body is of another type than its kind", "send the kind's own message";
        BODY_UNDECODABLE "body-undecodable" Error "the body does not decode", "send the kind's message in protobuf's binary form";
        ANNOTATION_INTERNAL "annotation-internal" Error "only istiod's own objects have this annotation", "remove it";
        DRY_RUN_KIND "dry-run-kind" Error "only an AuthorizationPolicy can be a dry run", "remove the annotation";
        DRY_RUN_VALUE "dry-run-value" Error "not a truth value", "say `true` or `false`";
        DRY_RUN_ACTION "dry-run-action" Error "only ALLOW and DENY can be dry runs", "change the action or remove the annotation";
    }

    [Istiod, &["VirtualService", "DestinationRule", "Gateway", "ServiceEntry", "Sidecar", "WorkloadEntry", "WorkloadGroup", "PeerAuthentication", "WasmPlugin", "TrafficExtension"]] {
        PORT_RANGE "port-range" Error "not a port number", "use 1 to 65535";
    }

    [Istiod, &["ServiceEntry", "Sidecar", "WorkloadEntry"]] {
        PORT_NAME "port-name" Error "not a port name", "use letters, digits and inner dashes, at most 63 of them";
    }

    [Istiod, &["ServiceEntry", "Sidecar"]] {
        PORT_PROTOCOL "port-protocol" Error "not a protocol", "use one of TCP, UDP, GRPC, GRPC-Web, HTTP, HTTP_PROXY, HTTP2, HTTPS, TLS, MONGO, REDIS, MYSQL";
    }

    [Istiod, &["DestinationRule", "Gateway", "Sidecar"]] {
        PORT_MISSING "port-missing" Error "there is no port", "add a port";
    }

    [Istiod, &["Gateway", "Sidecar"]] {
        PORT_TARGET "port-target" Error "a target port has no meaning here", "remove targetPort";
        BIND_INVALID "bind-invalid" Error "not an address to bind to", "use an IP address, or unix:///path where a socket is allowed";
    }

    [Istiod, &["VirtualService", "DestinationRule", "Sidecar", "RequestAuthentication"]] {
        DURATION "duration" Error "shorter than 1ms or no whole number of milliseconds", "use 1ms or longer";
    }

    [Istiod, &["DestinationRule", "Sidecar"]] {
        DURATION_REQUIRED "duration-required" Error "there is no duration", "add one, such as `10s`";
    }

    [Istiod, &["VirtualService", "DestinationRule", "Telemetry"]] {
        PERCENT "percent" Error "not a percentage", "use 0 to 100";
    }

    [Istiod, &["VirtualService", "DestinationRule", "Sidecar", "WorkloadGroup", "ProxyConfig"]] {
        NEGATIVE "negative" Error "negative", "use 0 or more";
    }

    [Istiod, &["VirtualService", "EnvoyFilter"]] {
        REGEX "regex" Error "not a regular expression of RE2", "close groups and sets, and do without look-around and back-references";
    }

    [Istiod, &["VirtualService"]] {
        REGEX_EMPTY "regex-empty" Error "the regular expression is empty", "use `.*` to match everything";
        REGEX_LENGTH "regex-length" Error "the regular expression is longer than 1024 bytes", "shorten it";
        PREFIX_EMPTY "prefix-empty" Error "the prefix is empty", "leave the match out to match everything";
        GATEWAY_REFERENCE "gateway-reference" Error "not the name of a gateway", "use `name`, `namespace/name` or `mesh`";
        DESTINATION_MISSING "destination-missing" Error "there is no destination", "add a destination with a host";
        WEIGHT_NEGATIVE "weight-negative" Error "a weight is negative", "use 0 or more";
        WEIGHT_SUM "weight-sum" Error "all weights are 0, so nothing is sent anywhere", "give one destination a weight of at least 1";
        GATEWAY_LEGACY "gateway-legacy" Warning "an old way to name a gateway", "write `namespace/name`";
    }

    [Istiod, &["AuthorizationPolicy", "RequestAuthentication"]] {
        TEXT_EMPTY "text-empty" Error "empty", "remove the entry or say something";
    }

    [Istiod, &["VirtualService", "ServiceEntry", "AuthorizationPolicy"]] {
        ADDRESS_INVALID "address-invalid" Error "not an address or prefix", "write `10.0.0.1`, `10.0.0.0/8` or `2001:db8::/32`";
    }

    [Istiod, &["ServiceEntry", "WorkloadEntry"]] {
        SOCKET_INVALID "socket-invalid" Error "not a unix domain socket", "use unix:///path, or unix://@name for an abstract one";
    }

    [Istiod, &["VirtualService", "DestinationRule", "ServiceEntry", "WorkloadEntry", "WorkloadGroup"]] {
        LABEL_KEY "label-key" Error "not a label's name", "use an optional DNS prefix and `/`, then up to 63 letters, digits, `-`, `_` and `.`";
        LABEL_VALUE "label-value" Error "not a label's value", "use letters, digits, `-`, `_` and `.`, with letters or digits at both ends";
    }

    [Istiod, super::SELECTING] {
        SELECTOR_KEY_EMPTY "selector-key-empty" Error "a label without a name", "name the label";
        SELECTOR_WILDCARD "selector-wildcard" Error "selectors compare labels as they stand: `*` matches nothing", "name the value";
        SELECTOR_EMPTY "selector-empty" Warning "the selector has no labels, so it selects every workload of the namespace", "add labels or remove the selector";
    }

    [Istiod, super::TARGETING] {
        TARGET_AMBIGUOUS "target-ambiguous" Error "more than one of selector, targetRef and targetRefs", "keep one of them";
        TARGET_NAME "target-name" Error "the target has no name", "name it";
        TARGET_NAMESPACE "target-namespace" Error "a target is always in the policy's own namespace", "remove the namespace";
        TARGET_KIND "target-kind" Error "not a target", "use a Service, a ServiceEntry, or a Gateway or GatewayClass of gateway.networking.k8s.io";
    }

    [Istiod, &["VirtualService", "DestinationRule", "ServiceEntry"]] {
        EXPORT_TO "export-to" Error "not a namespace", "use `.` for the own one, `*` for all, or a name";
        EXPORT_TO_ALONE "export-to-alone" Error "`*` and `~` stand alone", "remove the other entries";
        EXPORT_TO_DUPLICATE "export-to-duplicate" Error "the namespace is named twice", "remove one of them";
    }

    [Istiod, &["DestinationRule"]] {
        EXPORT_TO_SELECTOR "export-to-selector" Error "a rule with a workloadSelector is for its own namespace only", "use `.` or remove exportTo";
        CREDENTIAL_CONFIGMAP "credential-configmap" Error "the config map is not one of the own namespace", "write configmap://NAMESPACE/NAME with the own namespace";
    }

    [Istiod, &["VirtualService", "Sidecar"]] {
        DESTINATION_HOST "destination-host" Error "not a host to send to", "use a service's name, such as `reviews.shop.svc.cluster.local`";
        SUBSET_NAME "subset-name" Error "not a subset's name", "use letters, digits and inner dashes, at most 63 of them";
    }
}
