//! Our .proto files against the module that they describe.

use std::{path::Path, process::Command};

use anyhow::{Result, ensure};

use super::Notes;
use crate::tools::Tools;

/// Every message, field, enum and value, both ways: the program is in `bench/interop/descriptors`.
pub(crate) async fn are_those_of_the_module(tools: &Tools) -> Result<Notes> {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../api/src/generated/descriptors.bin");
    let output = Command::new(tools.program("descriptors")).arg(ours).output()?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{stdout}{stderr}");
    Ok(stdout.lines().map(str::to_owned).collect())
}
