//! Envoy's own kinds.

use super::codes;

codes! {
    [Envoy, &[]] {
        ENVOY_NAME "envoy-name" Error "there is no name", "add one";
        ENVOY_CLUSTER_EDS "envoy-cluster-eds" Error "type EDS and eds_cluster_config.eds_config go together", "add one or remove the other";
        ENVOY_LISTENER_ADDRESS "envoy-listener-address" Error "the listener has no address", "add address or api_listener";
        ENVOY_VIRTUAL_HOST "envoy-virtual-host" Error "a virtual host without a name of its own or without domains", "name each once, and add domains";
        ENVOY_DOMAIN_DUPLICATE "envoy-domain-duplicate" Error "an earlier virtual host has this domain", "remove one of them";
    }
}
