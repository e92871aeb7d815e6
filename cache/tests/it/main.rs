//! One integration-test binary for the crate: fewer links, quicker builds.

mod store_contract;
mod stores;
