//! On a disk that fails, and by a clock that is turned by hand.

use std::sync::Mutex;

use mainsheet_api::{
    change::{Cause, Change},
    key::Key,
    kind::Kind,
    resource::SourceName,
    time::Timestamp,
};

use super::*;
use crate::store::redb::{Disk, store_on};

#[derive(Debug, Default)]
struct Hands(Mutex<Duration>);

impl Hands {
    fn pass(&self, time: Duration) {
        *self.0.lock().unwrap() += time;
    }
}

impl Clock for Hands {
    fn uptime(&self) -> Uptime {
        Uptime(*self.0.lock().unwrap())
    }

    fn wall(&self) -> Timestamp {
        Timestamp(0)
    }
}

fn seconds(seconds: u64) -> Uptime {
    Uptime(Duration::from_secs(seconds))
}

fn full() -> StoreError {
    StoreError::Io { step: "write", source: Arc::new(std::io::Error::from(std::io::ErrorKind::StorageFull)) }
}

fn removal(base: Revision) -> Commit {
    let remove =
        Change::Remove { source: SourceName("files".into()), key: Key::new(Kind::CLUSTER, "shop", "x") };
    Commit { base, fence: Fence(0), cause: Cause::default(), at: Timestamp(1), changes: vec![remove] }
}

#[tokio::test]
async fn store_that_failed_is_left_alone_until_the_next_attempt_is_due() {
    let (disk, hands) = (Disk::holding(Vec::new()), Arc::new(Hands::default()));
    let store = WatchedStore::new(Arc::new(store_on(&disk)), hands.clone());
    let set = || store.set_status(vec![("a".into(), Some(Bytes::from_static(b"1")))]);
    set().await.unwrap();
    assert!(store.health().trouble().is_none());

    disk.breaks_after(0);
    assert!(matches!(set().await, Err(StoreError::Io { .. })));
    let trouble = store.health().trouble().unwrap();
    assert_eq!((trouble.since, trouble.retry_at), (seconds(0), seconds(1)));
    disk.is_well_again();
    let steps = disk.steps();
    let refused = set().await.unwrap_err();
    assert_eq!(
        refused.with_causes(),
        "it failed a moment ago, and is tried again by itself: write store: `disk`; make room on its disk: no storage space"
    );
    assert!(matches!(store.take_lease().await, Err(StoreError::Resting { .. })));
    let refused = store.commit(removal(Revision::ZERO)).await;
    assert!(matches!(refused, Err(CommitError::Store(StoreError::Resting { .. }))), "{refused:?}");
    assert_eq!(store.commit_all(Vec::new()).await.len(), 0);
    assert_eq!(disk.steps(), steps, "nothing was asked of the disk");
    assert_eq!(store.load().await.unwrap().revision, Revision::ZERO, "it is read all the same");

    hands.pass(Duration::from_secs(1));
    assert_eq!(store.commit(removal(Revision::ZERO)).await.unwrap(), Revision(1));
    assert!(store.health().trouble().is_none());
    assert_eq!(store.health().failures(), 1);
    set().await.unwrap();
}

#[test]
fn attempts_are_one_at_a_time_and_ever_rarer() {
    let health = StoreHealth::default();
    let mut due = Vec::new();
    let mut now = seconds(100);
    health.failed(full(), now);
    for _ in 0..6 {
        let trouble = health.trouble().unwrap();
        assert_eq!(trouble.since, seconds(100));
        assert!(health.admit(Uptime(trouble.retry_at.0 - Duration::from_millis(1))).is_err());
        due.push(trouble.retry_at.since(now).as_secs());
        now = trouble.retry_at;
        health.admit(now).unwrap();
        assert!(health.admit(now).is_err(), "somebody else is trying");
        health.failed(full(), now);
    }
    assert_eq!(due, [1, 2, 4, 8, 10, 10]);
    assert_eq!(health.failures(), 7);
    let mut news = health.subscribe();
    health.succeeded(now);
    assert!(news.borrow_and_update().is_none());
    health.succeeded(now);
    assert!(!news.has_changed().unwrap());
    health.admit(now).unwrap();
}

#[tokio::test]
async fn refusal_by_a_rule_says_nothing_of_the_disk() {
    let hands = Arc::new(Hands::default());
    let store = WatchedStore::new(Arc::new(store_on(&Disk::holding(Vec::new()))), hands.clone());
    assert!(matches!(store.commit(removal(Revision(7))).await, Err(CommitError::Ahead { .. })));
    assert!(store.health().trouble().is_none());
    store.health().failed(full(), seconds(0));
    hands.pass(Duration::from_secs(1));
    assert!(matches!(store.commit(removal(Revision(7))).await, Err(CommitError::Ahead { .. })));
    assert!(store.health().trouble().is_some(), "nothing was written");
}
