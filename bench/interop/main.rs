//! Runs mainsheet against the real clients, as released or built from their own modules (the table is in `tools.rs`).
//!
//! Each scenario starts its own processes on loopback, with ports and folders of its own, and ends them. A tool that is
//! not installed makes its scenarios skipped, unless INTEROP_REQUIRED (`istiod,envoy`) names it.
//!
//! `make interop` installs the tools first; `mainsheet-interop NAME` runs the scenarios whose names contain NAME.

#![allow(clippy::print_stdout, reason = "a program for the terminal")]

mod api_stub;
mod envoy;
mod istiod;
mod raw_sink;
mod scenario;
mod tools;

use std::process::ExitCode;

use mainsheet_bench::process::now;
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
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for scenario in scenario::ALL.iter().filter(|scenario| scenario.name.contains(&filter)) {
        if let Some(missing) = scenario.needs.iter().find(|tool| !tools.has(tool)) {
            println!("skipped {}: {missing} is not installed", scenario.name);
            skipped += 1;
            continue;
        }
        let start = now();
        match (scenario.run)(&tools).await {
            Ok(notes) => {
                println!("passed  {} ({:.1} s)", scenario.name, start.elapsed().as_secs_f32());
                notes.iter().for_each(|note| println!("          {note}"));
                passed += 1;
            }
            Err(error) => {
                println!("FAILED  {}: {error:#}", scenario.name);
                failed += 1;
            }
        }
    }
    if passed + failed + skipped == 0 {
        eprintln!("error: no scenario's name contains `{filter}`");
        return ExitCode::FAILURE;
    }
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    if failed == 0 && tools.required_are_there() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
