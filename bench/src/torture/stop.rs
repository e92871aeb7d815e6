//! `stop`: SIGSTOP for a minute.

use std::time::Duration;

use anyhow::Result;
use mainsheet_bench::kill::Stop;

use super::{Outcome, Site};

pub(super) const WHAT: &str = "SIGSTOP for a minute under clients and leases, and on";
pub(super) const BAR: &str = "leases end as they should, all clients up to date within 10 s";

const STOP: Stop = Stop { pause: Duration::from_secs(60), clients: 20 };

const CONVERGED_MAX: Duration = Duration::from_secs(10);

/// The server does not notice that a minute has passed, and must do all that was due in it.
pub(super) async fn run(site: Site) -> Result<Outcome> {
    let stopped = STOP.run(&site.program, &site.dir).await?;
    Ok(Outcome { said: stopped.to_string(), is_met: stopped.converged <= CONVERGED_MAX })
}
