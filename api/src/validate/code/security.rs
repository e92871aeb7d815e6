//! AuthorizationPolicy, PeerAuthentication, RequestAuthentication.

use super::codes;

codes! {
    [Istiod, &["AuthorizationPolicy"]] {
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
        AP_SERVICE_ACCOUNT "ap-service-account" Error "not a service account", "use at most 16, each `name` or `namespace/name`, without wildcards";
        AP_TRUST_DOMAIN "ap-trust-domain" Error "not a trust domain", "use a name without `/`, where one `*` may begin or end it";
        AP_PATH "ap-path" Error "not a path's template", "use `{*}` and `{**}` as whole segments, `{**}` last, and no other braces or wildcards beside them";
        AP_DENY_TCP "ap-deny-tcp" Warning "the rule looks at HTTP only, so it denies all traffic of TCP ports", "name the ports";
    }

    [Istiod, &["PeerAuthentication"]] {
        PA_PORTS_WITHOUT_SELECTOR "pa-ports-without-selector" Error "port-level settings need a selector", "select workloads by label";
    }

    [Istiod, &["RequestAuthentication"]] {
        RA_NO_ISSUER "ra-no-issuer" Error "neither issuer nor jwksUri", "set issuer";
        RA_JWKS_URI "ra-jwks-uri" Error "not a URL of keys", "use https:// or http://";
        RA_CLAIM_HEADER "ra-claim-header" Error "not a header for a claim", "set claim, and header with letters, digits, `-` and `_`";
        RA_JWKS "ra-jwks" Error "not a set of keys", "write a JSON Web Key Set: {\"keys\": [...]}";
        RA_JWKS_PRIVATE "ra-jwks-private" Warning "a private key, of which the public half is enough", "remove the private parts";
    }
}
