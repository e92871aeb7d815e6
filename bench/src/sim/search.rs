//! The search for planted faults: each is run until a checker that is to find it does.

use mainsheet_api::planted::{Fault, Planted};

use super::run_with;

/// Seeds within which a planted fault has to be found.
pub const SEEDS_MAX: u64 = 1_000;

/// How a planted fault was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// After how many seeds.
    pub seeds: u64,
    /// What the checker said.
    pub what: String,
}

/// Runs histories with this fault until it is found.
#[must_use]
pub fn search(planted: &Planted) -> Option<Found> {
    (1..=SEEDS_MAX).find_map(|seed| {
        let outcome = run_with(Some(planted.fault), seed, false);
        let found = outcome
            .findings
            .into_iter()
            .find(|finding| planted.found_by.contains(&&*finding.checker.to_string()));
        found.map(|finding| Found { seeds: seed, what: format!("{}: {}", finding.checker, finding.what) })
    })
}

/// The fault that is called so.
#[must_use]
pub fn of_name(name: &str) -> Option<Fault> {
    mainsheet_api::planted::TABLE.iter().map(|row| row.fault).find(|fault| format!("{fault:?}") == name)
}
