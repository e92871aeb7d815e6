//! Runs mainsheet against the real clients, as released or built from their own modules (the table is in `tools.rs`).
//!
//! Each scenario starts its own processes on loopback, with ports and folders of its own, and ends them. A tool that is
//! not installed makes its scenarios skipped, unless INTEROP_REQUIRED (`istiod,envoy`) names it.
//!
//! `make interop` installs the tools first; `mainsheet-interop NAME` runs the scenarios whose names contain NAME.

#![allow(clippy::print_stdout, reason = "a program for the terminal")]

mod api_stub;
mod case;
mod corpus;
mod disagreements;
mod envoy;
mod istiod;
mod judge;
mod mutation;
mod page;
mod pair;
mod raw_sink;
mod scenario;
mod tap;
mod tools;

use std::process::ExitCode;

use case::{Case, End, cases};
use futures_util::future::{join, join_all};
use tools::Tools;

#[tokio::main]
async fn main() -> ExitCode {
    let filter = std::env::args().nth(1).unwrap_or_default();
    let tools = match Tools::find() {
        Ok(tools) => tools,
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    let (beside, in_turn): (Vec<_>, Vec<_>) =
        cases(&tools, &filter).into_iter().partition(|case| case.scenario.is_beside);
    let in_turn = async {
        let mut ends = Vec::new();
        for case in &in_turn {
            ends.push(case.run().await);
        }
        ends
    };
    let (mut ends, others) = join(in_turn, join_all(beside.iter().map(Case::run))).await;
    ends.extend(others);
    if ends.is_empty() {
        eprintln!("error: no scenario's name contains `{filter}`");
        return ExitCode::FAILURE;
    }
    let count = |end: End| ends.iter().filter(|other| **other == end).count();
    let failed = count(End::Failed);
    println!("{} passed, {failed} failed, {} skipped", count(End::Passed), count(End::Skipped));
    if failed == 0 && tools.required_are_there() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
