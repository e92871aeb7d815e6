//! A fixed number of histories, and that a seed is one history. `make sim` runs more (docs/simulation.md).

use std::thread;

use mainsheet_bench::sim::{self, Outcome};

/// On a thread of its own, as histories want it.
fn history(seed: u64, is_read: bool) -> Outcome {
    thread::spawn(move || sim::run(seed, is_read)).join().unwrap()
}

fn expect_well(outcome: &Outcome) {
    let findings: Vec<String> =
        outcome.findings.iter().map(|finding| format!("{}: {}", finding.checker, finding.what)).collect();
    assert!(
        findings.is_empty(),
        "seed {}: {findings:#?}\nreplay: make sim SEED={}",
        outcome.seed,
        outcome.seed
    );
}

#[test]
fn servers_and_sinks_are_well_after_unrest() {
    let halves = [1..=12, 13..=24]
        .map(|seeds| thread::spawn(move || seeds.map(|seed| sim::run(seed, false)).collect::<Vec<_>>()));
    for outcome in halves.into_iter().flat_map(|half| half.join().unwrap()) {
        expect_well(&outcome);
        assert!(outcome.events >= 200, "seed {}: {} events", outcome.seed, outcome.events);
        assert!(
            outcome.sinks >= 3 && outcome.disconnects > 0 && outcome.store_faults > 0,
            "{}",
            outcome.seed
        );
    }
}

#[test]
fn same_seed_is_the_same_history_on_every_wire() {
    let digests = [(), ()].map(|()| {
        let outcome = history(7, true);
        (outcome.digest, outcome.lines)
    });
    assert_eq!(digests[0].0, digests[1].0, "{:#?}", first_difference(&digests[0].1, &digests[1].1));
    assert_ne!(digests[0].0, history(8, false).digest);
}

fn first_difference<'a>(one: &'a [String], other: &'a [String]) -> Option<(&'a String, &'a String)> {
    one.iter().zip(other).find(|(one, other)| one != other)
}
