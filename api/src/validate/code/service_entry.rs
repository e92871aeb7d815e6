//! ServiceEntry and workloads.

use super::codes;

codes! {
    [Istiod, &["ServiceEntry"]] {
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
        SE_PARTIAL_WILDCARD "se-partial-wildcard" Warning "a wildcard that is no whole label", "begin the host with `*.`";
        SE_NO_ADDRESS "se-no-address" Warning "a TCP port is matched by address alone, and there is none", "add addresses";
        SE_NONE_SELECTOR "se-none-selector" Warning "workloadSelector has no meaning with resolution NONE", "use resolution STATIC";
        SE_ADDRESS_HOSTS "se-address-hosts" Warning "several hosts share the addresses of a TCP port, so only one of them is reached", "use one host";
        SE_DYNAMIC_LOCATION "se-dynamic-location" Error "not a location", "use MESH_EXTERNAL or MESH_INTERNAL";
        SE_DYNAMIC_WAYPOINT "se-dynamic-waypoint" Error "DYNAMIC_DNS inside of the mesh excludes waypoints", "use location MESH_EXTERNAL, or remove the label istio.io/use-waypoint";
    }

    [Istiod, &["ServiceEntry", "WorkloadEntry"]] {
        WE_NO_ADDRESS "we-no-address" Error "there is no address", "add one, or a network";
        WE_SOCKET_PORTS "we-socket-ports" Error "a socket has no ports", "remove ports";
        WE_NETWORK_ONLY "we-network-only" Warning "without an address the workload is reached through the gateway of its network", "add an address unless that is meant";
    }

    [Istiod, &["WorkloadEntry"]] {
        WE_ADDRESS "we-address" Error "not an address", "use an IP address, a DNS name without wildcards, or unix:///path";
    }

    [Istiod, &["WorkloadGroup"]] {
        WG_NO_TEMPLATE "wg-no-template" Error "there is no template", "add one";
        PROBE_NO_METHOD "probe-no-method" Error "the probe does not say how to ask", "add httpGet, tcpSocket or exec";
        PROBE_GRPC "probe-grpc" Error "probes by gRPC are not supported", "use httpGet, tcpSocket or exec";
        PROBE_SCHEME "probe-scheme" Error "not a scheme", "use HTTP or HTTPS";
        PROBE_HEADER "probe-header" Error "not a header's name", "use letters, digits and dashes";
        PROBE_COMMAND "probe-command" Error "there is no command", "add one";
    }
}
