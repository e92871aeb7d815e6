//! Hours in small: random changes under clients that come and go, while memory and open files are watched.

mod flat;
mod plot;

use std::{
    fmt,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use flat::Flatness;
use mainsheet_api::xds::Variant;
use mainsheet_cache::store::StoreOptions;
use plot::Series;
use rand::Rng;

use crate::{
    load::{Behaviour, Crowd, Fleet, Load, Server, Writer, raise_limit_of_open_files},
    process::now,
    usage::{Usage, mib},
};

/// Of the highest over the lowest, once it is warm.
const SPREAD_MAX: f64 = 0.05;

/// Clients that stay, that come and go, and that read slowly.
const STAYING: usize = 20;
const PASSING: usize = 40;
const SLOW: usize = 5;
const SLOW_BYTES: usize = 1 << 20;
const STAY_MAX: Duration = Duration::from_secs(20);

/// Numbers of resources; at any time, about half of them are there.
const RESOURCES: usize = 1000;

/// Changes come at random, so long apart at most.
const PAUSE_MAX: Duration = Duration::from_millis(400);

/// How long everybody may take to hold the last change, once changes have ended.
const PATIENCE: Duration = Duration::from_secs(120);

const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// What came of it.
#[derive(Debug)]
pub struct Report {
    samples: Vec<Usage>,
    /// So many of them are the warm-up.
    warm_up: usize,
    changes: usize,
    bytes: u64,
    responses: u64,
    /// Connections that ended though the client meant to stay.
    broken: Vec<(String, u64)>,
    wrong: (usize, Vec<String>),
    behind: usize,
}

/// Loads a server for so long.
pub async fn run(server: &Server, time: Duration) -> Result<Report> {
    let clients = 2 * (STAYING + PASSING + SLOW);
    raise_limit_of_open_files(clients)?;
    ensure!(time >= Duration::from_secs(20), "in less than 20 seconds nothing can be seen");
    let load = Load { resources: RESOURCES, ..Load::default() };
    let mut writer = load.writer(server).await?;
    writer.write_all().await?;
    // Until it is full, history grows, and the file's pages in memory with it: that is none of what a soak looks for.
    writer.write_history(StoreOptions::default().commits_kept_max).await?;
    server.serves(RESOURCES, PATIENCE).await?;
    let mut fleet = Fleet::new();
    writer.begin(fleet.ledger());
    for variant in [Variant::Sotw, Variant::Delta] {
        let passing = Crowd { stay_max: Some(STAY_MAX), ..Crowd::quick(PASSING, variant) };
        let slow = Crowd { behaviour: Behaviour::Slow(SLOW_BYTES), ..Crowd::quick(SLOW, variant) };
        for crowd in [Crowd::quick(STAYING, variant), passing, slow] {
            fleet.add(server.grpc, load.window, crowd);
        }
    }
    let start = now();
    let (samples, changes) =
        tokio::try_join!(sample(server, start, time), change(&mut writer, &fleet, start, time))?;
    let behind = fleet.settle(PATIENCE).await;
    let (bytes, responses) = fleet.received();
    let [refused, broken] = fleet.ends();
    let broken = refused.into_iter().chain(broken).collect();
    let warm_up = samples.len() / 4;
    Ok(Report { samples, warm_up, changes, bytes, responses, broken, wrong: fleet.wrong(), behind })
}

async fn sample(server: &Server, start: Instant, time: Duration) -> Result<Vec<Usage>> {
    let mut samples = Vec::new();
    while start.elapsed() < time {
        samples.push(server.usage()?);
        tokio::time::sleep(SAMPLE_EVERY).await;
    }
    Ok(samples)
}

/// Applies and deletes at random: how often.
async fn change(writer: &mut Writer, fleet: &Fleet, start: Instant, time: Duration) -> Result<usize> {
    let mut changes = 0;
    while start.elapsed() < time {
        let (number, pause) = {
            let mut random = rand::rng();
            (random.random_range(0..RESOURCES), random.random_range(Duration::ZERO..PAUSE_MAX))
        };
        if writer.has(number) && rand::rng().random_bool(0.5) {
            writer.remove(number, fleet.ledger()).await?;
        } else {
            writer.change(number, fleet.ledger()).await?;
        }
        changes += 1;
        tokio::time::sleep(pause).await;
    }
    Ok(changes)
}

impl Report {
    fn memory(&self) -> Vec<f64> {
        self.samples.iter().map(|usage| mib(usage.resident)).collect()
    }

    #[allow(clippy::cast_precision_loss, reason = "thousands at most")]
    fn open_files(&self) -> Vec<f64> {
        self.samples.iter().map(|usage| usage.open_files as f64).collect()
    }

    fn flatness(&self) -> [(&'static str, Flatness); 2] {
        [("memory, MiB", self.memory()), ("open files", self.open_files())]
            .map(|(name, samples)| (name, Flatness::of(&samples, self.warm_up)))
    }

    /// Whether both are flat, and everybody got what was written.
    pub fn is_met(&self) -> bool {
        let is_flat = self.flatness().iter().all(|(_, flatness)| flatness.spread() <= SPREAD_MAX);
        is_flat && self.wrong.0 == 0 && self.behind == 0 && self.broken.is_empty()
    }

    /// Memory and open files over time.
    pub fn svg(&self) -> String {
        let (memory, open_files) = (self.memory(), self.open_files());
        let series = [
            Series { title: "memory of the server, MiB", samples: &memory },
            Series { title: "open files of the server", samples: &open_files },
        ];
        plot::svg(&series, self.warm_up)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.samples.len();
        writeln!(
            f,
            "{seconds} s, of which {} warm-up: {} changes, {} responses, {:.0} MiB to {} clients",
            self.warm_up,
            self.changes,
            self.responses,
            mib(self.bytes),
            2 * (STAYING + PASSING + SLOW)
        )?;
        for (name, flatness) in self.flatness() {
            let parts: Vec<_> = flatness.parts.iter().map(|part| format!("{part:7.1}")).collect();
            writeln!(
                f,
                "{name:12} {}  spread {:.1} %  bar {:.0} %",
                parts.join(" "),
                flatness.spread() * 100.0,
                SPREAD_MAX * 100.0
            )?;
        }
        for (reason, count) in &self.broken {
            writeln!(f, "{count} connections ended: {reason}")?;
        }
        for told in &self.wrong.1 {
            writeln!(f, "{told}")?;
        }
        write!(f, "{} responses were not what was written, {} clients are behind", self.wrong.0, self.behind)
    }
}
