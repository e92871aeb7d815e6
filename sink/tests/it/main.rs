//! The client against a server of the tests' own, which does only what a test tells it.

mod client;
mod server;
