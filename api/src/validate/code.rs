//! Every finding of validation: its stable code, its weight, what is wrong and what would be right.

use crate::verdict::Severity;

/// A row of [`CODES`].
#[derive(Debug)]
pub struct Code {
    /// Stable and searchable: `vs-no-routes`.
    pub id: &'static str,
    /// Whether it rejects.
    pub severity: Severity,
    /// What is wrong; a finding may add the value.
    pub reason: &'static str,
    /// What would be right.
    pub remedy: &'static str,
}

macro_rules! codes {
    ($($name:ident $id:literal $severity:ident $reason:literal, $remedy:literal;)*) => {
        $(pub(super) static $name: Code =
            Code { id: $id, severity: Severity::$severity, reason: $reason, remedy: $remedy };)*

        /// All of them, by subject.
        pub static CODES: &[&Code] = &[$(&$name),*];
    };
}

codes! {
    // Every kind.
    METADATA_NAME "metadata-name" Error "not a name", "use lower case letters, digits, `-` and `.`, at most 253 of them";
    METADATA_NAMESPACE "metadata-namespace" Error "not a namespace", "use lower case letters, digits and `-`, at most 63 of them";
    BODY_TYPE "body-type" Error "the body is of another type than its kind", "send the kind's own message";
    BODY_UNDECODABLE "body-undecodable" Error "the body does not decode", "send the kind's message in protobuf's binary form";
    ANNOTATION_INTERNAL "annotation-internal" Error "only istiod's own objects have this annotation", "remove it";
    DRY_RUN_KIND "dry-run-kind" Error "only an AuthorizationPolicy can be a dry run", "remove the annotation";
    DRY_RUN_VALUE "dry-run-value" Error "not a truth value", "say `true` or `false`";
    DRY_RUN_ACTION "dry-run-action" Error "only ALLOW and DENY can be dry runs", "change the action or remove the annotation";

    // Shared by several kinds.
    PORT_RANGE "port-range" Error "not a port number", "use 1 to 65535";
    PORT_NAME "port-name" Error "not a port name", "use letters, digits and inner dashes, at most 63 of them";
    PORT_PROTOCOL "port-protocol" Error "not a protocol", "use one of TCP, UDP, GRPC, GRPC-Web, HTTP, HTTP_PROXY, HTTP2, HTTPS, TLS, MONGO, REDIS, MYSQL";
    PORT_MISSING "port-missing" Error "there is no port", "add a port";
    PORT_TARGET "port-target" Error "a target port has no meaning here", "remove targetPort";
    DURATION "duration" Error "shorter than 1ms or no whole number of milliseconds", "use 1ms or longer";
    DURATION_REQUIRED "duration-required" Error "there is no duration", "add one, such as `10s`";
    PERCENT "percent" Error "not a percentage", "use 0 to 100";
    NEGATIVE "negative" Error "negative", "use 0 or more";
    REGEX "regex" Error "not a regular expression of RE2", "close groups and sets, and do without look-around and back-references";
    REGEX_EMPTY "regex-empty" Error "the regular expression is empty", "use `.*` to match everything";
    REGEX_LENGTH "regex-length" Error "the regular expression is longer than 1024 bytes", "shorten it";
    PREFIX_EMPTY "prefix-empty" Error "the prefix is empty", "leave the match out to match everything";
    TEXT_EMPTY "text-empty" Error "empty", "remove the entry or say something";
    ADDRESS_INVALID "address-invalid" Error "not an address or prefix", "write `10.0.0.1`, `10.0.0.0/8` or `2001:db8::/32`";
    BIND_INVALID "bind-invalid" Error "not an address to bind to", "use an IP address, or unix:///path where a socket is allowed";
    SOCKET_INVALID "socket-invalid" Error "not a unix domain socket", "use unix:///path, or unix://@name for an abstract one";
    LABEL_KEY "label-key" Error "not a label's name", "use an optional DNS prefix and `/`, then up to 63 letters, digits, `-`, `_` and `.`";
    LABEL_VALUE "label-value" Error "not a label's value", "use letters, digits, `-`, `_` and `.`, with letters or digits at both ends";
    SELECTOR_KEY_EMPTY "selector-key-empty" Error "a label without a name", "name the label";
    SELECTOR_WILDCARD "selector-wildcard" Error "selectors compare labels as they stand: `*` matches nothing", "name the value";
    TARGET_AMBIGUOUS "target-ambiguous" Error "more than one of selector, targetRef and targetRefs", "keep one of them";
    TARGET_NAME "target-name" Error "the target has no name", "name it";
    TARGET_NAMESPACE "target-namespace" Error "a target is always in the policy's own namespace", "remove the namespace";
    TARGET_KIND "target-kind" Error "not a target", "use a Service, a ServiceEntry, or a Gateway or GatewayClass of gateway.networking.k8s.io";
    EXPORT_TO "export-to" Error "not a namespace", "use `.` for the own one, `*` for all, or a name";
    EXPORT_TO_ALONE "export-to-alone" Error "`*` and `~` stand alone", "remove the other entries";
    EXPORT_TO_DUPLICATE "export-to-duplicate" Error "the namespace is named twice", "remove one of them";
    EXPORT_TO_SELECTOR "export-to-selector" Error "a rule with a workloadSelector is for its own namespace only", "use `.` or remove exportTo";
    GATEWAY_REFERENCE "gateway-reference" Error "not the name of a gateway", "use `name`, `namespace/name` or `mesh`";
    CREDENTIAL_CONFIGMAP "credential-configmap" Error "the config map is not one of the own namespace", "write configmap://NAMESPACE/NAME with the own namespace";
    DESTINATION_HOST "destination-host" Error "not a host to send to", "use a service's name, such as `reviews.shop.svc.cluster.local`";
    DESTINATION_MISSING "destination-missing" Error "there is no destination", "add a destination with a host";
    SUBSET_NAME "subset-name" Error "not a subset's name", "use letters, digits and inner dashes, at most 63 of them";
    WEIGHT_NEGATIVE "weight-negative" Error "a weight is negative", "use 0 or more";
    WEIGHT_SUM "weight-sum" Error "all weights are 0, so nothing is sent anywhere", "give one destination a weight of at least 1";
    WASM_URL "wasm-url" Error "not the URL of a Wasm module", "use oci://, https://, http:// or file://";
    WASM_SHA256 "wasm-sha256" Error "not a SHA-256 checksum", "use 64 lower case hexadecimal digits";
    WASM_SECRET "wasm-secret" Error "the secret's name is longer than 253 bytes", "shorten it";
    WASM_NAME "wasm-name" Error "the plugin's name is longer than 256 bytes", "shorten it";
    WASM_ENV "wasm-env" Error "not an environment variable", "name each once, in at most 256 bytes, with a value only where valueFrom is INLINE";

    // VirtualService.
    VS_NO_ROUTES "vs-no-routes" Error "there is no http, tcp or tls route", "add a route";
    VS_DELEGATE_GATEWAYS "vs-delegate-gateways" Error "without hosts this is a delegate, which has no gateways", "add hosts or remove gateways";
    VS_DELEGATE_TLS "vs-delegate-tls" Error "without hosts this is a delegate, which has http routes only", "add hosts or remove the tls routes";
    VS_DELEGATE_TCP "vs-delegate-tcp" Error "without hosts this is a delegate, which has http routes only", "add hosts or remove the tcp routes";
    VS_CLAIM_IN_MESH "vs-claim-in-mesh" Error "claims can be matched at gateways only", "name gateways other than `mesh`";
    VS_HOST "vs-host" Error "not a host", "use a DNS name, which may begin with `*.`, or an IP address";
    VS_HOST_ANY "vs-host-any" Error "`*` takes over all traffic of the mesh", "name hosts, or gateways other than `mesh`";
    VS_HOST_DUPLICATE "vs-host-duplicate" Error "an earlier host matches some of the same names", "remove one of them";
    VS_ROOT_REDIRECT "vs-root-redirect" Error "a route that delegates can't redirect", "remove delegate or redirect";
    VS_ROOT_ROUTE "vs-root-route" Error "a route that delegates has no destinations", "remove delegate or route";
    VS_NESTED_DELEGATE "vs-nested-delegate" Error "a delegate can't delegate further", "remove delegate";
    VS_REDIRECT_AND_ROUTE "vs-redirect-and-route" Error "a redirect sends nothing on", "remove redirect or route";
    VS_REDIRECT_AND_FAULT "vs-redirect-and-fault" Error "a redirect has no fault", "remove redirect or fault";
    VS_REDIRECT_AND_REWRITE "vs-redirect-and-rewrite" Error "a redirect has no rewrite", "use redirect.uri or redirect.authority";
    VS_REDIRECT_AND_RESPONSE "vs-redirect-and-response" Error "redirect and directResponse answer both", "remove one of them";
    VS_RESPONSE_AND_ROUTE "vs-response-and-route" Error "a direct response sends nothing on", "remove directResponse or route";
    VS_RESPONSE_AND_FAULT "vs-response-and-fault" Error "a direct response has no fault", "remove directResponse or fault";
    VS_RESPONSE_AND_REWRITE "vs-response-and-rewrite" Error "a direct response has no rewrite", "remove directResponse or rewrite";
    VS_NO_ACTION "vs-no-action" Error "the route does nothing", "add route, redirect or directResponse";
    VS_MIRROR_TWICE "vs-mirror-twice" Error "mirror and mirrors say the same thing", "keep mirrors";
    VS_HEADER_NAME "vs-header-name" Error "not a header's name", "use letters, digits and dashes, or a pseudo header such as `:method`";
    VS_SOURCE_NAMESPACE "vs-source-namespace" Error "not a namespace", "name one namespace";
    VS_FAULT_EMPTY "vs-fault-empty" Error "the fault has neither abort nor delay", "add one of them";
    VS_FAULT_GRPC_STATUS "vs-fault-grpc-status" Error "not a gRPC status", "use a name such as `UNAVAILABLE`";
    VS_FAULT_UNSUPPORTED "vs-fault-unsupported" Error "not supported", "use httpStatus, grpcStatus or fixedDelay";
    VS_HTTP_STATUS "vs-http-status" Error "not an HTTP status", "use 200 to 600";
    VS_REDIRECT_EMPTY "vs-redirect-empty" Error "the redirect changes nothing", "add uri, prefixRewrite, authority, scheme or a port";
    VS_REDIRECT_URI_TWICE "vs-redirect-uri-twice" Error "uri and prefixRewrite both change the path", "keep one of them";
    VS_REDIRECT_PREFIX "vs-redirect-prefix" Error "prefixRewrite needs matches by prefix", "match uri by prefix, or use uri";
    VS_REDIRECT_CODE "vs-redirect-code" Error "not a redirect's status", "use 300 to 399";
    VS_REDIRECT_SCHEME "vs-redirect-scheme" Error "not a scheme", "use `http` or `https`";
    VS_RESPONSE_SIZE "vs-response-size" Error "the body is larger than 1 MiB", "serve it from a workload";
    VS_RETRY_ZERO "vs-retry-zero" Error "conditions of retries with 0 attempts", "set attempts, or remove the others";
    VS_RETRY_ON "vs-retry-on" Error "not a retry condition", "separate conditions such as `5xx` and `503` by commas, without spaces";
    VS_REWRITE_EMPTY "vs-rewrite-empty" Error "the rewrite changes nothing", "add uri, uriRegexRewrite or authority";
    VS_REWRITE_URI_TWICE "vs-rewrite-uri-twice" Error "uri and uriRegexRewrite both change the path", "keep one of them";
    VS_REWRITE_REGEX_EMPTY "vs-rewrite-regex-empty" Error "there is nothing to replace by", "set match and rewrite";
    VS_TLS_NO_MATCH "vs-tls-no-match" Error "a tls route needs a match", "match on sniHosts";
    VS_SNI_MISSING "vs-sni-missing" Error "a tls match needs sniHosts", "add the names that clients ask for";
    VS_SNI_HOST "vs-sni-host" Error "not a host", "use a DNS name, which may begin with `*.`";
    VS_SNI_FOREIGN "vs-sni-foreign" Error "not one of the hosts", "add it to hosts, or a wildcard that includes it";
    VS_NO_DESTINATION "vs-no-destination" Error "the route has no destination", "add one to route";

    // DestinationRule.
    DR_HOST "dr-host" Error "not a host", "use a service's name, which may begin with `*.`";
    DR_SUBSET_NAME "dr-subset-name" Error "not a subset's name", "use letters, digits and inner dashes, at most 63 of them";
    DR_SUBSET_DUPLICATE "dr-subset-duplicate" Error "an earlier subset has this name", "rename one of them";
    DR_POLICY_EMPTY "dr-policy-empty" Error "the traffic policy says nothing", "add a setting or remove it";
    DR_TUNNEL_AND_PROXY "dr-tunnel-and-proxy" Error "tunnel and proxyProtocol exclude each other", "keep one of them";
    DR_TUNNEL_PROTOCOL "dr-tunnel-protocol" Error "not a tunnel's protocol", "use CONNECT or POST";
    DR_TUNNEL_HOST "dr-tunnel-host" Error "not a host or address", "use a DNS name without wildcards, or an IP address";
    DR_PROXY_VERSION "dr-proxy-version" Error "not a version of the PROXY protocol", "use V1 or V2";
    DR_PORT_POLICY_EMPTY "dr-port-policy-empty" Error "the port's policy says nothing", "add outlierDetection, connectionPool, loadBalancer or tls";
    DR_TLS_SKIP_VERIFY "dr-tls-skip-verify" Error "insecureSkipVerify verifies nothing, so certificates and names to verify by contradict it", "remove one or the other";
    DR_TLS_CREDENTIAL "dr-tls-credential" Error "credentialName and files of certificates exclude each other", "keep one of them";
    DR_TLS_MUTUAL "dr-tls-mutual" Error "mutual TLS needs a certificate of its own", "add credentialName, or clientCertificate and privateKey";
    POOL_EMPTY "pool-empty" Error "the connection pool says nothing", "add tcp or http";
    POOL_UPGRADE "pool-upgrade" Error "h2UpgradePolicy UPGRADE contradicts useClientProtocol", "keep one of them";
    OUTLIER_LOCAL_ORIGIN "outlier-local-origin" Error "failures of local origin are not counted apart", "set splitExternalLocalOriginErrors";
    LB_COOKIE_NAME "lb-cookie-name" Error "the cookie or its attribute has no name", "name it";
    LB_COOKIE_DUPLICATE "lb-cookie-duplicate" Error "an earlier attribute has this name", "remove one of them";
    LB_RING_TWICE "lb-ring-twice" Error "minimumRingSize is the old form of ringHash", "keep ringHash or maglev";
    LB_TABLE_SIZE "lb-table-size" Error "not a size for Maglev's table", "use a prime below 5000011";
    LB_LOCALITY_TWICE "lb-locality-twice" Error "localityLbSetting and zoneAwareLbSetting exclude each other", "keep one of them";
    LB_DISTRIBUTE_AND_FAILOVER "lb-distribute-and-failover" Error "distribute and failover exclude each other", "keep one of them";
    LB_DISTRIBUTE_SUM "lb-distribute-sum" Error "the weights are not 1 to 100 each, and 100 together", "correct them";
    LB_FAILOVER "lb-failover" Error "not a failover from one region to another", "name two regions, without zones and wildcards";
    LB_AGGRESSION "lb-aggression" Error "not an aggression", "use more than 0";

    // Gateway, and TLS of servers.
    GW_NAME "gw-name" Error "not a gateway's name", "use letters, digits and dashes: a dot makes a reference ambiguous";
    GW_NO_SERVERS "gw-no-servers" Error "there is no server", "add one";
    GW_NO_HOSTS "gw-no-hosts" Error "the server has no hosts", "add hosts, `*` for all";
    GW_HOST "gw-host" Error "not a host of a gateway", "use a DNS name with a dot, `*.` in front for all below it, an IP address, or `*`, with `namespace/` before it if need be";
    GW_PROTOCOL "gw-protocol" Error "not a protocol", "use one of HTTP, HTTPS, GRPC, GRPC-Web, HTTP2, MONGO, TCP, TLS";
    GW_PORT_NAME "gw-port-name" Error "the port has no name", "name it";
    GW_PORT_DUPLICATE "gw-port-duplicate" Error "an earlier server's port has this name", "rename one of them";
    GW_SOCKET_PORT "gw-socket-port" Error "a socket has no port number", "use 0";
    GW_TLS_MISSING "gw-tls-missing" Error "HTTPS and TLS need tls settings", "add tls, such as mode SIMPLE with a credentialName";
    GW_TLS_PLAIN "gw-tls-plain" Error "HTTP in the clear has no certificates", "use protocol HTTPS, or only tls.httpsRedirect";
    GW_TLS_TCP "gw-tls-tcp" Error "this protocol has no tls settings", "use protocol TLS";
    TLS_ISTIO_MUTUAL "tls-istio-mutual" Error "ISTIO_MUTUAL brings its own certificates", "remove the certificates";
    TLS_CERTIFICATES_TWICE "tls-certificates-twice" Error "more than one source of certificates", "keep one of serverCertificate, credentialName, credentialNames and tlsCertificates";
    TLS_CERTIFICATE_MISSING "tls-certificate-missing" Error "there is no certificate with its key", "add credentialName, or serverCertificate and privateKey";
    TLS_CA_MISSING "tls-ca-missing" Error "clients can't be verified without a CA", "add caCertificates";
    TLS_CRL "tls-crl" Error "caCrl has no meaning here", "remove it";

    // ServiceEntry and workloads.
    SE_SELECTOR_AND_ENDPOINTS "se-selector-and-endpoints" Error "workloadSelector and endpoints exclude each other", "keep one of them";
    SE_NO_HOSTS "se-no-hosts" Error "there is no host", "add one";
    SE_HOST "se-host" Error "not a service's host", "use a DNS name, which may begin with `*.`";
    SE_PREFIX "se-prefix" Error "prefixes need resolution NONE or STATIC", "use single addresses or another resolution";
    SE_PORT_NAME_DUPLICATE "se-port-name-duplicate" Error "an earlier port has this name", "rename one of them";
    SE_PORT_NUMBER_DUPLICATE "se-port-number-duplicate" Error "an earlier port has this number", "remove one of them";
    SE_NONE_ENDPOINTS "se-none-endpoints" Error "endpoints have no meaning with resolution NONE", "use resolution STATIC or DNS";
    SE_STATIC_ADDRESS "se-static-address" Error "not an address", "use an IP address, or resolution DNS for names";
    SE_ENDPOINT_PORT "se-endpoint-port" Error "no port of the service has this name", "use a name of ports[]";
    SE_SOCKET_PORTS "se-socket-ports" Error "an endpoint that is a socket serves exactly one port", "keep one port";
    SE_DNS_HOST "se-dns-host" Error "a wildcard can't be looked up", "add endpoints, or name the host";
    SE_DNS_ENDPOINTS "se-dns-endpoints" Error "DNS_ROUND_ROBIN has one endpoint at most", "keep one of them or use DNS";
    SE_DNS_ADDRESS "se-dns-address" Error "not a name or address", "use a DNS name without wildcards, or an IP address";
    SE_DYNAMIC_HOST "se-dynamic-host" Error "DYNAMIC_DNS is for wildcards", "begin the host with `*.`";
    SE_DYNAMIC_FIXED "se-dynamic-fixed" Error "DYNAMIC_DNS has no addresses and no endpoints", "remove them";
    SE_DYNAMIC_PROTOCOL "se-dynamic-protocol" Error "not a protocol that says a host", "use HTTP, HTTP2, GRPC or TLS";
    SE_RESOLUTION "se-resolution" Error "not a resolution", "use NONE, STATIC, DNS, DNS_ROUND_ROBIN or DYNAMIC_DNS";
    SE_HOSTS_BY_PORT "se-hosts-by-port" Error "several hosts on a port whose protocol does not say which is meant", "use one host, or protocols of HTTP or TLS";
    WE_NO_ADDRESS "we-no-address" Error "there is no address", "add one, or a network";
    WE_ADDRESS "we-address" Error "not an address", "use an IP address, a DNS name without wildcards, or unix:///path";
    WE_SOCKET_PORTS "we-socket-ports" Error "a socket has no ports", "remove ports";
    WG_NO_TEMPLATE "wg-no-template" Error "there is no template", "add one";
    PROBE_NO_METHOD "probe-no-method" Error "the probe does not say how to ask", "add httpGet, tcpSocket or exec";
    PROBE_GRPC "probe-grpc" Error "probes by gRPC are not supported", "use httpGet, tcpSocket or exec";
    PROBE_SCHEME "probe-scheme" Error "not a scheme", "use HTTP or HTTPS";
    PROBE_HEADER "probe-header" Error "not a header's name", "use letters, digits and dashes";
    PROBE_COMMAND "probe-command" Error "there is no command", "add one";

    // Sidecar.
    SC_EMPTY "sc-empty" Error "the sidecar says nothing", "add egress, ingress, outboundTrafficPolicy or inboundConnectionPool";
    SC_PORT_DUPLICATE "sc-port-duplicate" Error "an earlier listener has this port", "merge them";
    SC_BIND_DUPLICATE "sc-bind-duplicate" Error "an earlier listener has this socket", "merge them";
    SC_ENDPOINT "sc-endpoint" Error "not an endpoint of the workload", "use 127.0.0.1:PORT, 0.0.0.0:PORT, [::1]:PORT, [::]:PORT or unix:///path";
    SC_CATCH_ALL "sc-catch-all" Error "a listener without a port catches the rest, so it is the last", "move it to the end, and keep one";
    SC_SOCKET_PORT "sc-socket-port" Error "a listener with port 0 binds to a socket and captures nothing", "set a port number, or bind to unix:///path with captureMode unset";
    SC_NO_HOSTS "sc-no-hosts" Error "the listener has no hosts", "add hosts, `*/*` for all";
    SC_HOST "sc-host" Error "not `namespace/host`", "use `./host`, `*/host` or `namespace/host`, the host with a dot or `*`";
    SC_EGRESS_PROXY "sc-egress-proxy" Error "not a proxy for egress", "use mode ALLOW_ANY, a host without wildcards, and a port";

    // EnvoyFilter and ProxyConfig.
    EF_APPLY_TO "ef-apply-to" Error "the patch does not say what it applies to", "set applyTo";
    EF_NO_PATCH "ef-no-patch" Error "there is no patch", "add patch with operation and value";
    EF_OPERATION "ef-operation" Error "the patch has no operation", "set operation, such as MERGE";
    EF_NO_VALUE "ef-no-value" Error "the patch has no value", "add one, or use operation REMOVE";
    EF_MATCH "ef-match" Error "the match is on another object than the patch applies to", "match on what applyTo names";
    EF_FILTER_NAME "ef-filter-name" Error "the match names no filter", "name it";
    EF_SUB_FILTER "ef-sub-filter" Error "only filters of the HTTP connection manager have sub-filters", "use applyTo HTTP_FILTER and filter envoy.filters.network.http_connection_manager";

    // Security.
    AP_NO_RULES "ap-no-rules" Error "without rules this action matches nothing", "add rules; `- {}` matches everything";
    AP_PROVIDER_MISSING "ap-provider-missing" Error "CUSTOM needs a provider", "name one of the mesh's extension providers";
    AP_PROVIDER_FOREIGN "ap-provider-foreign" Error "only CUSTOM has a provider", "remove provider or use action CUSTOM";
    AP_CUSTOM_IDENTITY "ap-custom-identity" Error "CUSTOM can't select by identity", "leave that to the provider, or to a DENY policy";
    AP_EMPTY_SOURCE "ap-empty-source" Error "the source says nothing", "add a condition or remove the entry";
    AP_EMPTY_OPERATION "ap-empty-operation" Error "the operation says nothing", "add a condition or remove the entry";
    AP_SERVICE_ACCOUNTS_MIXED "ap-service-accounts-mixed" Error "serviceAccounts exclude principals and namespaces", "keep one of them";
    AP_PORT "ap-port" Error "not a port number", "use one of 0 to 65535: no ranges, no wildcards";
    AP_CONDITION_KEY "ap-condition-key" Error "not a condition's key", "use one such as `request.headers[x-user]` or `source.ip`";
    AP_CONDITION_EMPTY "ap-condition-empty" Error "the condition has no values", "add values or notValues";
    PA_PORTS_WITHOUT_SELECTOR "pa-ports-without-selector" Error "port-level settings need a selector", "select workloads by label";
    RA_NO_ISSUER "ra-no-issuer" Error "neither issuer nor jwksUri", "set issuer";
    RA_JWKS_URI "ra-jwks-uri" Error "not a URL of keys", "use https:// or http://";
    RA_CLAIM_HEADER "ra-claim-header" Error "not a header for a claim", "set claim, and header with letters, digits, `-` and `_`";

    // Telemetry and extensions.
    TE_PROVIDER "te-provider" Error "the provider has no name", "name one of the mesh's extension providers";
    TE_TAG "te-tag" Error "the tag has no name or no content", "set both";
    TE_TAG_VALUE "te-tag-value" Error "UPSERT needs a value and REMOVE has none", "add or remove value";
    TE_METRIC "te-metric" Error "customMetric is empty", "name the metric";
    TE_FILTER "te-filter" Error "the filter's expression is empty", "add one or remove filter";
    TX_NO_FILTER "tx-no-filter" Error "neither wasm nor lua", "add one of them";
    TX_LUA "tx-lua" Error "Lua code of 0 or more than 65536 bytes", "add code, or shorten it";

    // Our own kinds.
    VR_EXPRESSION "vr-expression" Error "not an expression", "write a condition over `object` in the Common Expression Language";
    VR_MESSAGE "vr-message" Error "there is no message", "say what is wrong and what would be right";
    VR_KIND "vr-kind" Error "not a kind", "name one that is served, such as VirtualService";
    VR_NAMESPACE "vr-namespace" Error "not a namespace, nor the beginning of one", "write `shop` or `team-*`";

    // Envoy's own kinds.
    ENVOY_NAME "envoy-name" Error "there is no name", "add one";
    ENVOY_CLUSTER_EDS "envoy-cluster-eds" Error "type EDS and eds_cluster_config.eds_config go together", "add one or remove the other";
    ENVOY_LISTENER_ADDRESS "envoy-listener-address" Error "the listener has no address", "add address or api_listener";
    ENVOY_VIRTUAL_HOST "envoy-virtual-host" Error "a virtual host without a name of its own or without domains", "name each once, and add domains";
    ENVOY_DOMAIN_DUPLICATE "envoy-domain-duplicate" Error "an earlier virtual host has this domain", "remove one of them";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_in_kebab_case() {
        for (index, code) in CODES.iter().enumerate() {
            assert!(CODES[..index].iter().all(|earlier| earlier.id != code.id), "{} twice", code.id);
            assert!(
                code.id
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            );
            assert!(!code.reason.ends_with('.') && !code.remedy.is_empty(), "{}", code.id);
        }
    }
}
