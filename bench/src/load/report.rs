//! What came of a load.

use std::{fmt, time::Duration};

use mainsheet_api::xds::Variant;
use serde_json::{Value, json};

use super::{
    Load,
    fleet::Fleet,
    times::{Times, ms},
};
use crate::usage::{Usage, mib};

/// A part of the load.
#[derive(Clone, Debug)]
pub struct Phase {
    /// How long it took.
    pub wall: Duration,
    /// CPU of the server meanwhile.
    pub cpu: Duration,
    /// The most memory that the server had meanwhile, in bytes.
    pub peak: u64,
    /// Until clients that read quickly, and slowly, had what they were to have.
    pub times: Times,
    /// Bytes that clients took in.
    pub received_bytes: u64,
    /// In so many responses.
    pub responses: u64,
}

impl Phase {
    pub(super) fn new(
        (before, after): (Usage, Usage),
        wall: Duration,
        times: Times,
        (received_bytes, responses): (u64, u64),
    ) -> Self {
        let cpu = after.cpu.saturating_sub(before.cpu);
        Self { wall, cpu, peak: after.peak, times, received_bytes, responses }
    }

    fn json(&self) -> Value {
        json!({
            "wall_ms": ms(self.wall),
            "server_cpu_ms": ms(self.cpu),
            "server_peak_rss_bytes": self.peak,
            "times": self.times.json(),
            "received_bytes": self.received_bytes,
            "responses": self.responses,
        })
    }
}

/// What came of a load.
#[derive(Clone, Debug)]
pub struct Report {
    load: Load,
    /// From the first connection until each client that reads quickly holds everything.
    pub cold: Phase,
    /// From the first change until each of those has the last one.
    pub changes: Phase,
    /// What the server took in the end.
    pub server: Usage,
    /// How long writes took to be answered.
    pub writes: Times,
    /// Clients that had what nobody wrote, and what is said of the first of them.
    pub wrong: (usize, Vec<String>),
    /// Clients that read, and do not hold in the end what was written last.
    pub behind: usize,
    /// Connections that ended before they were answered, and after.
    pub ends: [Vec<(String, u64)>; 2],
}

impl Report {
    pub(super) fn new(
        load: &Load,
        (cold, changes): (Phase, Phase),
        (fleet, behind): (&Fleet, usize),
        server: Usage,
    ) -> Self {
        let (writes, wrong, ends) = (fleet.ledger().write_times(), fleet.wrong(), fleet.ends());
        Self { load: load.clone(), cold, changes, server, writes, wrong, behind, ends }
    }

    /// Whether each client that reads got exactly what it should.
    pub fn is_right(&self) -> bool {
        self.wrong.0 == 0 && self.behind == 0
    }

    /// Connections that ended and were made again.
    pub fn again(&self) -> u64 {
        self.ends.iter().flatten().map(|(_, count)| count).sum()
    }

    /// On one line.
    pub fn json(&self) -> Value {
        let load = &self.load;
        json!({
            "clients": {"quick": load.quick, "slow": load.slow, "mute": load.mute},
            "variant": name(load.variant),
            "resources": load.resources,
            "resource_bytes": load.resource_bytes,
            "changes": load.changes,
            "every_ms": ms(load.every),
            "by": if load.files.is_some() { "files" } else { "api" },
            "right": self.is_right(),
            "wrong": self.wrong.0,
            "behind": self.behind,
            "refused": self.ends[0],
            "broken": self.ends[1],
            "cold": self.cold.json(),
            "change": self.changes.json(),
            "writes": self.writes.json(),
            "server": self.server.json(),
        })
    }
}

fn name(variant: Variant) -> &'static str {
    match variant {
        Variant::Sotw => "sotw",
        Variant::Delta => "delta",
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Load { quick, slow, mute, variant, resources, resource_bytes, changes, every, .. } = &self.load;
        writeln!(
            f,
            "{} clients ({quick} quick, {slow} slow, {mute} mute), {}, {resources} resources of {resource_bytes} bytes, \
             {changes} changes, one every {} ms",
            self.load.clients(),
            name(*variant),
            every.as_millis()
        )?;
        writeln!(
            f,
            "{:8} {:>9} {:>9} {:>9} {:>9} {:>12} {:>10} {:>13}",
            "", "p50 ms", "p99 ms", "max ms", "wall ms", "server CPU s", "peak MiB", "received MiB"
        )?;
        for (name, phase) in [("cold", &self.cold), ("changes", &self.changes)] {
            let [p50, p99, max] = [50, 99, 100].map(|percent| ms(phase.times.percentile(percent)));
            writeln!(
                f,
                "{name:8} {p50:9.1} {p99:9.1} {max:9.1} {:9.0} {:12.2} {:10.1} {:13.1}",
                ms(phase.wall),
                phase.cpu.as_secs_f64(),
                mib(phase.peak),
                mib(phase.received_bytes)
            )?;
        }
        let Usage { resident, open_files, .. } = self.server;
        let write = ms(self.writes.median());
        writeln!(
            f,
            "server: {:.1} MiB, {open_files} open files; a write is answered after {write:.1} ms",
            mib(resident)
        )?;
        self.fmt_check(f)
    }
}

impl Report {
    fn fmt_check(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_right() {
            f.write_str("each client that reads got exactly what was written")?;
        } else {
            write!(
                f,
                "NOT RIGHT: {} times something that nobody wrote, {} clients behind",
                self.wrong.0, self.behind
            )?;
        }
        for told in &self.wrong.1 {
            write!(f, "\n  {told}")?;
        }
        for (when, ends) in ["before", "after"].into_iter().zip(&self.ends) {
            for (reason, count) in ends {
                write!(
                    f,
                    "\n  {count} connections ended {when} their first answer, and were made again: {reason}"
                )?;
            }
        }
        Ok(())
    }
}
