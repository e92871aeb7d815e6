//! The durable store and its file: what is kept, and what is refused.

use std::{collections::BTreeSet, fs, path::Path};

use bytes::Bytes;
use mainsheet_api::{change::Fence, version::Revision};
use mainsheet_cache::{
    StoreError,
    store::{Follow, RedbStore, State, Store, StoreOptions},
};

use crate::stores::{commit, put, quick_dir, remove, reopen};

const FILE: &str = "mainsheet.redb";

async fn open(dir: &Path) -> Result<RedbStore, StoreError> {
    RedbStore::open(dir, StoreOptions::default()).await
}

/// Everything that a store says.
#[derive(Debug, PartialEq)]
struct Said {
    state: State,
    commits: Follow,
    status: Vec<(String, Bytes)>,
    head: Revision,
}

async fn said(store: &RedbStore) -> Said {
    Said {
        state: store.load().await.unwrap(),
        commits: store.follow(Revision::ZERO, usize::MAX).await.unwrap(),
        status: store.status("").await.unwrap(),
        head: *store.head().borrow(),
    }
}

/// Some of everything that a store keeps.
async fn fill(store: &RedbStore) {
    for number in 0..12 {
        let body = number.to_string().repeat(100);
        let changes = vec![
            put(&format!("a{number}"), &body),
            put(&format!("b{}", number % 3), &body),
            remove(&format!("a{}", number / 2)),
        ];
        let changes = if number == 0 { changes[..2].to_vec() } else { changes };
        store.commit(commit(Revision(number), changes)).await.unwrap();
    }
    store.set_status(vec![("sink/a".into(), Some(Bytes::from_static(b"acked 3")))]).await.unwrap();
}

#[tokio::test]
async fn everything_survives_reopening() {
    let dir = quick_dir();
    let store = open(dir.path()).await.unwrap();
    fill(&store).await;
    assert_eq!(store.take_lease().await.unwrap(), Fence(1));
    let before = said(&store).await;
    drop(store);
    let store = reopen(dir.path(), StoreOptions::default()).await.unwrap();
    assert_eq!(said(&store).await, before);
    assert_eq!(store.take_lease().await.unwrap(), Fence(2));
}

#[cfg(unix)]
#[tokio::test]
async fn directory_and_file_are_made_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;

    let dir = quick_dir();
    let data = dir.path().join("var/lib");
    open(&data).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&data), mode(&data.join(FILE))), (0o700, 0o600));
}

#[tokio::test]
async fn directory_that_can_not_be_made_is_an_error() {
    let dir = quick_dir();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let refused = open(&file.join("below")).await.expect_err("it is below a file");
    let StoreError::Io { step: "open", source } = refused else { panic!("{refused}") };
    assert_eq!(source.to_string(), format!("`{}`; see to its disk", file.join("below").join(FILE).display()));
}

#[tokio::test]
async fn store_is_open_once_at_a_time() {
    let dir = quick_dir();
    let first = open(dir.path()).await.unwrap();
    let refused = open(dir.path()).await.expect_err("it is open already");
    let StoreError::InUse { path } = refused else { panic!("{refused}") };
    assert_eq!(Path::new(&path), dir.path().join(FILE));
    drop(first);
    reopen(dir.path(), StoreOptions::default()).await.unwrap();
}

/// A start that was interrupted leaves a file under another name, and the next one begins anew.
#[tokio::test]
async fn store_that_was_half_made_is_made_anew() {
    let dir = quick_dir();
    fs::write(dir.path().join("mainsheet.redb.new"), "half").unwrap();
    open(dir.path()).await.unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "the store and its lock");
}

/// What became of a store whose file was changed: refused as damaged, or open and exactly as it was, also once more was
/// written to it.
async fn outcome(content: &[u8], before: &Said) -> &'static str {
    let dir = quick_dir();
    fs::write(dir.path().join(FILE), content).unwrap();
    let store = match open(dir.path()).await {
        Ok(store) if said(&store).await == *before => store,
        Ok(_) => return "changed",
        Err(StoreError::Damaged { .. }) => return "refused",
        Err(_) => return "refused for another reason",
    };
    for (revision, len) in [(before.head, 5000), (before.head.next(), 50_000)] {
        if store.commit(commit(revision, vec![put("later", &"x".repeat(len))])).await.is_err() {
            return "refused later";
        }
    }
    drop(store);
    let after = said(&reopen(dir.path(), StoreOptions::default()).await.unwrap()).await;
    if is_continued(before, &after) { "as before" } else { "changed later" }
}

