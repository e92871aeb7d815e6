use mainsheet_api::{
    codec::{Document, SourceMap},
    kind::Kind,
    resource::Resource,
    wire::Any,
};

use super::*;
use crate::source::Completeness;

fn source(name: &str) -> SourceName {
    SourceName(Arc::from(name))
}

fn at(millis: u64) -> Uptime {
    Uptime(Duration::from_millis(millis))
}

fn pending() -> Pending {
    Pending::new(Duration::from_millis(100), Duration::from_secs(1))
}

/// A report of one resource, or of none, whose body is so large.
fn report(origin: &str, namespace: &str, size: usize) -> Report {
    let key = Key::new(Kind::VIRTUAL_SERVICE, namespace, origin);
    let body = Any { type_url: String::new(), value: vec![0; size].into() };
    let resource =
        Resource { key, labels: BTreeMap::new(), annotations: BTreeMap::new(), body, upstream_version: None };
    let content =
        Content::Resource { resource: Box::new(resource), map: SourceMap::default(), warnings: Vec::new() };
    let documents = vec![Document { line: 1, content }];
    Report { origin: origin.to_owned(), documents, completeness: Completeness::Whole, written: None }
}

fn gone(origin: &str) -> Report {
    Report {
        origin: origin.to_owned(),
        documents: Vec::new(),
        completeness: Completeness::Whole,
        written: None,
    }
}

fn receive(pending: &mut Pending, of: &str, extent: Extent, reports: Vec<Report>, now: u64) {
    pending.receive(Batch { source: source(of), extent, reports }, at(now), |_| BTreeSet::new());
}

/// Origins of the next round.
fn take(pending: &mut Pending, now: u64) -> Option<Vec<String>> {
    pending.take(at(now)).map(|round| round.reports.into_iter().map(|report| report.origin).collect())
}

#[test]
fn newest_report_of_an_origin_is_kept() {
    let mut pending = pending();
    receive(&mut pending, "files", Extent::Loose, vec![report("a", "shop", 10)], 0);
    receive(&mut pending, "files", Extent::Loose, vec![gone("a")], 10);
    let round = pending.take(at(110)).unwrap();
    assert_eq!((round.reports.len(), round.reports[0].documents.len()), (1, 0));
    assert_eq!(pending.depth(), (0, 0));
}

#[test]
fn whole_batch_supersedes_what_waits_and_is_due_at_once() {
    let mut pending = pending();
    receive(&mut pending, "files", Extent::Loose, vec![report("old", "shop", 10)], 0);
    receive(&mut pending, "files", Extent::Whole, vec![report("a", "shop", 10)], 1);
    receive(&mut pending, "files", Extent::Loose, vec![report("b", "shop", 10)], 2);
    assert!(pending.next().is_some_and(|due| due <= at(2)));
    let round = pending.take(at(2)).unwrap();
    assert!(round.is_whole);
    let origins: Vec<_> = round.reports.iter().map(|report| report.origin.as_str()).collect();
    assert_eq!(origins, ["a", "b"]);
    assert_eq!((pending.next(), pending.depth()), (None, (0, 0)));
}

#[test]
fn empty_whole_batch_is_a_round_too() {
    let mut pending = pending();
    receive(&mut pending, "files", Extent::Whole, Vec::new(), 0);
    assert!(pending.take(at(0)).is_some_and(|round| round.is_whole && round.reports.is_empty()));
    assert!(pending.take(at(0)).is_none());
}

#[test]
fn atomic_batch_is_due_at_once_and_takes_nothing_loose_along() {
    let mut pending = pending();
    receive(&mut pending, "files", Extent::Loose, vec![report("loose", "shop", 10)], 0);
    receive(&mut pending, "files", Extent::Atomic, vec![report("a", "shop", 10), report("b", "bank", 10)], 0);
    receive(&mut pending, "files", Extent::Loose, vec![report("a", "shop", 20)], 1);
    assert_eq!(take(&mut pending, 1).unwrap(), ["a", "b"]);
    assert_eq!(take(&mut pending, 1), None);
    assert_eq!(take(&mut pending, 101).unwrap(), ["loose"]);
}

#[test]
fn namespaces_wait_for_themselves_only() {
    let mut pending = pending();
    receive(&mut pending, "files", Extent::Loose, vec![report("q", "quiet", 10)], 0);
    for now in (0..=100).step_by(20) {
        receive(&mut pending, "files", Extent::Loose, vec![report("n", "noisy", 10)], now);
    }
    assert_eq!(take(&mut pending, 100).unwrap(), ["q"]);
    assert_eq!(take(&mut pending, 200).unwrap(), ["n"]);
}

#[test]
fn report_of_nothing_waits_with_what_was_served_of_its_origin() {
    let mut pending = pending();
    let known = |_: &str| BTreeSet::from([Arc::from("shop")]);
    let batch = Batch { source: source("files"), extent: Extent::Loose, reports: vec![gone("a")] };
    pending.receive(batch, at(0), known);
    receive(&mut pending, "files", Extent::Loose, vec![report("b", "shop", 10)], 50);
    assert_eq!(take(&mut pending, 149), None, "a moved key's removal waits for its arrival");
    assert_eq!(take(&mut pending, 150).unwrap(), ["a", "b"]);
}

