//! The edges of mainsheet: what comes in (`source`, `intake`), what goes out (`stream`, `sinks`), what people look at
//! (`http`, `debug`, `cli`), and the composition of all of it (`app`).

pub mod admission;
pub mod app;
pub mod audit;
pub mod auth;
pub mod chain;
pub mod clashes;
pub mod cli;
pub mod clock;
pub mod config;
mod contain;
pub mod debug;
pub mod expiry;
/// Client and server of the gRPC service `mainsheet.v1`, made by `UPDATE=1 cargo test -p mainsheet-server generated`.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
pub mod generated {
    include!("generated/mainsheet.v1.rs");
}
pub mod http;
pub mod inspection;
pub mod intake;
pub mod leases;
mod listen;
pub mod live;
pub mod log;
mod mask;
pub mod metrics;
pub mod network;
pub mod open_files;
mod places;
mod private;
pub mod readiness;
mod signals;
pub mod sinks;
pub mod source;
pub mod source_health;
mod status_key;
pub mod store_state;
pub mod stream;
pub mod surroundings;
pub mod task;
pub mod tls;
pub mod v1;
pub mod verdicts;
pub mod views;
mod write_deadline;
