//! One integration-test binary for the crate: fewer links, quicker builds.

mod codec;
mod envoy_descriptors;
mod generated;
mod pair;
