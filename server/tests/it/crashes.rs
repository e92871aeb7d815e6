//! The real program, killed and stopped by the system. `make torture` does the same a thousand times, and for longer.

use std::{path::Path, time::Duration};

use mainsheet_bench::kill::{Kills, Stop};

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_mainsheet"))
}

#[tokio::test]
async fn killed_server_loses_nothing_that_it_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let seen = Kills { kills: 12, kills_per_dir: 6, seed: 7 }.run(program(), dir.path()).await;
    let seen = seen.unwrap_or_else(|lost| panic!("{lost:#}"));
    assert_eq!(seen.kills, 12);
    assert!(seen.acknowledged > 0 && seen.edits > 0 && seen.leases > 0, "{seen}");
}

#[tokio::test]
async fn server_that_was_stopped_for_a_while_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let stop = Stop { pause: Duration::from_secs(5), clients: 4 };
    stop.run(program(), dir.path()).await.unwrap_or_else(|wrong| panic!("{wrong:#}"));
}
