//! Start-up, taking in, delivery and validation.

use std::{
    fmt::{self, Display},
    path::Path,
    process::Command,
    time::Duration,
};

use anyhow::{Result, ensure};
use mainsheet_bench::{mainsheet::Mainsheet, process::now};

use crate::{
    Measured, Timed, VIRTUAL_SERVICE,
    client::{Client, Held, says},
    file_name,
    intake::IntakeTime,
    virtual_service, write_files,
};

const FILES: usize = 10_000;
const RUNS: usize = 5;

/// All that a start is measured by.
pub(crate) struct Starts([Timed; 6]);

impl Measured for Starts {
    fn is_met(&self) -> bool {
        self.0.iter().all(Timed::is_met)
    }
}

impl Display for Starts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// Starts servers on many files, edits one of them, and validates them.
pub(crate) async fn measure(program: &Path, dir: &Path) -> Result<Starts> {
    let (mut first, mut taken_in, mut second) = (Vec::new(), Vec::new(), Vec::new());
    let (mut edits, mut validations) = (Edits::default(), Vec::new());
    for run in 0..RUNS {
        let mut server = Mainsheet::prepare(program, &dir.join(run.to_string()))?;
        write_files(&server, FILES)?;
        first.push(time_to_ready(&mut server).await?);
        taken_in.push(IntakeTime::of(&server).await?.all());
        server.kill();
        second.push(time_to_ready(&mut server).await?);
        if run == 0 {
            edits = time_edits(&server).await?;
        }
        server.kill();
        validations.push(time_validation(program, &server.documents)?);
    }
    Ok(Starts([
        Timed::new("first start, 10,000 files", first, Duration::from_secs(5)),
        Timed::new("second start", second, Duration::from_secs(2)),
        Timed::new("taking 10,000 files in", taken_in, Duration::from_millis(1500)),
        Timed::new("edit to DATA frame", edits.delivered, Duration::from_millis(250)),
        Timed::new("edit to verdict", edits.judged, Duration::from_millis(5)),
        Timed::new("validation, 10,000 files", validations, Duration::from_secs(2)),
    ]))
}

async fn time_to_ready(server: &mut Mainsheet) -> Result<Duration> {
    let start = now();
    server.start()?;
    server.wait_ready().await?;
    Ok(start.elapsed())
}

/// One run each.
#[derive(Default)]
struct Edits {
    delivered: Vec<Duration>,
    judged: Vec<Duration>,
}

async fn time_edits(server: &Mainsheet) -> Result<Edits> {
    let mut client = Client::connect(VIRTUAL_SERVICE, server.grpc_port, &Held::new()).await?;
    let mut edits = Edits::default();
    for run in 0..RUNS {
        let marker = format!("edit-{run}");
        let before = IntakeTime::of(server).await?;
        let start = now();
        server.write(&file_name(77), &virtual_service(77, &marker))?;
        while !says(&client.next().await?, &marker) {}
        edits.delivered.push(start.elapsed());
        edits.judged.push(IntakeTime::of(server).await?.since(&before).verdict());
    }
    Ok(edits)
}

fn time_validation(program: &Path, documents: &Path) -> Result<Duration> {
    let start = now();
    let ended = Command::new(program).args(["validate", "-o", "json"]).arg(documents).output()?;
    let time = start.elapsed();
    let said: serde_json::Value = serde_json::from_slice(&ended.stdout)?;
    ensure!(said["summary"]["accepted"] == FILES, "not all are accepted: {}", said["summary"]);
    Ok(time)
}
