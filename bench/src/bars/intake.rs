//! What the server says of the time that it takes configuration in.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, ensure};
use mainsheet_bench::{http, mainsheet::Mainsheet};

const METRIC: &str = "mainsheet_intake_seconds_total{step=\"";

/// Time by step, since the server began.
pub(crate) struct IntakeTime(BTreeMap<String, Duration>);

impl IntakeTime {
    /// As it is now.
    pub(crate) async fn of(server: &Mainsheet) -> Result<Self> {
        let page = http::get(server.http_port, "localhost", "/metrics").await?;
        ensure!(page.status == 200, "/metrics answers {}", page.status);
        let lines = page.body.lines().filter_map(|line| line.strip_prefix(METRIC)?.split_once("\"} "));
        let time = |(step, seconds): (&str, &str)| {
            Ok((step.to_owned(), Duration::try_from_secs_f64(seconds.parse()?)?))
        };
        let steps = lines.map(time).collect::<Result<BTreeMap<_, _>>>()?;
        for step in ["read", "judge", "plan", "commit", "publish"] {
            steps.get(step).with_context(|| format!("/metrics has no time of the step `{step}`"))?;
        }
        Ok(Self(steps))
    }

    /// What was added since.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let before = |step: &String| earlier.0.get(step).copied().unwrap_or_default();
        Self(self.0.iter().map(|(step, time)| (step.clone(), time.saturating_sub(before(step)))).collect())
    }

    /// From files to what streams can see.
    pub(crate) fn all(&self) -> Duration {
        self.0.values().sum()
    }

    /// From files to what is found of them.
    pub(crate) fn verdict(&self) -> Duration {
        ["read", "judge"].iter().filter_map(|step| self.0.get(*step)).sum()
    }
}
