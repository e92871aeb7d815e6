//! What loads others is tried on a server in this process.

#![allow(clippy::unwrap_used)] // clippy.toml exempts tests, but not the functions that they share

mod fuzz;
mod load;
#[cfg(feature = "simulation")]
mod simulation;
