//! One integration-test binary for the crate: fewer links, quicker builds.

#![allow(clippy::unwrap_used)] // clippy.toml exempts tests, but not the functions that they share

mod cache;
mod pair;
mod store_contract;
mod store_crash;
mod store_files;
mod store_model;
mod stores;
