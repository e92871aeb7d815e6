//! One integration-test binary for the crate: fewer links, quicker builds.

#![allow(clippy::unwrap_used, reason = "clippy exempts tests, and not the functions that they share")]

mod access;
mod codec;
mod corpus;
mod envoy_descriptors;
mod generated;
mod pair;
mod protocol;
mod released;
mod rule;
mod validation;
mod validation_any;
mod validation_rules;
