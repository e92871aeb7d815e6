//! A fleet that comes at once, as after an outage.

use std::time::Duration;

use anyhow::{Context, Result};
use mainsheet_bench::{
    load::{Load, Server, ms},
    usage::mib,
};

use super::{Outcome, Site};

pub(super) const WHAT: &str = "5,000 clients connect at once and ask for 1,000 resources of 1 KB, SotW";
pub(super) const BAR: &str = "all hold everything within 60 s, the server in less than 400 MiB";

const CLIENTS: usize = 5000;
const TIME_MAX: Duration = Duration::from_secs(60);
const PEAK_MAX: u64 = 400 << 20;

/// Attempts that are refused, or break, are made again, and counted.
pub(super) async fn run(site: Site) -> Result<Outcome> {
    let server = Server::start(&site.program, &site.dir, fleet_settings()?).await?;
    let load = Load { quick: CLIENTS, changes: 0, ..Load::default() };
    let report = load.run(&server).await?;
    let (time, peak) = (report.cold.times.max(), report.cold.peak);
    let (again, is_right) = (report.again(), report.is_right());
    let mut said = format!(
        "the last of {} has everything after {:.1} s (median {:.1} s), {again} attempts were made again, peak {:.0} MiB, \
         {:.1} CPU s",
        report.cold.times.len(),
        ms(time) / 1000.0,
        ms(report.cold.times.median()) / 1000.0,
        mib(peak),
        report.cold.cpu.as_secs_f64()
    );
    if !is_right {
        said += &format!("\n{report}");
    }
    Ok(Outcome { said, is_met: is_right && time < TIME_MAX && peak < PEAK_MAX })
}

/// What docs/operations.md says for a large fleet: its first block of YAML below that heading.
fn fleet_settings() -> Result<&'static str> {
    let page = include_str!("../../../docs/operations.md");
    let (_, section) = page.split_once("\n## A large fleet\n").context("no section about a large fleet")?;
    let (_, block) = section.split_once("```yaml\n").context("no settings of a large fleet")?;
    Ok(block.split_once("```").context("settings of a large fleet without an end")?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_say_how_a_large_fleet_is_set_up() {
        assert!(fleet_settings().unwrap().contains("connections-max:"));
    }
}