/// Whether two commits and one record are all that came to it.
fn is_continued(before: &Said, after: &Said) -> bool {
    let (Follow::Commits(old), Follow::Commits(new)) = (&before.commits, &after.commits) else {
        return false;
    };
    let records: Vec<_> =
        after.state.records.iter().filter(|stored| &*stored.record.key.name != "later").collect();
    new.len() == old.len() + 2
        && new.starts_with(old)
        && records == before.state.records.iter().collect::<Vec<_>>()
        && after.status == before.status
}

/// The file of a filled store as it is on disk while the store is open, and once it is closed.
async fn files() -> (Vec<u8>, Vec<u8>, Said) {
    let dir = quick_dir();
    let store = open(dir.path()).await.unwrap();
    fill(&store).await;
    let crashed = fs::read(dir.path().join(FILE)).unwrap();
    let before = said(&store).await;
    drop(store);
    (crashed, fs::read(dir.path().join(FILE)).unwrap(), before)
}

/// And left as it is, for whoever wants to know what it was.
#[tokio::test]
async fn file_that_is_no_store_is_refused() {
    for content in [&b""[..], b"x", b"apiVersion: v1\n", &[0; 100_000], &[0xff; 100_000]] {
        let dir = quick_dir();
        fs::write(dir.path().join(FILE), content).unwrap();
        let refused = open(dir.path()).await.expect_err("it is no store");
        assert!(matches!(refused, StoreError::Damaged { .. }), "{refused}");
        assert!(fs::read(dir.path().join(FILE)).unwrap() == content);
    }
}

/// Files are allocated ahead, so what is cut off the end may have been free.
#[tokio::test]
async fn truncated_file_is_refused_or_lost_nothing() {
    let (crashed, closed, before) = files().await;
    for content in [crashed, closed] {
        assert_eq!(outcome(&content, &before).await, "as before");
        for len in [1, 9, 64, 320, 4096, 8192, content.len() / 2] {
            assert_eq!(
                outcome(&content[..len], &before).await,
                "refused",
                "{len} of {} bytes",
                content.len()
            );
        }
        for len in [content.len() - 8192, content.len() - 4096, content.len() - 1] {
            let outcome = outcome(&content[..len], &before).await;
            assert!(
                ["refused", "as before"].contains(&outcome),
                "{len} of {} bytes: {outcome}",
                content.len()
            );
        }
    }
}

/// Damage is refused, or has hit what nothing depends on; it never passes for content.
#[tokio::test]
async fn damaged_byte_is_never_served() {
    let (crashed, closed, before) = files().await;
    let mut refused = 0;
    for content in [crashed, closed] {
        for place in places(&content) {
            let mut damaged = content.clone();
            damaged[place] ^= 0x55;
            match outcome(&damaged, &before).await {
                "refused" => refused += 1,
                "as before" => {}
                other => panic!("byte {place}: {other}"),
            }
        }
    }
    assert!(refused > 50, "only {refused} places mattered");
}

/// The database's own bookkeeping, which reading does without.
#[tokio::test]
async fn damage_that_only_a_later_commit_would_meet_is_refused_at_once() {
    let (_, closed, before) = files().await;
    let needle = b"TransactionIdWithPagination";
    let places = (0..closed.len() - needle.len()).filter(|&at| closed[at..].starts_with(needle));
    let mut outcomes = BTreeSet::new();
    for place in places {
        let mut damaged = closed.clone();
        damaged[place] ^= 0x55;
        outcomes.insert(outcome(&damaged, &before).await);
    }
    // Pages that are free hold some of it, too.
    assert_eq!(outcomes, BTreeSet::from(["as before", "refused"]));
}

/// Every third byte of the headers, and some of those that are in use elsewhere.
fn places(content: &[u8]) -> Vec<usize> {
    let in_use: Vec<usize> = (320..content.len()).filter(|&place| content[place] != 0).collect();
    (0..320).step_by(3).chain(in_use.iter().copied().step_by(in_use.len() / 60)).collect()
}
