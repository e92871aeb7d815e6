//! What processes take, as the kernel counts it.

use std::{fs, time::Duration};

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// What a process takes at an instant.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// CPU since it began, in user and system mode. In steps of 10 ms.
    pub cpu: Duration,
    /// Bytes of memory.
    pub resident: u64,
    /// The most that it had since [`forget_peak`].
    pub peak: u64,
    /// Open files.
    pub open_files: usize,
}

impl Usage {
    /// Of a process.
    pub fn of(pid: u32) -> Result<Self> {
        let (cpu, resident, peak) = (cpu(pid)?, resident(pid)?, peak(pid)?);
        Ok(Self { cpu, resident, peak, open_files: open_files(pid)? })
    }

    /// For programs that read it.
    pub fn json(&self) -> Value {
        json!({
            "cpu_s": self.cpu.as_secs_f64(),
            "rss_bytes": self.resident,
            "peak_rss_bytes": self.peak,
            "open_files": self.open_files,
        })
    }
}

/// Bytes as MiB.
#[allow(clippy::cast_precision_loss, reason = "for people")]
pub fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// CPU that a process took since it began.
pub fn cpu(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name, which may contain anything, is in parentheses.
    let (_, fields) = stat.rsplit_once(')').context("no process status")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    let ticks_per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_millis(ticks * 1000 / ticks_per_second))
}

/// Open files of a process.
pub fn open_files(pid: u32) -> Result<usize> {
    Ok(fs::read_dir(format!("/proc/{pid}/fd"))?.count())
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_sees_what_it_takes_itself() {
        let pid = std::process::id();
        let before = Usage::of(pid).unwrap();
        let file = tempfile::tempfile().unwrap();
        let mut work = 0u64;
        while cpu(pid).unwrap() < before.cpu + Duration::from_millis(20) {
            work = (0..100_000).fold(work, |work, number| std::hint::black_box(work ^ number));
        }
        let after = Usage::of(pid).unwrap();
        assert!(
            after.open_files > 0 && after.peak >= after.resident && after.resident > 1 << 20,
            "{after:?}"
        );
        drop(file);
    }
}
