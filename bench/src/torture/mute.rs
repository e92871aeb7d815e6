//! Clients that ask and never read, among others whom that must not concern.

use std::time::Duration;

use anyhow::{Result, ensure};
use mainsheet_bench::{
    load::{Load, Report, Server, ms},
    usage::mib,
};

use super::{Outcome, Site};

pub(super) const WHAT: &str = "1,000 clients of 1,000 resources of 1 KB, SotW, of which 10 never read";
pub(super) const BAR: &str =
    "the others' median delivery at most 1.2 times that without them, 1 MiB of memory a mute client";

const CLIENTS: usize = 1000;
const MUTE: usize = 10;
const PAIRS: usize = 5;
const CHANGES: usize = 5;
const RATIO_MAX: f64 = 1.2;
const MUTE_MIB_MAX: f64 = 1.0;

/// They are to stay: a server that closes them has no more to do with them.
const SETTINGS: &str = "write-deadline: 1h\n";

/// A run with the mute clients, and one without.
struct Pair {
    with: Report,
    without: Report,
}

impl Pair {
    fn ratio(&self) -> f64 {
        median(&self.with).as_secs_f64() / median(&self.without).as_secs_f64()
    }

    /// What the server's memory took more with them at its peak, in MiB.
    fn growth(&self) -> f64 {
        mib(self.with.changes.peak) - mib(self.without.changes.peak)
    }
}

pub(super) async fn run(site: Site) -> Result<Outcome> {
    let mut pairs = Vec::new();
    for number in 0..PAIRS {
        let run = async |mute: usize| one(&site, &format!("{number}-{mute}"), mute).await;
        // What changes on the machine meanwhile must not always strike the same half.
        pairs.push(if number % 2 == 0 {
            let without = run(0).await?;
            Pair { with: run(MUTE).await?, without }
        } else {
            Pair { with: run(MUTE).await?, without: run(0).await? }
        });
    }
    let ratios: Vec<f64> = pairs.iter().map(Pair::ratio).collect();
    let (ratio, growth) =
        (middle(ratios.clone()), middle(pairs.iter().map(Pair::growth).collect()) / MUTE as f64);
    let median = middle(pairs.iter().map(|pair| ms(median(&pair.without))).collect());
    let said = format!(
        "ratio {ratio:.2} (pairs: {}), median without them {median:.0} ms, {growth:.2} MiB a mute client",
        ratios.iter().map(|ratio| format!("{ratio:.2}")).collect::<Vec<_>>().join(", "),
    );
    Ok(Outcome { said, is_met: ratio <= RATIO_MAX && growth <= MUTE_MIB_MAX })
}

/// On a server of its own, so that no run has the memory of the one before.
async fn one(site: &Site, name: &str, mute: usize) -> Result<Report> {
    let dir = site.dir.join(name);
    let server = Server::start(&site.program, &dir, SETTINGS).await?;
    let load = Load { quick: CLIENTS - MUTE, mute, changes: CHANGES, in_turn: true, ..Load::default() };
    let report = load.run(&server).await?;
    ensure!(report.is_right(), "{report}");
    Ok(report)
}

fn median(report: &Report) -> Duration {
    report.changes.times.median()
}

fn middle(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}
