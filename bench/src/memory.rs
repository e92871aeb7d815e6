//! Memory of processes, as the kernel counts it.

use std::fs;

use anyhow::{Context, Result};

/// Bytes of memory that a process has at the moment.
pub fn resident(pid: u32) -> Result<u64> {
    field(pid, "VmRSS:")
}

/// The most that it had since [`forget_peak`].
pub fn peak(pid: u32) -> Result<u64> {
    field(pid, "VmHWM:")
}

/// From here on the peak is counted anew.
pub fn forget_peak(pid: u32) -> Result<()> {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").context("forget the peak of a process's memory")
}

fn field(pid: u32, name: &str) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).with_context(|| format!("no {name}"))?;
    Ok(kib.parse::<u64>()? << 10)
}
