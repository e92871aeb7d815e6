//! The client against a server of the tests' own, which does only what a test tells it.

#![allow(clippy::unwrap_used)] // clippy.toml exempts tests, but not the functions that they share

mod client;
mod connector;
mod dependencies;
mod directory;
mod embedding;
mod examples;
mod failover;
mod resource;
mod server;
mod tls;
