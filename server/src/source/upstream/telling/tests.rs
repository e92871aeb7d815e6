use mainsheet_api::{wire::Any, xds::client::Received};

use super::*;

const KIND: Kind = Kind::VIRTUAL_SERVICE;
const OTHER: Kind = Kind::DESTINATION_RULE;

fn version(text: &str) -> ResourceVersion {
    ResourceVersion::new(text)
}

fn telling(held: &[(&str, &str)]) -> Telling {
    let held = held.iter().map(|(name, text)| (KIND, Arc::from(*name), version(text)));
    Telling::new(SourceName(Arc::from("xds:hub")), &[KIND, OTHER], held)
}

/// `name=version`, with a `!` before it where it is refused.
fn told(text: &str) -> Told {
    let (refusal, text) = match text.strip_prefix('!') {
        Some(rest) => (Some("bad".to_owned()), rest),
        None => (None, text),
    };
    let (name, text) = text.split_once('=').unwrap();
    let any = Any { type_url: String::new(), value: Vec::new().into() };
    let received = Received { name: Arc::from(name), version: version(text), any };
    let completeness = Completeness::Whole;
    let report = Report { origin: origin(KIND, name), documents: Vec::new(), completeness, written: None };
    Told { received, report, refusal }
}

fn response(kind: Kind, changed: &[&str], removed: &[&str]) -> Response {
    let told = changed.iter().map(|text| told(text)).collect();
    let removed = removed.iter().map(|name| Arc::from(*name)).collect();
    Response { kind, told, removed, end: End::Here }
}

/// The version of a set of `name=version`.
fn at(set: &[&str]) -> End {
    let entries = set.iter().map(|text| text.split_once('=').unwrap());
    let sums = entries.map(|(name, text)| VersionSum::of_entry(name, &version(text)));
    End::At(sums.fold(VersionSum::EMPTY, VersionSum::plus).to_string())
}

/// Extent and what is said: `+x` is told (an empty report stands for its document here), `x` stays as it is.
fn said(batch: Option<Batch>) -> Option<(Extent, Vec<String>)> {
    let batch = batch?;
    let say = |report: Report| {
        let name = report.origin.split_once('/').map_or(report.origin.clone(), |(_, name)| name.to_owned());
        match report.completeness {
            Completeness::Whole => format!("+{name}"),
            Completeness::Partial => name,
        }
    };
    Some((batch.extent, batch.reports.into_iter().map(say).collect()))
}

fn batch(extent: Extent, said: &[&str]) -> Option<(Extent, Vec<String>)> {
    Some((extent, said.iter().map(ToString::to_string).collect()))
}

/// One that has told everything: `a` and `b`.
fn following() -> Telling {
    let mut telling = telling(&[]);
    telling.on_connected();
    telling.on_response(response(OTHER, &[], &[]));
    let first = telling.on_response(response(KIND, &["a=1", "b=1"], &[]));
    assert_eq!(said(first), batch(Extent::Whole, &["+a", "+b"]));
    telling
}

#[test]
fn first_batch_is_whole_and_waits_for_every_kind() {
    let mut telling = telling(&[]);
    telling.on_connected();
    assert_eq!(said(telling.on_response(response(KIND, &["a=1", "b=1"], &[]))), None);
    assert_eq!(said(telling.on_response(response(KIND, &["a=2"], &["b"]))), None);
    let first = telling.on_response(response(OTHER, &[], &[]));
    assert_eq!(said(first), batch(Extent::Whole, &["+a"]));
}

#[test]
fn first_batch_waits_for_the_last_part_of_an_answer() {
    let mut telling = telling(&[]);
    telling.on_connected();
    telling.on_response(response(OTHER, &[], &[]));
    let part = |changed: &[&str]| Response { end: at(&["a=1", "b=1"]), ..response(KIND, changed, &[]) };
    assert_eq!(said(telling.on_response(part(&["a=1"]))), None);
    assert_eq!(said(telling.on_response(part(&["b=1"]))), batch(Extent::Whole, &["+a", "+b"]));
}

#[test]
fn connection_that_breaks_within_the_first_answer_loses_nothing() {
    let mut telling = telling(&[]);
    telling.on_connected();
    let part = |changed: &[&str]| Response { end: at(&["a=1", "b=1"]), ..response(KIND, changed, &[]) };
    assert_eq!(said(telling.on_response(part(&["a=1"]))), None);
    telling.on_connected();
    telling.on_response(response(OTHER, &[], &[]));
    assert_eq!(said(telling.on_response(part(&["b=1"]))), batch(Extent::Whole, &["+a", "+b"]));
}

