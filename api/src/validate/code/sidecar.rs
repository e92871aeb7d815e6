//! Sidecar.

use super::codes;

codes! {
    [Istiod, &["Sidecar"]] {
        SC_EMPTY "sc-empty" Error "the sidecar says nothing", "add egress, ingress, outboundTrafficPolicy or inboundConnectionPool";
        SC_PORT_DUPLICATE "sc-port-duplicate" Error "an earlier listener has this port", "merge them";
        SC_BIND_DUPLICATE "sc-bind-duplicate" Error "an earlier listener has this socket", "merge them";
        SC_ENDPOINT "sc-endpoint" Error "not an endpoint of the workload", "use 127.0.0.1:PORT, 0.0.0.0:PORT, [::1]:PORT, [::]:PORT or unix:///path";
        SC_CATCH_ALL "sc-catch-all" Error "a listener without a port catches the rest, so it is the last", "move it to the end, and keep one";
        SC_SOCKET_PORT "sc-socket-port" Error "a listener with port 0 binds to a socket and captures nothing", "set a port number, or bind to unix:///path with captureMode unset";
        SC_NO_HOSTS "sc-no-hosts" Error "the listener has no hosts", "add hosts, `*/*` for all";
        SC_HOST "sc-host" Error "not `namespace/host`", "use `./host`, `*/host` or `namespace/host`, the host with a dot or `*`";
        SC_EGRESS_PROXY "sc-egress-proxy" Error "not a proxy for egress", "use mode ALLOW_ANY, a host without wildcards, and a port";
        SC_TLS "sc-tls" Error "not supported in a sidecar", "use mode SIMPLE or MUTUAL with serverCertificate and privateKey";
        SC_TLS_PROTOCOL "sc-tls-protocol" Error "this protocol has no tls settings", "use protocol HTTPS or TLS";
        SC_POOL_PROTOCOL "sc-pool-protocol" Warning "settings for HTTP on a port of another protocol have no effect", "use tcp, or name a protocol of HTTP";
        SC_HOST_DUPLICATE "sc-host-duplicate" Warning "an earlier host includes it, or the other way round", "remove one of them";
        SC_HOST_ALL "sc-host-all" Warning "`*/*` includes all other hosts", "remove them";
        SC_DYNAMIC_DNS "sc-dynamic-dns" Error "this mode is for the whole mesh only", "use ALLOW_ANY or REGISTRY_ONLY";
    }
}
