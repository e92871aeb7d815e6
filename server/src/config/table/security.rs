//! Settings of TLS, of who clients are and what they may do, and of what is told of them.

use super::{
    super::text::*,
    Form::{Switch, Value},
    Setting, TakesEffect,
};

pub(super) const SETTINGS: &[Setting] = &[
    row!(
        "authorities",
        Value("SOURCES"),
        authorities,
        read_sources,
        write_sources,
        "Sources whose roles and bindings grant something, beside paths and upstreams with `authority: true`: api, files:PATH, xds:ADDR, with commas between them, or none. Documents of other sources are kept and grant nothing"
    ),
    row!(
        NewConnections => "trust-loopback",
        Switch,
        auth.trust_loopback,
        read_bool,
        ToString::to_string,
        "Let clients on this machine do everything without a credential, on the plaintext ports (user system:admin in group system:masters); without it they are system:anonymous"
    ),
    row!(
        "grpc-tls-addr",
        Value("ADDR"),
        tls.grpc_addr,
        read_addr,
        ToString::to_string,
        "Where sinks connect over TLS, once there is a certificate (tls-cert); port 0 takes any free one"
    ),
    row!(
        "http-tls-addr",
        Value("ADDR"),
        tls.http_addr,
        read_optional_addr,
        write_optional,
        "Health, metrics and inspection over TLS, once there is a certificate; clients may show theirs and need not, since probes have none; or none"
    ),
    row!(
        "tls-cert",
        Value("FILE"),
        tls.cert,
        read_optional_path,
        write_optional_path,
        "The server's certificate in PEM form, and those between it and its CA; it is read again when it changes; or none"
    ),
    row!(
        "tls-key",
        Value("FILE"),
        tls.key,
        read_optional_path,
        write_optional_path,
        "Its private key in PEM form; or none"
    ),
    row!(
        "tls-client-ca",
        Value("FILE"),
        tls.client_ca,
        read_optional_path,
        write_optional_path,
        "CAs in PEM form whose signature makes a client's certificate good: whoever has their keys decides who anybody is, members of system:masters included; or none, and clients are not asked"
    ),
    row!(
        "tls-client-auth",
        Value("MODE"),
        tls.client_auth,
        read_word,
        ToString::to_string,
        "Whether clients of the gRPC port have to show a certificate where there is a client CA (required), or may have a token or nothing instead (optional)"
    ),
    row!(
        "tls-min-version",
        Value("VERSION"),
        tls.min_version,
        read_word,
        ToString::to_string,
        "The oldest version of TLS that is spoken: 1.3, or 1.2 for clients that can do no better"
    ),
    row!(
        "trust-domain",
        Value("DOMAIN"),
        auth.trust_domain,
        read_trust_domain,
        ToString::to_string,
        "The trust domain whose SPIFFE ids spiffe://DOMAIN/ns/NAMESPACE/sa/NAME are service accounts; any other id is a user of that name"
    ),
    row!(
        "deny-list",
        Value("FILE"),
        auth.deny_list,
        read_optional_path,
        write_optional_path,
        "Users and certificates that nobody lets in any more, `identities: [...]` and `serials: [...]`; it is read again when it changes, and ends their streams; or none"
    ),
    row!(
        "jwt-issuer",
        Value("ISSUER"),
        auth.tokens.issuer,
        read_optional_text,
        write_optional,
        "Whose bearer tokens are taken (claim iss), for example that of a cluster's service accounts; or none"
    ),
    row!(
        "jwt-audiences",
        Value("NAMES"),
        auth.tokens.audiences,
        read_texts,
        write_texts,
        "For whom tokens have to be (claim aud), with commas; one of them is enough"
    ),
    row!(
        "jwt-keys",
        Value("FILE|URL"),
        auth.tokens.keys,
        read_optional,
        write_optional,
        "The issuer's public keys as a JWKS: a file, which is read again when it changes, or https://..., which is asked every 5 minutes and when a token has an unknown key; or none"
    ),
    row!(
        "jwt-keys-ca",
        Value("FILE"),
        auth.tokens.keys_ca,
        read_optional_path,
        write_optional_path,
        "CAs in PEM form that prove the host of that URL, instead of those that this machine believes; or none"
    ),
    row!(
        "jwt-keys-token-file",
        Value("FILE"),
        auth.tokens.keys_token_file,
        read_optional_path,
        write_optional_path,
        "A bearer token that is shown to that URL, as a Kubernetes API server wants; or none"
    ),
    row!(
        "jwt-algorithms",
        Value("NAMES"),
        auth.tokens.algorithms,
        read_word,
        ToString::to_string,
        "How tokens may be signed, with commas: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA"
    ),
    row!(
        "audit-log",
        Value("FILE"),
        audit_log,
        read_optional_path,
        write_optional_path,
        "Where is written who did what (docs/security.md): writes, refusals, failed logins, changes of views; or none"
    ),
    row!(
        "audit-log-size",
        Value("SIZE"),
        audit_log_size,
        read_size,
        write_size,
        "Size at which a file of the audit log is full, and the next one begins"
    ),
    row!(
        "audit-log-kept",
        Value("COUNT"),
        audit_log_kept,
        read_count,
        ToString::to_string,
        "Full files of the audit log that are kept beside it; older ones are deleted"
    ),
    row!(
        "audit-failure",
        Value("MODE"),
        audit_failure,
        read_word,
        ToString::to_string,
        "What becomes of a write that the audit log can't tell, because its disk is full or fails: refuse it, or make it and count what is not told"
    ),
];