#[test]
fn what_is_held_from_before_is_mentioned_and_not_told_again() {
    let mut telling = telling(&[("a", "1"), ("b", "1"), ("c", "1")]);
    telling.on_connected();
    telling.on_response(response(OTHER, &[], &[]));
    let resumed = Response { end: at(&["a=1", "b=2"]), ..response(KIND, &["b=2"], &["c"]) };
    assert_eq!(said(telling.on_response(resumed)), batch(Extent::Whole, &["a", "+b"]));
}

#[test]
fn later_responses_are_told_one_by_one_removals_included() {
    let mut telling = following();
    let batch_of = |telling: &mut Telling, changed: &[&str], removed: &[&str]| {
        said(telling.on_response(response(KIND, changed, removed)))
    };
    assert_eq!(batch_of(&mut telling, &["a=2", "c=1"], &["b"]), batch(Extent::Atomic, &["+a", "+c", "+b"]));
    assert_eq!(batch_of(&mut telling, &[], &[]), None);
    assert_eq!(telling.len(), 2);
}

#[test]
fn removals_after_a_new_stream_are_one_whole_batch_once_every_kind_was_answered() {
    let mut telling = following();
    telling.on_connected();
    let puts = telling.on_response(response(KIND, &["c=1"], &["a"]));
    assert_eq!(said(puts), batch(Extent::Atomic, &["+c"]), "what is put does not wait");
    let last = telling.on_response(response(OTHER, &[], &[]));
    assert_eq!(said(last), batch(Extent::Whole, &["b", "c"]));
    let next = telling.on_response(response(KIND, &[], &["b"]));
    assert_eq!(said(next), batch(Extent::Atomic, &["+b"]));
}

#[test]
fn new_stream_on_which_nothing_is_gone_makes_no_whole_batch() {
    let mut telling = following();
    telling.on_connected();
    assert_eq!(said(telling.on_response(response(OTHER, &[], &[]))), None);
    let puts = telling.on_response(response(KIND, &["a=2"], &[]));
    assert_eq!(said(puts), batch(Extent::Atomic, &["+a"]));
}

#[test]
fn removal_that_is_taken_back_before_it_is_told_is_none() {
    let mut telling = following();
    telling.on_connected();
    telling.on_response(response(KIND, &[], &["a"]));
    telling.on_response(response(KIND, &["a=3"], &[]));
    assert_eq!(said(telling.on_response(response(OTHER, &[], &[]))), None);
}

#[test]
fn removals_that_were_not_told_before_a_connection_broke_are_told_after_the_next() {
    let mut telling = following();
    telling.on_connected();
    telling.on_response(response(KIND, &[], &["a"]));
    telling.on_connected();
    telling.on_response(response(KIND, &[], &[]));
    let last = telling.on_response(response(OTHER, &[], &[]));
    assert_eq!(said(last), batch(Extent::Whole, &["b"]));
}

/// A resource that was never taken is not named when a client resumes: its removal is silence.
#[test]
fn refused_resource_that_is_not_offered_again_is_gone() {
    let mut telling = following();
    telling.on_response(response(KIND, &["!x=1"], &[]));
    assert_eq!(telling.len(), 3);
    telling.on_connected();
    telling.on_response(response(OTHER, &[], &[]));
    let resumed = Response { end: at(&["a=1", "b=1"]), ..response(KIND, &[], &[]) };
    assert_eq!(said(telling.on_response(resumed)), batch(Extent::Whole, &["a", "b"]));
    assert_eq!(telling.len(), 2);
}

#[test]
fn refused_resource_that_is_offered_again_counts_for_the_end_of_the_answer() {
    let mut telling = following();
    telling.on_response(response(KIND, &["!a=2"], &[]));
    telling.on_connected();
    telling.on_response(response(OTHER, &[], &[]));
    // Of `a` the client holds version 1, and says so.
    let resumed = Response { end: at(&["a=2", "b=1"]), ..response(KIND, &["!a=2"], &["b"]) };
    assert_eq!(said(telling.on_response(resumed)), batch(Extent::Atomic, &["+a"]));
    let rest = Response { end: at(&["a=2"]), ..response(KIND, &[], &[]) };
    assert_eq!(said(telling.on_response(rest)), batch(Extent::Whole, &["a"]));
}

#[test]
fn nothing_known_leaves_everything_as_it_is() {
    assert_eq!(said(Some(telling(&[]).nothing_known())), batch(Extent::Whole, &[""]));
}
