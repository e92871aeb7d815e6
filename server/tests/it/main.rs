//! Tests of the parts together.

#![allow(clippy::unwrap_used)] // clippy.toml exempts tests, but not the functions that they share

mod cli;
mod file_source;
mod intake;
mod references;
mod rig;
