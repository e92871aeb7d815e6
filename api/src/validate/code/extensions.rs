//! Telemetry, WasmPlugin, TrafficExtension.

use super::codes;

codes! {
    [Istiod, &["WasmPlugin", "TrafficExtension"]] {
        WASM_URL "wasm-url" Error "not the URL of a Wasm module", "use oci://, https://, http:// or file://";
        WASM_SHA256 "wasm-sha256" Error "not a SHA-256 checksum", "use 64 lower case hexadecimal digits";
        WASM_SECRET "wasm-secret" Error "the secret's name is longer than 253 bytes", "shorten it";
        WASM_NAME "wasm-name" Error "the plugin's name is longer than 256 bytes", "shorten it";
        WASM_ENV "wasm-env" Error "not an environment variable", "name each once, in at most 256 bytes, with a value only where valueFrom is INLINE";
    }

    [Istiod, &["Telemetry"]] {
        TE_PROVIDER "te-provider" Error "the provider has no name", "name one of the mesh's extension providers";
        TE_TAG "te-tag" Error "the tag has no name or no content", "set both";
        TE_TAG_VALUE "te-tag-value" Error "UPSERT needs a value and REMOVE has none", "add or remove value";
        TE_METRIC "te-metric" Error "customMetric is empty", "name the metric";
        TE_FILTER "te-filter" Error "the filter's expression is empty", "add one or remove filter";
        TE_TRACING_MANY "te-tracing-many" Warning "only one entry of tracing has an effect", "keep one";
        TE_PROVIDERS_MANY "te-providers-many" Warning "only one provider of tracing has an effect", "keep one";
        TE_TAG_NAME "te-tag-name" Warning "a tag without a name", "name it";
        TE_FILTER_SYNTAX "te-filter-syntax" Error "not an expression of CEL", "write one such as `response.code >= 400`";
    }

    [Istiod, &["TrafficExtension"]] {
        TX_NO_FILTER "tx-no-filter" Error "neither wasm nor lua", "add one of them";
        TX_LUA "tx-lua" Error "Lua code of 0 or more than 65536 bytes", "add code, or shorten it";
    }
}
