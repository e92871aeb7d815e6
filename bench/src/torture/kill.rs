//! `kill`: SIGKILL under writes, a thousand times.

use anyhow::Result;
use mainsheet_bench::kill::Kills;

use super::{Outcome, Site};

pub(super) const WHAT: &str =
    "SIGKILL under writes, files edited and leases renewed, and a start on what it left, 1,000 times";
pub(super) const BAR: &str = "nothing that was acknowledged is lost";

const KILLS: Kills = Kills { kills: 1000, kills_per_dir: 100, seed: 1 };

/// The server is killed again and again while it is written to, and started on what it left.
pub(super) async fn run(site: Site) -> Result<Outcome> {
    let seen = KILLS.run(&site.program, &site.dir).await?;
    Ok(Outcome { said: seen.to_string(), is_met: seen.kills == KILLS.kills })
}
