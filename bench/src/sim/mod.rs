//! The simulation: whole servers in one thread, under virtual time and a seed, with a network and a store that go wrong and
//! sinks of every habit. docs/simulation.md says what it does, what is checked, and how a seed is replayed.
//!
//! | module | is |
//! |---|---|
//! | `history` | one history: what befalls those who take part, and whether all is well in the end |
//! | `casting` | who takes part |
//! | `timeline`, `dice` | virtual time; randomness from the seed |
//! | `network`, `lane`, `stream`, `dial` | the network |
//! | `store` | a store with faults |
//! | `world`, `source` | what there is to configure, and the source that tells it |
//! | `grants` | what a sink that is nobody is granted, and what is taken from it |
//! | `server` | a server that is crashed and started again |
//! | `sink`, `rpc`, `library`, `writer`, `vandal` | those who receive and write, and one who does neither |
//! | `model`, `check` | what must be true |
//! | `journal` | what happened |
//! | `search` | planted faults are found |

mod casting;
mod check;
mod dial;
mod dice;
mod grants;
mod history;
mod journal;
mod lane;
mod library;
mod model;
mod network;
mod rpc;
mod search;
mod server;
mod sink;
mod source;
mod store;
mod stream;
mod timeline;
mod vandal;
mod world;
mod writer;

use std::time::Duration;

use mainsheet_api::planted::{self, Fault};

pub use self::{
    history::Outcome,
    journal::{Checker, Finding},
    search::{Found, SEEDS_MAX, of_name, search},
};

/// Runs the history of a seed on this thread, which does all blocking work itself from then on. `is_read`: whether what
/// happens is written down.
///
/// # Panics
/// Where this thread is one of a runtime already.
#[must_use]
pub fn run(seed: u64, is_read: bool) -> Outcome {
    run_with(None, seed, is_read)
}

/// The same, with a fault planted.
///
/// # Panics
/// As [`run`].
#[must_use]
pub fn run_with(fault: Option<Fault>, seed: u64, is_read: bool) -> Outcome {
    planted::plant(fault);
    mainsheet_cache::blocking::do_inline_on_this_thread();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime without I/O needs nothing of the machine");
    let outcome = runtime.block_on(history::run(seed, is_read));
    runtime.shutdown_timeout(Duration::ZERO);
    outcome
}
