//! Every finding of validation: its stable code, its weight, whose rule it is, what is wrong and what would be right.
//!
//! A file a subject; a group of rows says once whose rules they are and which kinds they are about.

use crate::verdict::Severity;

mod access;
mod crd;
mod destination_rule;
mod envoy;
mod envoy_filter;
mod extensions;
mod gateway;
mod security;
mod service_entry;
mod shared;
mod sidecar;
mod validation_rule;
mod virtual_service;

pub(super) use self::{
    access::*, crd::*, destination_rule::*, envoy::*, envoy_filter::*, extensions::*, gateway::*,
    security::*, service_entry::*, shared::*, sidecar::*, validation_rule::*, virtual_service::*,
};

/// A row of the tables.
#[derive(Debug)]
pub struct Code {
    /// Stable and searchable: `vs-no-routes`.
    pub id: &'static str,
    /// Whether it rejects.
    pub severity: Severity,
    /// Who refuses, or warns, by this rule.
    pub origin: Origin,
    /// Which kinds it is about, by name; none where it is about all.
    pub kinds: &'static [&'static str],
    /// What is wrong; a finding may add the value.
    pub reason: &'static str,
    /// What would be right.
    pub remedy: &'static str,
}

/// Whose rule it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// istiod's own validation: what it refuses, it drops without a word.
    Istiod,
    /// The schema of the CRD, by which a Kubernetes API server refuses: a warning here, unless told otherwise.
    Crd,
    /// Envoy, of its own kinds.
    Envoy,
    /// A Kubernetes API server, of its own kinds.
    Kubernetes,
    /// This server, so that what it serves can be told apart.
    Mainsheet,
}

/// The tables, by subject.
static TABLES: [&[&Code]; 13] = [
    shared::TABLE,
    virtual_service::TABLE,
    destination_rule::TABLE,
    gateway::TABLE,
    service_entry::TABLE,
    sidecar::TABLE,
    envoy_filter::TABLE,
    security::TABLE,
    extensions::TABLE,
    envoy::TABLE,
    validation_rule::TABLE,
    access::TABLE,
    crd::TABLE,
];

/// All codes, by subject.
pub fn all() -> impl Iterator<Item = &'static Code> {
    TABLES.iter().flat_map(|table| table.iter().copied())
}

/// The kinds that select workloads by label.
const SELECTING: &[&str] = &[
    "DestinationRule",
    "ServiceEntry",
    "Sidecar",
    "EnvoyFilter",
    "ProxyConfig",
    "AuthorizationPolicy",
    "PeerAuthentication",
    "RequestAuthentication",
    "Telemetry",
    "WasmPlugin",
    "TrafficExtension",
];

/// The kinds that may be for a target instead.
const TARGETING: &[&str] =
    &["AuthorizationPolicy", "RequestAuthentication", "Telemetry", "WasmPlugin", "TrafficExtension"];

/// Rows in groups: `[origin, kinds] { NAME "id" severity "reason", "remedy"; }`.
macro_rules! codes {
    ($([$origin:ident, $kinds:expr] {
        $($name:ident $id:literal $severity:ident $reason:literal, $remedy:literal;)*
    })*) => {
        $($(pub(in crate::validate) static $name: super::Code = super::Code {
            id: $id,
            severity: crate::verdict::Severity::$severity,
            origin: super::Origin::$origin,
            kinds: $kinds,
            reason: $reason,
            remedy: $remedy,
        };)*)*

        pub(super) static TABLE: &[&super::Code] = &[$($(&$name),*),*];
    };
}
use codes;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Kind;

    #[test]
    fn codes_are_unique_and_in_kebab_case() {
        let all: Vec<_> = all().collect();
        for (index, code) in all.iter().enumerate() {
            assert!(all[..index].iter().all(|earlier| earlier.id != code.id), "{} twice", code.id);
            assert!(
                code.id
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            );
            assert!(!code.reason.ends_with('.') && !code.remedy.is_empty(), "{}", code.id);
        }
    }

    #[test]
    fn codes_name_kinds_that_exist() {
        for name in all().flat_map(|code| code.kinds) {
            assert!(Kind::all().any(|kind| kind.info().name == *name), "{name}");
        }
    }
}
