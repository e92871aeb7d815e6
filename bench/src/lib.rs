//! What the harnesses share that run real processes: starting and ending them, waiting for conditions, looking at them
//! from outside, loading them.

pub mod api;
pub mod configz;
pub mod fuzz;
pub mod http;
pub mod kill;
pub mod load;
pub mod mainsheet;
pub mod metrics;
pub mod process;
#[cfg(feature = "simulation")]
pub mod sim;
pub mod soak;
pub mod usage;
