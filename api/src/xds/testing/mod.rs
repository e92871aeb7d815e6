//! The two halves of the protocol run against each other, on whatever catalog (feature `testing`).
//!
//! [`run`] plays a [`Schedule`] of commits, requests, lost connections, stale nonces, refusals and changes of view
//! against a [`World`] that makes catalogs, looks at every response on the wire, and compares what the client holds
//! once nothing moves any more. [`run_moves`] looks at references all the while. [`TinyWorld`] is the smallest world.

mod catalog;
mod model;
mod moves;
mod pair;
mod pinned;
mod schedule;
mod wire;

pub use catalog::{TinyCatalog, TinyWorld};
pub use model::{Edit, World, resource};
pub use moves::{Move, Moves, Target, moves, run_moves};
pub use pair::{run, run_named};
pub use schedule::{Action, Schedule, calm_schedules, schedules};
