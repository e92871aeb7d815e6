//! The process itself, as Linux tells it in /proc, under the names that dashboards know. Elsewhere these are absent.

use std::fs;

use super::{
    reading::Reading,
    table::{self, Row},
};

/// Ticks a second in /proc/self/stat: fixed by Linux' interface to programs, whatever the kernel's own timer does.
const TICKS_PER_SECOND: f64 = 100.0;

/// What /proc says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Status {
    resident: Option<i64>,
    virtual_size: Option<i64>,
    threads: Option<i64>,
    fds: Option<i64>,
    fds_max: Option<i64>,
    cpu_seconds: Option<f64>,
}

impl Status {
    fn take() -> Self {
        let text = |name: &str| fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
        let status = text("status");
        Self {
            resident: kib(&status, "VmRSS:"),
            virtual_size: kib(&status, "VmSize:"),
            threads: after(&status, "Threads:").and_then(|value| value.parse().ok()),
            // Reading the folder opens one more.
            fds: fs::read_dir("/proc/self/fd").ok().and_then(|open| i64::try_from(open.count() - 1).ok()),
            fds_max: after(&text("limits"), "Max open files").and_then(|value| value.parse().ok()),
            cpu_seconds: cpu_seconds(&text("stat")),
        }
    }
}

/// The first word after `name` at the beginning of a line.
fn after<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()
}

fn kib(status: &str, name: &str) -> Option<i64> {
    after(status, name)?.parse::<i64>().ok()?.checked_mul(1024)
}

/// The 14th and 15th field. The second is the program's name in brackets, which may hold anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

/// What there is to read.
pub(super) fn read() -> Vec<Reading> {
    let status = Status::take();
    let reading = |row: Row, value: Option<f64>| Some(Reading { row, label: "".into(), value: value? });
    let whole = |value: Option<i64>| value.map(|value| value as f64);
    [
        reading(table::PROCESS_RESIDENT, whole(status.resident)),
        reading(table::PROCESS_VIRTUAL, whole(status.virtual_size)),
        reading(table::PROCESS_THREADS, whole(status.threads)),
        reading(table::PROCESS_FDS, whole(status.fds)),
        reading(table::PROCESS_FDS_MAX, whole(status.fds_max)),
        reading(table::PROCESS_CPU, status.cpu_seconds),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_found_behind_any_program_name() {
        let stat = "7 (a) b) (c) S 1 7 7 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 1 0 5 100 10";
        assert_eq!(cpu_seconds(stat), Some(2.0));
        assert_eq!(cpu_seconds(""), None);
    }

    #[test]
    fn values_stand_behind_their_names() {
        let status = "Name:\tx\nVmSize:\t  2048 kB\nVmRSS:\t  1024 kB\nThreads:\t3\n";
        assert_eq!(kib(status, "VmRSS:"), Some(1 << 20));
        assert_eq!(after(status, "Threads:"), Some("3"));
        assert_eq!(kib(status, "VmSwap:"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_memory_and_open_files() {
        let reading = Status::take();
        assert!(reading.resident > Some(1 << 20) && reading.resident <= reading.virtual_size, "{reading:?}");
        assert!(reading.fds > Some(0) && reading.fds <= reading.fds_max, "{reading:?}");
        assert!(reading.cpu_seconds.is_some() && reading.threads >= Some(1), "{reading:?}");
    }
}
