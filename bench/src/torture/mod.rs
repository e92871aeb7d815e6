//! Rounds that a release build has to stand: each starts servers of its own, maltreats them, and says in one line what came
//! of it, beside its bar. A round is a file here and a row of [`ROUNDS`].

mod kill;
mod mute;
mod stop;
mod storm;

use std::{
    fmt,
    path::{Path, PathBuf},
    pin::Pin,
};

use anyhow::{Result, ensure};
use mainsheet_bench::process::now;
use tempfile::TempDir;

/// One row.
pub(crate) struct Round {
    /// What `ONLY=` selects it by.
    name: &'static str,
    what: &'static str,
    bar: &'static str,
    run: fn(Site) -> Running,
}

type Running = Pin<Box<dyn Future<Output = Result<Outcome>>>>;

/// Where a round happens.
pub(crate) struct Site {
    /// The release build of `mainsheet`.
    pub(crate) program: PathBuf,
    /// The round's own.
    pub(crate) dir: PathBuf,
}

/// What came of a round.
pub(crate) struct Outcome {
    /// What was measured or seen, in one line.
    pub(crate) said: String,
    /// Whether the bar is met.
    pub(crate) is_met: bool,
}

/// Every round, in the order in which they run.
const ROUNDS: &[Round] = &[
    Round { name: "storm", what: storm::WHAT, bar: storm::BAR, run: |site| Box::pin(storm::run(site)) },
    Round { name: "mute", what: mute::WHAT, bar: mute::BAR, run: |site| Box::pin(mute::run(site)) },
    Round { name: "kill", what: kill::WHAT, bar: kill::BAR, run: |site| Box::pin(kill::run(site)) },
    Round { name: "stop", what: stop::WHAT, bar: stop::BAR, run: |site| Box::pin(stop::run(site)) },
];

/// Runs the rounds whose names contain `only`. An error where there is none, or where one missed its bar.
pub(crate) async fn run(program: &Path, only: &str) -> Result<()> {
    let chosen: Vec<_> = ROUNDS.iter().filter(|round| round.name.contains(only)).collect();
    ensure!(!chosen.is_empty(), "no round's name contains `{only}`; there are: {}", names());
    let mut missed = Vec::new();
    for round in chosen {
        println!("{:8} {}", round.name, round.what);
        let dir = TempDir::with_prefix("mainsheet-torture-")?;
        let (start, site) = (now(), Site { program: program.to_owned(), dir: dir.path().to_owned() });
        let outcome = (round.run)(site).await.unwrap_or_else(Outcome::failed);
        println!("{:8} {outcome}  bar: {}  ({} s)", round.name, round.bar, start.elapsed().as_secs());
        if !outcome.is_met {
            missed.push(round.name);
        }
    }
    ensure!(missed.is_empty(), "missed: {}", missed.join(", "));
    Ok(())
}

fn names() -> String {
    ROUNDS.iter().map(|round| round.name).collect::<Vec<_>>().join(", ")
}

impl Outcome {
    /// A round that could not be run to its end has missed its bar.
    fn failed(error: anyhow::Error) -> Self {
        Self { said: format!("failed: {error:#}"), is_met: false }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.is_met { "met" } else { "MISSED" };
        write!(f, "{mark}: {}", self.said)
    }
}
