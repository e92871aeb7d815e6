//! Tests of the parts together.

mod cli;
mod file_source;
mod intake;
mod rig;
