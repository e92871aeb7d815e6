//! What makes a resource unfit to be served: above all, what would make istiod drop it without a word.
//!
//! Pure functions of one resource, a file a kind. The rules are those of istiod's own store, and stricter only
//! for names (`namespace/name` must stay two parts, so Kubernetes' rules for names hold) and where
//! `bench/interop/disagreements.rs` says why. What istiod remarks is a warning.
//! What only the CRD's schema refuses is a warning, too, unless [`Options`] say otherwise.
//!
//! | file | is |
//! |---|---|
//! | [`code`] | every finding as a row of one table |
//! | [`across`] | what is to be said of a resource in view of others: warnings only |
//! | `registry` | which checks a kind has |
//! | `crd` | what Kubernetes refuses beyond that, as a table |
//! | `report` | collects findings and builds their paths |
//! | a kind's name | its checks |
//! | `regex`, `cel`, `url`, `jwks` | whether istiod's libraries would read a text |
//! | the rest | vocabularies that kinds share: hosts, addresses, ports, durations, labels, references |

mod access;
pub mod across;
mod address;
mod authorization_policy;
mod cel;
pub mod code;
mod connection_pool;
mod crd;
mod destination;
mod destination_rule;
mod duration;
mod envoy;
mod envoy_filter;
mod export_to;
mod gateway;
mod header;
mod header_value;
mod host;
mod jwks;
mod label;
mod load_balancer;
mod locality;
mod metadata;
mod options;
mod peer_authentication;
mod percent;
mod port;
mod proxy_config;
mod reference;
mod regex;
mod registry;
mod report;
mod request_authentication;
pub mod rules;
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

pub(crate) use metadata::is_kubernetes_label;
pub use options::{AccessDocuments, CrdRules, Options};

use crate::{resource::Resource, verdict::Finding};

/// Everything that is to be said of one resource; of one that is not known here there is nothing to say. Positions are left to [`crate::codec::SourceMap::place`].
#[must_use]
pub fn check(resource: &Resource, options: Options) -> Vec<Finding> {
    if resource.key.kind.is_opaque() {
        return Vec::new();
    }
    let mut report = Report::new(resource, options);
    if metadata::check(&mut report) {
        registry::check_body(&mut report);
    }
    crd::check(&mut report);
    report.into_findings()
}
