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
//! | view resolved | 5,000 RoleBindings are known, 50 of them of the user | what the user may list and watch is worked out |
//!
//! In the restart under clients, no resource may be sent again; of the applies, each must be a revision of its own. Beside
//! these, lists of 10,000 resources and of 10,000 streams are read page by page: the memory that server and client take for
//! it is measured.
//!
//! What a server takes of memory and disk has no bar: it is for whoever chooses a machine (docs/operations.md).
//!
//! `make bars` runs it; it fails where a bar is missed. `make bars ONLY=writes` measures one part: see `PARTS`.

#![allow(clippy::print_stdout, reason = "a program for the terminal")]

mod access;
mod client;
mod intake;
mod reads;
mod resume;
mod sizes;
mod start;
mod writes;

use std::{
    fmt::{self, Display, Write},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use anyhow::{Result, ensure};
use mainsheet_bench::mainsheet::Mainsheet;
use tempfile::TempDir;

const VIRTUAL_SERVICE: &str = "networking.istio.io/v1/VirtualService";

/// Of a part, what was measured.
trait Measured: Display {
    fn is_met(&self) -> bool;
}

/// What can be measured by itself.
const PARTS: [&str; 6] = ["start", "reads", "resume", "writes", "access", "sizes"];

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let only = std::env::args().nth(1).unwrap_or_default();
    let parts: Vec<_> = PARTS.into_iter().filter(|part| part.contains(&only)).collect();
    ensure!(!parts.is_empty(), "no part is called `{only}`; there are {}", PARTS.join(", "));
    let program = std::env::current_exe()?.with_file_name("mainsheet");
    let dir = TempDir::new()?;
    let mut all_met = true;
    for part in parts {
        let measured = measure(part, &program, &dir.path().join(part)).await?;
        println!("{measured}");
        all_met &= measured.is_met();
    }
    Ok(if all_met { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn measure(part: &str, program: &Path, dir: &Path) -> Result<Box<dyn Measured>> {
    Ok(match part {
        "start" => Box::new(start::measure(program, dir).await?),
        "reads" => Box::new(reads::measure(program, dir).await?),
        "resume" => Box::new(resume::measure(program, dir).await?),
        "writes" => Box::new(writes::measure(program, dir).await?),
        "access" => Box::new(access::measure()?),
        _ => Box::new(sizes::measure(program, dir).await?),
    })
}

/// What was timed several times, with its bar.
struct Timed {
    name: &'static str,
    /// In order.
    times: Vec<Duration>,
    bar: Duration,
}

impl Timed {
    fn new(name: &'static str, mut times: Vec<Duration>, bar: Duration) -> Self {
        times.sort();
        Self { name, times, bar }
    }

    fn median(&self) -> Duration {
        self.times[self.times.len() / 2]
    }
}

impl Measured for Timed {
    fn is_met(&self) -> bool {
        self.median() < self.bar
    }
}

impl Display for Timed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, times, bar } = self;
        let (median, spread) = (ms(self.median()), spread(times));
        write!(f, "{name:28} median {median:7.1} ms  ({spread})  bar {} ms", bar.as_millis())
    }
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
