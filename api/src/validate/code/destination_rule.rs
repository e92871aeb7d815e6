//! DestinationRule, and connection pools.

use super::codes;

codes! {
    [Istiod, &["DestinationRule"]] {
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
        OUTLIER_CONSECUTIVE_ERRORS "outlier-consecutive-errors" Warning "consecutiveErrors is deprecated", "use consecutiveGatewayErrors or consecutive5xxErrors";
        LB_RING_DEPRECATED "lb-ring-deprecated" Warning "minimumRingSize is deprecated", "use ringHash.minimumRingSize";
        LB_FAILOVER_PRIORITY "lb-failover-priority" Error "the order of regions and zones follows from the other settings", "use other labels than those of the topology";
        LB_LOCALITY "lb-locality" Error "not a locality", "write `region/zone/subzone`, where `*` may be the end";
        LB_LOCALITY_OVERLAP "lb-locality-overlap" Error "another locality includes some of the same endpoints", "make them exclude each other";
        LB_NO_OUTLIER "lb-no-outlier" Warning "without outlier detection nothing fails over", "add outlierDetection to the same policy";
    }

    [Istiod, &["DestinationRule", "Sidecar"]] {
        POOL_EMPTY "pool-empty" Error "the connection pool says nothing", "add tcp or http";
        POOL_UPGRADE "pool-upgrade" Error "h2UpgradePolicy UPGRADE contradicts useClientProtocol", "keep one of them";
    }
}
