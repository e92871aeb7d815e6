//! Tests of the parts together.

mod file_source;
mod intake;
mod rig;
