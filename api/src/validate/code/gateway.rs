//! Gateway, and TLS of servers.

use super::codes;

codes! {
    [Istiod, &["Gateway"]] {
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
        GW_REDIRECT_PROTOCOL "gw-redirect-protocol" Warning "only HTTP can be redirected", "remove httpsRedirect or use protocol HTTP";
    }

    [Istiod, &["Gateway", "Sidecar"]] {
        TLS_ISTIO_MUTUAL "tls-istio-mutual" Error "ISTIO_MUTUAL brings its own certificates", "remove the certificates";
        TLS_CERTIFICATES_TWICE "tls-certificates-twice" Error "more than one source of certificates", "keep one of serverCertificate, credentialName, credentialNames and tlsCertificates";
        TLS_CERTIFICATE_MISSING "tls-certificate-missing" Error "there is no certificate with its key", "add credentialName, or serverCertificate and privateKey";
        TLS_CA_MISSING "tls-ca-missing" Error "clients can't be verified without a CA", "add caCertificates";
        TLS_CRL "tls-crl" Error "caCrl has no meaning here", "remove it";
        TLS_OLD_VERSION "tls-old-version" Warning "versions below TLS 1.2 have no ciphers by default", "add cipherSuites that they have, or ask for TLSV1_2";
        TLS_CIPHER "tls-cipher" Warning "not a cipher suite that Envoy knows, so it is ignored", "use BoringSSL's names, such as ECDHE-RSA-AES128-GCM-SHA256";
        TLS_CIPHER_DUPLICATE "tls-cipher-duplicate" Warning "the cipher suite is named twice", "remove one of them";
        TLS_UNUSED "tls-unused" Warning "TLS passes through, so certificates are ignored", "remove them or use mode SIMPLE";
        TLS_CERTIFICATES_MANY "tls-certificates-many" Warning "Envoy uses two certificates at most", "keep one of RSA and one of ECDSA";
    }
}
