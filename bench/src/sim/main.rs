//! `make sim`: histories by seed, on two threads.

use std::{
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use clap::Parser;
use mainsheet_api::planted::TABLE;
use mainsheet_bench::sim::{self, Outcome};

/// Runs whole servers under virtual time, with a network and a store that go wrong, and checks what must be true.
#[derive(Parser)]
struct Options {
    /// How many histories.
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// This one alone, told event by event.
    #[arg(long)]
    seed: Option<u64>,
    /// Plants each fault of the table, and runs until it is found.
    #[arg(long)]
    planted: bool,
    /// With `--seed`: plants this fault of the table.
    #[arg(long, requires = "seed")]
    fault: Option<String>,
    /// Threads, each with histories of its own.
    #[arg(long, default_value_t = 2)]
    threads: u64,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match options.seed {
        Some(seed) => replay(seed, options.fault.as_deref()),
        None if options.planted => search_all(&options),
        None => run(&options),
    }
}

#[allow(clippy::print_stdout, reason = "this is its output")]
fn replay(seed: u64, fault: Option<&str>) -> ExitCode {
    let outcome = sim::run_with(fault.and_then(sim::of_name), seed, true);
    outcome.lines.iter().for_each(|line| println!("{line}"));
    println!(
        "seed {seed}: {} events, {} sinks, digest {:016x}",
        outcome.events, outcome.sinks, outcome.digest
    );
    tell(&outcome)
}

#[allow(clippy::print_stdout, reason = "this is its output")]
fn tell(outcome: &Outcome) -> ExitCode {
    for finding in &outcome.findings {
        println!("seed {}: {} at {} ms: {}", outcome.seed, finding.checker, finding.at, finding.what);
    }
    if outcome.findings.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("replay: make sim SEED={}", outcome.seed);
    ExitCode::FAILURE
}

#[allow(clippy::print_stdout, reason = "this is its output")]
#[allow(clippy::cast_precision_loss, reason = "for people")]
#[allow(clippy::disallowed_methods, reason = "the rate is that of the machine's clock")]
fn run(options: &Options) -> ExitCode {
    let start = Instant::now();
    let (next, events, done) = (AtomicU64::new(options.from), AtomicU64::new(0), AtomicU64::new(0));
    let least = AtomicU64::new(u64::MAX);
    let failed: Mutex<Option<Outcome>> = Mutex::new(None);
    let end = options.from + options.seeds;
    let work = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        let has_failed = failed.lock().is_ok_and(|failed| failed.is_some());
        if seed >= end || has_failed {
            return;
        }
        let outcome = sim::run(seed, false);
        events.fetch_add(outcome.events, Ordering::Relaxed);
        least.fetch_min(outcome.events, Ordering::Relaxed);
        done.fetch_add(1, Ordering::Relaxed);
        if !outcome.findings.is_empty()
            && let Ok(mut failed) = failed.lock()
            && failed.as_ref().is_none_or(|known| seed < known.seed)
        {
            *failed = Some(outcome);
        }
    };
    thread::scope(|scope| {
        for _ in 0..options.threads {
            scope.spawn(work);
        }
    });
    let (done, seconds) = (done.into_inner(), start.elapsed().as_secs_f64());
    let mean = events.into_inner() / done.max(1);
    println!(
        "{done} histories in {seconds:.1} s, {:.0} a minute; {mean} events a history, {} at least",
        done as f64 * 60.0 / seconds,
        least.into_inner()
    );
    failed.into_inner().ok().flatten().map_or(ExitCode::SUCCESS, |outcome| tell(&outcome))
}

/// Every row of the table has to be found.
#[allow(clippy::print_stdout, reason = "this is its output")]
fn search_all(options: &Options) -> ExitCode {
    let (next, missed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        while let Some(row) = TABLE.get(next.fetch_add(1, Ordering::Relaxed)) {
            let name = format!("{:?}", row.fault);
            match sim::search(row) {
                Some(found) => {
                    println!("{name:<20} {:<28} {:>4} seeds  {}", row.class, found.seeds, found.what)
                }
                None => {
                    missed.fetch_add(1, Ordering::Relaxed);
                    println!("{name:<20} {:<28} NOT FOUND in {} seeds", row.class, sim::SEEDS_MAX);
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..options.threads {
            scope.spawn(work);
        }
    });
    if missed.into_inner() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
