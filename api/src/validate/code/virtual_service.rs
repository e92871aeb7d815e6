//! VirtualService.

use super::codes;

codes! {
    [Istiod, &["VirtualService"]] {
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
        VS_SET_HEADER "vs-set-header" Error "not a header that can be set here", "use a header's name; `host` and `:authority` can be set in requests only, other pseudo headers nowhere";
        VS_HEADER_VALUE "vs-header-value" Error "not a header's value", "leave out control characters, write `%%` for a percent sign, and close variables: `%REQ(x-user)%`";
        VS_AUTHORITY_TWICE "vs-authority-twice" Error "the authority is set in more than one place", "keep one of rewrite.authority and the headers `host` and `:authority`";
        VS_CORS_ORIGIN "vs-cors-origin" Error "the origin is empty", "set exact, prefix or regex";
        VS_CORS_METHOD "vs-cors-method" Error "not a method of HTTP", "use upper case, such as `GET`, or `*`";
        VS_CORS_HEADER "vs-cors-header" Error "not a header's name", "use letters, digits and dashes, or `*`";
        VS_CORS_MAX_AGE "vs-cors-max-age" Error "browsers count in seconds", "use whole seconds";
        VS_MIRROR_PERCENT "vs-mirror-percent" Warning "mirrorPercent is deprecated", "use mirrorPercentage";
        VS_RESPONSE_LARGE "vs-response-large" Warning "the body is larger than 100 KiB, and every proxy holds it", "serve it from a workload";
        VS_SNI_ADDRESS "vs-sni-address" Warning "clients send no addresses as SNI", "name the host";
        VS_UNREACHABLE "vs-unreachable" Warning "an earlier route without match takes everything", "move that route to the end";
        VS_MATCH_DUPLICATE "vs-match-duplicate" Warning "an earlier match is the same", "remove one of them";
        VS_MATCHES_DUPLICATE "vs-matches-duplicate" Warning "earlier routes have all of its matches", "remove the route";
        VS_MATCH_COVERED "vs-match-covered" Warning "an earlier match by prefix takes everything that this one matches", "put the longer prefix first";
    }
}
