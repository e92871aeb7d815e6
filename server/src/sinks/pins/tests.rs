use std::time::Duration;

use mainsheet_api::{
    kind::Kind,
    limits::{PINS_PER_SINK_BYTES_MAX, PINS_PER_SINK_MAX},
    version::{ResourceVersion, Revision},
    wire::Entry,
};
use mainsheet_cache::{
    snapshot::{Snapshot, SnapshotCatalog},
    store::MemoryStore,
};

use super::*;

fn pins() -> SinkPins {
    SinkPins::new(Metrics::new())
}

fn sink(node: &str) -> SinkId {
    SinkId { identity: "".into(), node: node.into() }
}

fn pin(name: &str, refused: &str, bytes: usize) -> Pin {
    let good = Entry {
        name: name.into(),
        version: ResourceVersion::new("good"),
        any: vec![1; bytes].into(),
        ttl: None,
    };
    let (kind, refused) = (Kind::LISTENER, ResourceVersion::new(refused));
    Pin { kind, name: name.into(), refused, revision: Revision(0), good: Some(good) }
}

fn made(pins: &SinkPins, node: &str, new: &[Pin]) -> usize {
    let before = pins.of(&sink(node)).len();
    pins.pin(&sink(node), new, ("why", Timestamp(1)));
    pins.of(&sink(node)).len() - before
}

#[test]
fn streams_of_a_sink_share_its_pins_and_no_others() {
    let pins = pins();
    let mut one = pins.connect(&sink("a"));
    let mut other = pins.connect(&sink("a"));
    let stranger = pins.connect(&sink("b"));
    assert!(one.borrow_and_update().is_empty() && other.borrow_and_update().is_empty());
    pins.pin(&sink("a"), &[pin("x", "1", 1)], ("why", Timestamp(1)));
    assert_eq!(other.borrow_and_update().iter().collect::<Vec<_>>(), [&pin("x", "1", 1)]);
    assert!(stranger.borrow().is_empty());
    pins.pin(&sink("a"), &[pin("x", "1", 2)], ("another word", Timestamp(2)));
    assert_eq!(&*pins.of(&sink("a"))[0].message, "why", "the first to say so counts");
    pins.pin(&sink("a"), &[pin("x", "2", 1)], ("why", Timestamp(3)));
    assert_eq!(pins.of(&sink("a"))[0].pin.refused.as_str(), "2", "what is refused later counts");
    pins.end(&sink("a"), &[pin("x", "1", 1).id()]);
    assert_eq!(pins.of(&sink("a")).len(), 1, "that one is over for long");
    pins.end(&sink("a"), &[pin("x", "2", 1).id()]);
    assert!(one.borrow_and_update().is_empty());
}

#[test]
fn there_are_bounds_for_a_sink_and_for_all() {
    let pins = pins();
    let many = |from: usize, to: usize| -> Vec<Pin> {
        (from..to).map(|number| pin(&number.to_string(), "1", 1)).collect()
    };
    assert_eq!(made(&pins, "a", &many(0, PINS_PER_SINK_MAX + 1)), 0, "all or none");
    assert_eq!(made(&pins, "a", &many(0, PINS_PER_SINK_MAX)), PINS_PER_SINK_MAX);
    assert_eq!(made(&pins, "a", &[pin("one more", "1", 1)]), 0);
    let large = PINS_PER_SINK_BYTES_MAX - (64 << 10);
    assert_eq!(made(&pins, "b", &[pin("too large", "1", PINS_PER_SINK_BYTES_MAX)]), 0);
    let taken: usize =
        (0..100).map(|number| made(&pins, &format!("c{number}"), &[pin("large", "1", large)])).sum();
    assert_eq!(taken, PINS_BYTES_MAX / large);
    pins.end(&sink("c0"), &[pin("large", "1", large).id()]);
    assert_eq!(made(&pins, "d", &[pin("large", "1", large)]), 1, "what is over leaves its place to others");
}

#[tokio::test]
async fn what_is_written_is_loaded_and_what_nobody_understands_is_taken_away() {
    let store: SharedStore = Arc::new(MemoryStore::default());
    let pins = pins();
    pins.pin(&sink("a/b"), &[pin("x", "1", 5), pin("y", "1", 5)], ("why", Timestamp(1)));
    pins.end(&sink("a/b"), &[pin("y", "1", 5).id()]);
    let unreadable = ("pin/what".to_owned(), Some(Bytes::from_static(b"?")));
    store.set_status(pins.take_unwritten().into_iter().chain([unreadable]).collect()).await.unwrap();

    let again = SinkPins::new(Metrics::new());
    again.load(&store).await.unwrap();
    assert_eq!(again.of(&sink("a/b")), pins.of(&sink("a/b")));
    assert!(again.metrics.text().contains("mainsheet_pins{kind=\"Listener\"} 1"));
    store.set_status(again.take_unwritten().into_iter().collect()).await.unwrap();
    assert_eq!(store.status(note::PREFIX).await.unwrap().len(), 1);
}

#[test]
fn what_can_not_be_written_is_written_later_unless_it_changed() {
    let pins = pins();
    pins.pin(&sink("a"), &[pin("x", "1", 5)], ("why", Timestamp(1)));
    let failed = pins.take_unwritten();
    pins.end(&sink("a"), &[pin("x", "1", 5).id()]);
    pins.put_back(failed);
    let unwritten = pins.take_unwritten();
    assert_eq!(unwritten.into_values().collect::<Vec<_>>(), [None]);
}

#[test]
fn sinks_that_are_away_keep_their_pins_until_these_are_over_or_for_a_day() {
    let at = |hours: u64| Uptime(Duration::from_secs(3600 * hours));
    let newest = SnapshotCatalog(Arc::new(Snapshot::nothing(Vec::new())));
    let pins = pins();
    drop(pins.connect(&sink("open")));
    pins.pin(&sink("open"), &[pin("x", "1", 1)], ("why", Timestamp(1)));
    pins.pin(&sink("away"), &[pin("x", "1", 1)], ("why", Timestamp(1)));
    let left = |pins: &SinkPins| ["open", "away"].map(|node| pins.of(&sink(node)).len());
    pins.sweep(&newest, false, at(1));
    pins.sweep(&newest, false, at(24));
    assert_eq!(left(&pins), [1, 1]);
    pins.sweep(&newest, false, at(25));
    assert_eq!(left(&pins), [1, 0]);
    pins.pin(&sink("away"), &[pin("x", "1", 1)], ("why", Timestamp(1)));
    pins.sweep(&newest, true, at(26));
    assert_eq!(left(&pins), [1, 0], "it is served no more; streams say so themselves");
    pins.disconnect(&sink("open"));
    pins.sweep(&newest, true, at(27));
    assert_eq!(left(&pins), [0, 0]);
    assert!(pins.lock().sinks.is_empty());
}