#[test]
fn namespace_over_its_share_is_due_at_once() {
    let mut pending = pending();
    receive(&mut pending, "files", Extent::Loose, vec![report("small", "shop", 10)], 0);
    receive(
        &mut pending,
        "files",
        Extent::Loose,
        vec![report("large", "big", PENDING_NAMESPACE_BYTES_MAX)],
        0,
    );
    assert_eq!(take(&mut pending, 0).unwrap(), ["large"]);
}

#[test]
fn nothing_more_is_received_when_it_is_full() {
    let mut pending = pending();
    for n in 0..7 {
        let size = PENDING_NAMESPACE_BYTES_MAX - 10_000;
        receive(
            &mut pending,
            "files",
            Extent::Loose,
            vec![report(&format!("{n}"), &format!("ns{n}"), size)],
            0,
        );
    }
    assert!(!pending.is_full());
    receive(
        &mut pending,
        "files",
        Extent::Loose,
        vec![report("last", "last", PENDING_NAMESPACE_BYTES_MAX + 100_000)],
        0,
    );
    assert!(pending.is_full());
    assert_eq!(take(&mut pending, 0).unwrap().len(), 8, "everything goes, due or not");
    assert!(!pending.is_full());
}

#[test]
fn sources_take_turns() {
    let mut pending = pending();
    for of in ["one", "two"] {
        receive(&mut pending, of, Extent::Atomic, vec![report("a", "shop", 10)], 0);
    }
    assert_eq!(pending.take(at(0)).unwrap().source, source("one"));
    receive(&mut pending, "one", Extent::Atomic, vec![report("a", "shop", 10)], 0);
    assert_eq!(pending.take(at(0)).unwrap().source, source("two"));
    assert_eq!(pending.take(at(0)).unwrap().source, source("one"));
}

/// `a` held resources in `shop` and in `other`.
fn known_of_a(origin: &str) -> BTreeSet<Arc<str>> {
    if origin == "a" { BTreeSet::from([Arc::from("shop"), Arc::from("other")]) } else { BTreeSet::new() }
}

#[test]
fn key_that_moves_is_removed_with_its_arrival_although_another_namespace_is_due_first() {
    let mut pending = pending();
    let batch = |reports| Batch { source: source("files"), extent: Extent::Loose, reports };
    pending.receive(batch(vec![report("a", "other", 10), report("b", "shop", 10)]), at(0), known_of_a);
    pending.receive(batch(vec![report("c", "shop", 10), report("d", "apart", 10)]), at(50), known_of_a);
    assert_eq!(take(&mut pending, 100).unwrap(), ["a", "b", "c"]);
    assert_eq!(pending.next(), Some(at(150)), "only of what is left");
    assert_eq!(take(&mut pending, 150).unwrap(), ["d"]);
}

#[test]
fn reports_that_are_tied_through_others_are_taken_together() {
    let mut pending = pending();
    let tied = |origin: &str| match origin {
        "a" => BTreeSet::from([Arc::from("one"), Arc::from("two")]),
        "b" => BTreeSet::from([Arc::from("two"), Arc::from("three")]),
        _ => BTreeSet::from([Arc::from("three"), Arc::from("four")]),
    };
    let batch =
        |origin| Batch { source: source("files"), extent: Extent::Loose, reports: vec![gone(origin)] };
    for (n, origin) in ["a", "b", "c"].into_iter().enumerate() {
        pending.receive(batch(origin), at(n as u64), tied);
    }
    assert_eq!(take(&mut pending, 100).unwrap(), ["a", "b", "c"]);
    assert_eq!(pending.next(), None);
}

#[test]
fn report_waits_with_what_its_origin_has_in_the_round_that_is_being_committed() {
    let mut pending = pending();
    receive(&mut pending, "files", Extent::Atomic, vec![report("a", "shop", 10)], 0);
    assert_eq!(take(&mut pending, 0).unwrap(), ["a"]);
    receive(&mut pending, "files", Extent::Loose, vec![gone("a"), report("b", "shop", 10)], 0);
    receive(&mut pending, "files", Extent::Loose, vec![report("c", "shop", 10)], 50);
    assert_eq!(take(&mut pending, 100), None);
    assert_eq!(take(&mut pending, 150).unwrap(), ["a", "b", "c"]);
}

fn untold(origin: &str) -> Report {
    Report { completeness: Completeness::Partial, ..gone(origin) }
}

#[test]
fn whole_batch_leaves_what_waits_of_origins_of_which_it_says_nothing() {
    let mut pending = pending();
    let waiting = ["a", "b", "dir/c", "dir/d"].map(|origin| report(origin, "shop", 10));
    receive(&mut pending, "xds", Extent::Atomic, waiting.into(), 0);
    let whole = vec![untold("a"), report("dir/d", "shop", 20), untold("dir/"), untold("e")];
    receive(&mut pending, "xds", Extent::Whole, whole, 1);
    let round = pending.take(at(1)).unwrap();
    let told: Vec<_> =
        round.reports.iter().map(|report| (report.origin.as_str(), report.documents.len())).collect();
    assert!(round.is_whole);
    assert_eq!(told, [("a", 1), ("dir/", 0), ("dir/c", 1), ("dir/d", 1), ("e", 0)]);
    assert_eq!(pending.depth(), (0, 0));
}
