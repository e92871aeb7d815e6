//! A real server that is killed, or stopped, while it is at work. Killed: ended by SIGKILL at a random moment under writes and
//! started again on the same data directory, over and over. After each start everything that was acknowledged must be there.
//!
//! | module | is |
//! |---|---|
//! | `ledger` | what may be found after what was answered: pure |
//! | `lease` | the same of leases: pure |
//! | `life` | one life of the server's process |
//! | `api` | a client of `mainsheet.v1` |
//! | `sink` | a delta client that comes back with what it holds |
//! | `house` | one data directory, who writes to it, and what is checked after each start |
//! | `stop` | a server that is stopped for a while |

mod api;
mod house;
mod lease;
mod ledger;
mod life;
mod sink;
mod stop;

use std::{fmt, ops::AddAssign, path::Path, time::Duration};

use anyhow::{Context as _, Result};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

pub use self::stop::{Stop, Stopped};
use self::{house::House, life::Life};

/// How it is done.
#[derive(Clone, Copy, Debug)]
pub struct Kills {
    /// How often.
    pub kills: usize,
    /// How many on one data directory.
    pub kills_per_dir: usize,
    /// What chance depends on. Which moment of the server's work it hits does not only depend on it.
    pub seed: u64,
}

/// From the start of the process to the kill, where it is killed before it is ready.
const STARTING_MAX: Duration = Duration::from_millis(60);

/// One of so many is killed before it is ready.
const STARTING_ONE_IN: usize = 8;

/// What was done and seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// Kills, and those of them before the server was ready.
    pub kills: usize,
    /// Kills before the server was ready.
    pub while_starting: usize,
    /// Data directories.
    pub dirs: usize,
    /// Writes that were answered.
    pub acknowledged: usize,
    /// Writes that were not answered, and so may be made or not.
    pub unknown: usize,
    /// Those of them that were made.
    pub made: usize,
    /// Leases whose end was compared with what was answered.
    pub leases: usize,
    /// Files that were written anew.
    pub edits: usize,
    /// Resources that a client was sent again although it said that it holds them.
    pub resent: usize,
}

impl Kills {
    /// Does it below a directory.
    ///
    /// # Errors
    /// With the first thing that was lost, or came to be that nobody asked for.
    pub async fn run(self, program: &Path, dir: &Path) -> Result<Seen> {
        let mut random = StdRng::seed_from_u64(self.seed);
        let mut seen = Seen::default();
        while seen.kills < self.kills {
            let house = dir.join(seen.dirs.to_string());
            seen.dirs += 1;
            let kills = self.kills_per_dir.min(self.kills - seen.kills);
            let told = in_house(program, &house, kills, &mut random).await;
            seen += told.with_context(|| format!("seed {}, in {}", self.seed, house.display()))?;
        }
        Ok(seen)
    }
}

async fn in_house(program: &Path, dir: &Path, kills: usize, random: &mut StdRng) -> Result<Seen> {
    let mut house = House::new(dir)?;
    for kill in 0..kills {
        let life = Life::begin(program, dir)?;
        let lived = live(&mut house, life, random).await;
        lived.with_context(|| format!("life {kill} of the server"))?;
    }
    // What the last one left.
    let mut life = Life::begin(program, dir)?;
    house.check(&mut life).await.context("after the last kill")?;
    life.kill();
    Ok(house.seen())
}

async fn live(house: &mut House, mut life: Life, random: &mut StdRng) -> Result<()> {
    if random.random_range(0..STARTING_ONE_IN) == 0 {
        tokio::time::sleep(random.random_range(Duration::ZERO..=STARTING_MAX)).await;
        life.kill();
        house.killed_while_starting();
        return Ok(());
    }
    house.check(&mut life).await?;
    house.write_until_killed(life, random).await
}

impl AddAssign for Seen {
    fn add_assign(&mut self, more: Self) {
        self.kills += more.kills;
        self.while_starting += more.while_starting;
        self.dirs += more.dirs;
        self.acknowledged += more.acknowledged;
        self.unknown += more.unknown;
        self.made += more.made;
        self.leases += more.leases;
        self.edits += more.edits;
        self.resent += more.resent;
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, while_starting, dirs, acknowledged, unknown, made, leases, edits, resent } = self;
        write!(
            f,
            "{kills} kills ({while_starting} before it was ready) in {dirs} directories, {acknowledged} writes acknowledged, \
             lost 0, {unknown} not answered ({made} made), {leases} ends of leases as answered, {edits} files edited, \
             {resent} resources sent again"
        )
    }
}
