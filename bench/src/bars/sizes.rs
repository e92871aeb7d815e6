//! What a server takes of memory and disk, by its resources; without sinks. Memory is what the kernel counts as resident.

use std::{
    fmt::{self, Write as _},
    fs,
    path::Path,
};

use anyhow::Result;
use mainsheet_bench::{mainsheet::Mainsheet, usage};

use crate::Measured;

const COUNTS: [usize; 3] = [1000, 10_000, 100_000];
const IN_FILE: usize = 100;

/// A row for each number of resources.
pub(crate) struct Sizes(Vec<Size>);

struct Size {
    resources: usize,
    /// Of one of them, as YAML.
    document: usize,
    /// Once they were taken in.
    first: u64,
    /// After a restart.
    second: u64,
    disk: u64,
}

impl Measured for Sizes {
    fn is_met(&self) -> bool {
        true
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes.div_ceil(1 << 20);
        let line = |size: &Size| {
            let Size { resources, document, first, second, disk } = size;
            let name = format!("{resources} resources");
            let (first, second, disk) = (mib(*first), mib(*second), mib(*disk));
            format!(
                "{name:28} {first} MiB of memory, {second} MiB after a restart, {disk} MiB of disk  ({document} bytes each)"
            )
        };
        f.write_str(&self.0.iter().map(line).collect::<Vec<_>>().join("\n"))
    }
}

pub(crate) async fn measure(program: &Path, dir: &Path) -> Result<Sizes> {
    let mut sizes = Vec::new();
    for resources in COUNTS {
        sizes.push(measure_one(program, &dir.join(resources.to_string()), resources).await?);
    }
    Ok(Sizes(sizes))
}

async fn measure_one(program: &Path, dir: &Path, resources: usize) -> Result<Size> {
    let mut server = Mainsheet::prepare(program, dir)?;
    for file in 0..resources / IN_FILE {
        let documents = (file * IN_FILE..(file + 1) * IN_FILE).map(document).collect::<String>();
        server.write(&format!("{file}.yaml"), &documents)?;
    }
    let mut memories = [0; 2];
    for memory in &mut memories {
        server.start()?;
        server.wait_ready().await?;
        *memory = usage::resident(server.pid()?)?;
        server.kill();
    }
    let [first, second] = memories;
    Ok(Size { resources, document: document(0).len(), first, second, disk: bytes_below(&server.store())? })
}

/// A VirtualService of two routes.
fn document(number: usize) -> String {
    let mut text = format!(
        "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: route-{number}\n  namespace: \
         ns-{}\n  labels:\n    team: shop\nspec:\n  hosts:\n  - route-{number}.example.com\n  http:\n",
        number % 50
    );
    for version in 1..=2 {
        let _ = write!(
            text,
            "  - match:\n    - uri:\n        prefix: /api/v{version}\n    route:\n    - destination:\n        host: \
             backend-v{version}.shop.svc.cluster.local\n        port:\n          number: 8080\n"
        );
    }
    text
}

fn bytes_below(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { bytes_below(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}
