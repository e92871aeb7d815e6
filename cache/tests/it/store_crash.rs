//! A process that is killed while it commits loses nothing that it acknowledged.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use bytes::Bytes;
use mainsheet_api::{change::Change, version::Revision};
use mainsheet_cache::{
    StoreError,
    store::{Follow, RedbStore, Store, StoreOptions},
};

use crate::stores::{commit, put, reopen};

/// Tells the test binary that it is the process to be killed, and where its store is.
const DATA_DIR: &str = "MAINSHEET_TEST_CRASH_DATA_DIR";

/// Keys that each commit sets together; enough for commits of several parts.
const KEYS: usize = 24;
const BODY_LEN: usize = 40_000;

fn body(revision: u64) -> String {
    format!("{revision}/{}", "x".repeat(if revision.is_multiple_of(4) { BODY_LEN } else { 10 }))
}

fn changes(revision: u64) -> Vec<Change> {
    (0..KEYS).map(|key| put(&format!("key-{key:02}"), &body(revision))).collect()
}

/// No test by itself: the process that the test below starts and kills.
#[tokio::test]
async fn process_that_commits_until_it_is_killed() {
    let Some(dir) = env::var_os(DATA_DIR) else { return };
    let store = reopen(Path::new(&dir), StoreOptions::default()).await.unwrap();
    let mut out = std::io::stdout();
    loop {
        let base = *store.head().borrow();
        let revision = store.commit(commit(base, changes(base.0 + 1))).await.unwrap();
        store.set_status(vec![("acked".into(), Some(Bytes::from(revision.to_string())))]).await.unwrap();
        writeln!(out, "\nacknowledged {revision}").unwrap();
        out.flush().unwrap();
    }
}

fn start(dir: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "store_crash::process_that_commits_until_it_is_killed", "--nocapture"])
        .env(DATA_DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Kills it after some acknowledgements; all that it gave.
fn kill_after(count: usize, mut child: Child) -> Vec<u64> {
    let mut acknowledged = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| line.strip_prefix("acknowledged ")?.parse().ok());
    let mut all: Vec<u64> = acknowledged.by_ref().take(count).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    all.extend(acknowledged);
    assert!(all.len() >= count, "it ended by itself after {all:?}");
    all
}

async fn check(dir: &Path, acknowledged: &[u64]) {
    let store = reopen(dir, StoreOptions::default()).await.unwrap();
    let newest = *acknowledged.last().unwrap();
    let state = store.load().await.unwrap();
    assert!(state.revision.0 >= newest, "{newest} was acknowledged, {} is the newest", state.revision);
    let set: Vec<_> = state.records.iter().map(|stored| Change::Put(Arc::clone(&stored.record))).collect();
    assert!(set == changes(state.revision.0), "the newest commit is whole");
    let Follow::Commits(commits) = store.follow(Revision(acknowledged[0] - 1), usize::MAX).await.unwrap()
    else {
        panic!("compacted");
    };
    for (made, revision) in commits.iter().zip(acknowledged[0]..) {
        assert_eq!(made.revision.0, revision);
        assert!(made.changes == changes(revision), "commit {revision} is whole");
    }
    assert_eq!(commits.last().unwrap().revision, state.revision);
    let status = store.status("acked").await.unwrap();
    let noted: u64 = str::from_utf8(&status[0].1).unwrap().parse().unwrap();
    assert!(noted >= newest);
}

#[tokio::test]
async fn killed_process_loses_nothing_that_it_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    for count in [1, 2, 3, 5, 1, 2, 4, 3, 1, 8] {
        let acknowledged = kill_after(count, start(dir.path()));
        check(dir.path(), &acknowledged).await;
    }
}

#[tokio::test]
async fn second_process_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = start(dir.path());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    lines.find(|line| line.starts_with("acknowledged")).unwrap();
    let refused = RedbStore::open(dir.path(), StoreOptions::default()).await;
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(matches!(refused, Err(StoreError::InUse { .. })));
}
