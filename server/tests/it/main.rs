//! Tests of the parts together.

#![allow(clippy::unwrap_used)] // clippy.toml exempts tests, but not the functions that they share

mod ads;
mod app;
mod audiences;
mod audit;
mod bounds;
mod cli;
mod client;
mod console;
mod crashes;
mod directory;
mod file_source;
mod full_disk;
mod generated;
mod http;
mod identity;
mod inspect;
mod intake;
mod layers;
mod leases;
mod lifecycle;
mod mesh;
mod names;
mod operations;
mod overload;
mod pins;
mod references;
mod resume;
mod rig;
mod rules;
mod services;
mod single_type;
mod slow;
mod tenants;
mod tidy;
mod tour;
mod upstream;
mod v1_reads;
mod verdicts;
mod writes;
mod xds_client;
