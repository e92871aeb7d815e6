//! What makes a resource unfit to be served: above all, what would make istiod drop it without a word.
//!
//! Pure functions of one resource, a file a kind. The rules are those of istiod's own store, and never stricter, except
//! for names: `namespace/name` must stay two parts, so Kubernetes' rules for names hold. What only the CRD's schema
//! refuses is no error here.
//!
//! | file | is |
//! |---|---|
//! | [`code`] | every finding as a row of one table |
//! | [`across`] | what is to be said of a resource in view of others: warnings only |
//! | `registry` | which checks a kind has |
//! | `report` | collects findings and builds their paths |
//! | a kind's name | its checks |
//! | the rest | vocabularies that kinds share: hosts, addresses, ports, durations, labels, references |

pub mod across;
mod address;
mod authorization_policy;
pub mod code;
mod connection_pool;
mod destination;
mod destination_rule;
mod duration;
mod envoy;
mod envoy_filter;
mod export_to;
mod gateway;
mod header;
mod host;
mod label;
mod load_balancer;
mod metadata;
mod peer_authentication;
mod percent;
mod port;
mod proxy_config;
mod reference;
mod regex;
mod registry;
mod report;
mod request_authentication;
mod selector;
mod server_tls;
mod service_entry;
mod sidecar;
mod telemetry;
mod traffic_extension;
mod traffic_policy;
mod url;
mod validation_rule;
mod virtual_service;
mod wasm_plugin;
mod workload_entry;
mod workload_group;

use report::Report;

use crate::{resource::Resource, verdict::Finding};

/// Everything that is to be said of one resource. Positions are left to [`crate::codec::SourceMap::place`].
#[must_use]
pub fn check(resource: &Resource) -> Vec<Finding> {
    let mut report = Report::new(resource);
    if metadata::check(&mut report) {
        registry::check_body(&mut report);
    }
    report.into_findings()
}
