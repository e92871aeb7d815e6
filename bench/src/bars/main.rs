//! Start-up and delivery of a release build, against the bars that the project sets itself. Medians of 5.
//!
//! | measured | from | to |
//! |---|---|---|
//! | first start | `mainsheet serve` on 10,000 files of one VirtualService of about 1 KB, empty store | ready |
//! | second start | the same folder and store | ready |
//! | taking in | the first start's files are read | decoded, validated, committed and shown: the server's own time for it |
//! | edit | a file is written | a connected client has the DATA frame |
//! | verdict | the edited file is read | decoded and validated: the server's own time for it |
//! | validation | `mainsheet validate -o json` on those files | it has ended, all verdicts printed |
//! | get of one | `mainsheet get vs NAME -n NS` among 100,000 resources | it has ended: a whole process |
//! | restart under clients | the server is started again, nothing having changed | each of 1,000 delta clients is answered |
//! | applies | 8 clients each apply 1,000 resources of about 1 KB, one after the other | each is durable, published and answered |
//!
//! In the restart under clients, no resource may be sent again; of the applies, each must be a revision of its own. Beside
//! these, lists of 10,000 resources and of 10,000 streams are read page by page: the memory that server and client take for
//! it is measured.
//!
//! `make bars` runs it; it fails where a bar is missed.

#![allow(clippy::print_stdout, reason = "a program for the terminal")]

mod client;
mod intake;
mod reads;
mod resume;
mod writes;

use std::{
    fmt::Write,
    path::Path,
    process::{Command, ExitCode},
    time::Duration,
};

use anyhow::{Result, ensure};
use client::{Client, Held, says};
use intake::IntakeTime;
use mainsheet_bench::{mainsheet::Mainsheet, process::now};
use tempfile::TempDir;

const FILES: usize = 10_000;
const RUNS: usize = 5;

const VIRTUAL_SERVICE: &str = "networking.istio.io/v1/VirtualService";

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let program = std::env::current_exe()?.with_file_name("mainsheet");
    let dir = TempDir::new()?;
    let (mut first, mut taken_in, mut second) = (Vec::new(), Vec::new(), Vec::new());
    let (mut edits, mut validations) = (Edits::default(), Vec::new());
    for run in 0..RUNS {
        let mut server = Mainsheet::prepare(&program, &dir.path().join(run.to_string()))?;
        write_files(&server, FILES)?;
        first.push(time_to_ready(&mut server).await?);
        taken_in.push(IntakeTime::of(&server).await?.all());
        server.kill();
        second.push(time_to_ready(&mut server).await?);
        if run == 0 {
            edits = time_edits(&server).await?;
        }
        server.kill();
        validations.push(time_validation(&program, &server.documents)?);
    }
    let reads = reads::measure(&program, &dir.path().join("reads")).await?;
    let rows = [
        ("first start, 10,000 files", first, Duration::from_secs(5)),
        ("second start", second, Duration::from_secs(2)),
        ("taking 10,000 files in", taken_in, Duration::from_millis(1500)),
        ("edit to DATA frame", edits.delivered, Duration::from_millis(250)),
        ("edit to verdict", edits.judged, Duration::from_millis(5)),
        ("validation, 10,000 files", validations, Duration::from_secs(2)),
        ("get of one among 100,000", reads.gets.clone(), Duration::from_millis(20)),
    ];
    let mut all_met = true;
    for (name, mut times, bar) in rows {
        times.sort();
        let median = times[times.len() / 2];
        all_met &= median < bar;
        println!("{name:28} median {:7.1} ms  ({})  bar {} ms", ms(median), spread(&times), bar.as_millis());
    }
    println!("{reads}");
    all_met &= reads.is_met();
    let resumed = resume::measure(&program, &dir.path().join("resume")).await?;
    println!("{resumed}");
    all_met &= resumed.is_met();
    let writes = writes::measure(&program, &dir.path().join("writes")).await?;
    println!("{writes}");
    all_met &= writes.is_met();
    Ok(if all_met { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn spread(sorted: &[Duration]) -> String {
    let end = |time: Option<&Duration>| time.map_or(0.0, |time| ms(*time));
    format!("{:.1}..{:.1} of {}", end(sorted.first()), end(sorted.last()), sorted.len())
}

fn write_files(server: &Mainsheet, count: usize) -> Result<()> {
    (0..count).try_for_each(|number| server.write(&file_name(number), &virtual_service(number, "first")))
}

fn file_name(number: usize) -> String {
    format!("{:02}/route-{number}.yaml", number / 200)
}

/// One VirtualService of about 1 KB, with a marker that an edit changes.
fn virtual_service(number: usize, marker: &str) -> String {
    let mut text = format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: route-{number}\n  \
         namespace: ns-{}\n  labels:\n    marker: {marker}\nspec:\n  hosts: [route-{number}.example.com]\n  http:\n",
        number % 50
    );
    for version in 1..=4 {
        let _ = write!(
            text,
            "  - name: version-{version}\n    match:\n    - uri:\n        prefix: /api/v{version}/route-{number}\n      \
             headers:\n        x-client-version:\n          exact: \"{version}\"\n    timeout: 5s\n    route:\n    \
             - destination:\n        host: backend-v{version}.ns-{}.svc.cluster.local\n",
            number % 50
        );
    }
    text
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
