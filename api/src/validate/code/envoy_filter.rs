//! EnvoyFilter.

use super::codes;

codes! {
    [Istiod, &["EnvoyFilter"]] {
        EF_APPLY_TO "ef-apply-to" Error "the patch does not say what it applies to", "set applyTo";
        EF_NO_PATCH "ef-no-patch" Error "there is no patch", "add patch with operation and value";
        EF_OPERATION "ef-operation" Error "the patch has no operation", "set operation, such as MERGE";
        EF_NO_VALUE "ef-no-value" Error "the patch has no value", "add one, or use operation REMOVE";
        EF_MATCH "ef-match" Error "the match is on another object than the patch applies to", "match on what applyTo names";
        EF_FILTER_NAME "ef-filter-name" Error "the match names no filter", "name it";
        EF_SUB_FILTER "ef-sub-filter" Error "only filters of the HTTP connection manager have sub-filters", "use applyTo HTTP_FILTER and filter envoy.filters.network.http_connection_manager";
        EF_INTERNAL "ef-internal" Warning "what it patches is internal to Istio and changes between versions", "prefer another kind where one exists";
        EF_PROXY_VERSION "ef-proxy-version" Warning "proxyVersion is longer than 1024 bytes, so it is ignored", "shorten it";
        EF_FILTER_UNUSED "ef-filter-unused" Warning "a match on a filter has no effect here", "remove it, or apply to NETWORK_FILTER or HTTP_FILTER";
        EF_FILTER_DEPRECATED "ef-filter-deprecated" Warning "an old name of a filter", "use its name that begins with envoy.filters";
        EF_VALUE "ef-value" Error "the value is not what applyTo names", "write it as Envoy's own configuration";
        EF_VALUE_UNKNOWN "ef-value-unknown" Warning "Envoy does not know all of the value", "correct the field's name";
        EF_NO_TYPED_CONFIG "ef-no-typed-config" Warning "a name without typed_config", "add typed_config";
    }
}
