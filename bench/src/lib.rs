//! What the harnesses share that run real processes: starting and ending them, waiting for conditions, looking at them
//! from outside.

pub mod configz;
pub mod http;
pub mod mainsheet;
pub mod memory;
pub mod metrics;
pub mod process;
