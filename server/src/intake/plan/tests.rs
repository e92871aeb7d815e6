use mainsheet_api::{
    resource::{Lease, Resource},
    verdict::{Position, Severity},
    version::{ResourceVersion, Revision},
    view::Audience,
    wire::Any,
};

use super::*;
use crate::{intake::judge::Rejected, leases::Ended};

fn files() -> SourceName {
    SourceName(Arc::from("files"))
}

fn key(name: &str) -> Key {
    Key::new(Kind::VIRTUAL_SERVICE, "shop", name)
}

const NOW: Now = Now { wall: Timestamp(1_000_000), uptime: Uptime(std::time::Duration::ZERO) };
const EARLIER: Timestamp = Timestamp(500_000);

fn resource(name: &str, body: &str) -> Resource {
    let body = Any { type_url: String::new(), value: body.as_bytes().to_vec().into() };
    let (labels, annotations) = Default::default();
    Resource { key: key(name), labels, annotations, body, upstream_version: None }
}

/// A layer of resources `(name, body, origin)`.
fn layer(held: &[(&str, &str, &str)]) -> Layer {
    let held = held.iter().map(|(name, body, origin)| {
        let provenance = Provenance { origin: (*origin).to_owned(), line: 1 };
        let version = Entry::encode(&resource(name, body), EARLIER).version;
        Arc::new(Held {
            source: files(),
            key: key(name),
            version,
            created: EARLIER,
            provenance,
            audience: Audience::everyone(),
            warnings: Vec::new(),
            terms: Terms::default(),
            changed: Revision(1),
        })
    });
    held.collect()
}

/// By a source that has nothing to do with leases.
fn plan(layer: &Layer, round: &JudgedRound, now: Now) -> Plan {
    super::plan(layer, round, &Leasing::default(), now)
}

/// A source that gives leases of this many seconds, under which these leases ended at 900 s: `(name, body, origin)`.
fn leasing(seconds: u64, ended: &[(&str, &str, &str)]) -> Leasing {
    let ended = ended.iter().map(|(name, body, origin)| {
        let version = Entry::encode(&resource(name, body), EARLIER).version;
        (key(name), Ended { version, origin: (*origin).to_owned(), at: Timestamp(900_000) })
    });
    Leasing { lifetime: Lifetime::SaidOr(Duration::from_secs(seconds)), ended: EndedOf::of(ended, NOW) }
}

#[test]
fn lease_goes_on_unless_content_or_length_change() {
    let nothing = Layer::default();
    let told = |body| some(vec![Judged { written: SEEN, ..report("a", &[("r", body)]) }]);
    let lease_of = |plan: &Plan| match &plan.changes[..] {
        [Change::Put(record)] => record.terms.lease,
        changes => panic!("{changes:?}"),
    };
    let first = super::plan(&nothing, &told("x"), &leasing(60, &[]), NOW);
    let lease = Lease { ttl: Duration::from_secs(60), deadline: Timestamp(1_060_000) };
    assert_eq!((lease_of(&first), first.same), (Some(lease), Vec::new()));

    let older = Lease { deadline: Timestamp(1_030_000), ..lease };
    let held = layer(&[("r", "x", "a")]);
    let held = held.iter().map(|held| {
        let terms = Terms { lease: Some(older), ..Terms::default() };
        Arc::new(Held { terms, ..Held::clone(held) })
    });
    let held: Layer = held.collect();
    let again = super::plan(&held, &told("x"), &leasing(60, &[]), NOW);
    assert_eq!((again.changes, again.same), (Vec::new(), vec![(key("r"), LastWritten::SinceTold)]));
    assert_eq!(lease_of(&super::plan(&held, &told("y"), &leasing(60, &[]), NOW)), Some(lease));
    let longer = lease_of(&super::plan(&held, &told("x"), &leasing(90, &[]), NOW));
    assert_eq!(longer.map(|lease| lease.deadline), Some(Timestamp(1_090_000)));
    assert_eq!(lease_of(&super::plan(&held, &told("x"), &Leasing::default(), NOW)), None);
    let moved = some(vec![report("b", &[("r", "x")])]);
    assert_eq!(lease_of(&super::plan(&held, &moved, &leasing(60, &[]), NOW)), Some(older), "it only moved");
}

/// It is renewed where it comes from, which changes nothing here: a lease of ours would end what that one goes on serving.
#[test]
fn what_comes_from_another_server_has_no_lease_here() {
    let mut report = report("a", &[("r", "x")]);
    let annotations = [(lease::TTL.to_owned(), "60s".to_owned())];
    report.accepted[0].resource.annotations = annotations.into();
    let round = some(vec![report]);
    let lease_under = |lifetime| {
        let leasing = Leasing { lifetime, ..Leasing::default() };
        match &super::plan(&Layer::default(), &round, &leasing, NOW).changes[..] {
            [Change::Put(record)] => record.terms.lease,
            changes => panic!("{changes:?}"),
        }
    };
    assert_eq!(lease_under(Lifetime::Upstream), None);
    assert!(lease_under(Lifetime::Said).is_some());
}

#[test]
fn what_ended_stays_away_until_it_is_written_changed_or_gone() {
    let leasing = leasing(60, &[("r", "x", "a"), ("s", "x", "b")]);
    let plan = |round: &JudgedRound| super::plan(&Layer::default(), round, &leasing, NOW);
    let told = |written, body| some(vec![Judged { written, ..report("a", &[("r", body)]) }]);
    let before = Some(LastWritten::At(Timestamp(899_000)));
    assert_eq!(plan(&told(before, "x")), Plan::default());
    assert_eq!(plan(&told(None, "x")), Plan::default());
    let future = Some(LastWritten::At(Timestamp(1_000_001)));
    assert_eq!(plan(&told(future, "x")), Plan::default(), "by another clock");
    for (written, body) in [(SEEN, "x"), (Some(LastWritten::At(Timestamp(900_001))), "x"), (before, "y")] {
        let plan = plan(&told(written, body));
        assert_eq!((plan.changes.len(), plan.forgotten), (1, vec![key("r")]), "{written:?} {body}");
    }
    assert_eq!(plan(&some(vec![report("a", &[])])).forgotten, [key("r")], "its file has it no longer");
    assert_eq!(plan(&some(vec![half(report("a", &[]))])).forgotten, [], "its file could not be read whole");
    assert_eq!(plan(&some(vec![report("a", &[("r", "!")])])).forgotten, [], "its file names it");
    let gone = plan(&whole(Vec::new())).forgotten;
    assert_eq!(gone.into_iter().collect::<BTreeSet<_>>(), BTreeSet::from([key("r"), key("s")]));
}

const SEEN: Option<LastWritten> = Some(LastWritten::SinceTold);

fn finding() -> Finding {
    Finding {
        code: "c".to_owned(),
        severity: Severity::Warning,
        path: "spec".to_owned(),
        position: Position::default(),
        reason: "odd".to_owned(),
        remedy: String::new(),
    }
}

/// A report of resources `(name, body)`, where the body `!` stands for a rejected one.
fn report(origin: &str, resources: &[(&str, &str)]) -> Judged {
    let mut judged = Judged {
        origin: origin.to_owned(),
        completeness: Completeness::Whole,
        written: None,
        accepted: Vec::new(),
        rejected: Vec::new(),
        ignored: 0,
    };
    for (name, body) in resources {
        if *body == "!" {
            judged.rejected.push(Rejected { key: Some(key(name)), line: 1, findings: Vec::new() });
        } else {
            judged.accepted.push(Accepted { resource: resource(name, body), line: 7, warnings: Vec::new() });
        }
    }
    judged
}

fn half(report: Judged) -> Judged {
    Judged { completeness: Completeness::Partial, ..report }
}

fn some(reports: Vec<Judged>) -> JudgedRound {
    let (released, named, withheld) = Default::default();
    JudgedRound { source: files(), is_whole: false, reports, released, named, withheld }
}

/// That a rejected document of an origin names a key.
fn names(origin: &str, name: &str) -> Named {
    Named::from([(key(name), BTreeSet::from([origin.to_owned()]))])
}

fn whole(reports: Vec<Judged>) -> JudgedRound {
    JudgedRound { is_whole: true, ..some(reports) }
}

/// Changes as `+name` and `-name`.
fn changes(layer: &Layer, round: &JudgedRound) -> Vec<String> {
    let name = |change: &Change| match change {
        Change::Put(record) => format!("+{}", record.key.name),
        Change::Remove { key, .. } => format!("-{}", key.name),
    };
    let mut names: Vec<_> = plan(layer, round, NOW).changes.iter().map(name).collect();
    names.sort();
    names
}

#[test]
fn content_that_is_the_same_changes_nothing() {
    let layer = layer(&[("r", "x", "a")]);
    assert_eq!(plan(&layer, &some(vec![report("a", &[("r", "x")])]), NOW), Plan::default());
    assert_eq!(plan(&layer, &whole(vec![report("a", &[("r", "x")])]), NOW), Plan::default());
}

#[test]
fn what_is_newly_remarked_is_kept_with_the_resource_wherever_it_stands() {
    let layer = layer(&[("r", "x", "a")]);
    let remarked = |line| {
        let mut judged = report("a", &[("r", "x")]);
        let position = Position { line, column: 1 };
        let finding = Finding { position, ..finding() };
        judged.accepted[0].warnings.push(finding);
        some(vec![judged])
    };
    assert_eq!(changes(&layer, &remarked(3)), ["+r"]);
    let Plan { changes: made, .. } = plan(&layer, &remarked(3), NOW);
    let Change::Put(record) = &made[0] else { panic!("{made:?}") };
    let held = layer.get(&key("r")).unwrap();
    let held = Held { warnings: record.warnings.clone(), ..Held::clone(held) };
    assert_eq!(record.entry.version, held.version);
    let layer: Layer = [Arc::new(held)].into_iter().collect();
    assert_eq!(changes(&layer, &remarked(4)), [""; 0]);
}

#[test]
fn put_keeps_when_its_key_was_first_committed() {
    let layer = layer(&[("r", "x", "a")]);
    let plan = plan(&layer, &some(vec![report("a", &[("r", "y"), ("s", "y")])]), NOW);
    let created = |change: &Change| match change {
        Change::Put(record) => (record.created, record.provenance.to_string()),
        Change::Remove { .. } => panic!("nothing is removed"),
    };
    let created: Vec<_> = plan.changes.iter().map(created).collect();
    assert_eq!(created, [(EARLIER, "a:7".to_owned()), (NOW.wall, "a:7".to_owned())]);
}

#[test]
fn keys_that_an_origin_no_longer_mentions_are_gone() {
    let layer = layer(&[("r", "x", "a"), ("s", "x", "a"), ("t", "x", "b")]);
    assert_eq!(changes(&layer, &some(vec![report("a", &[("r", "x")])])), ["-s"]);
    assert_eq!(changes(&layer, &some(vec![report("a", &[])])), ["-r", "-s"]);
    assert_eq!(changes(&layer, &whole(vec![report("a", &[("r", "x")])])), ["-s", "-t"]);
}

#[test]
fn half_an_origin_takes_nothing_away() {
    let layer = layer(&[("r", "x", "a"), ("s", "x", "a"), ("t", "x", "b")]);
    assert_eq!(changes(&layer, &some(vec![half(report("a", &[("r", "y")]))])), ["+r"]);
    assert_eq!(changes(&layer, &whole(vec![half(report("a", &[("r", "y")]))])), ["+r", "-t"]);
}

#[test]
fn folder_that_could_not_be_looked_at_keeps_what_is_below_it() {
    let layer = layer(&[("r", "x", "sub/a"), ("s", "x", "sub/deep/b"), ("t", "x", "subway")]);
    assert_eq!(changes(&layer, &whole(vec![half(report("sub/", &[]))])), ["-t"]);
    assert_eq!(changes(&layer, &whole(vec![half(report("", &[]))])), [""; 0]);
}

#[test]
fn rejected_resource_changes_nothing() {
    let layer = layer(&[("r", "x", "a"), ("s", "x", "a")]);
    assert_eq!(changes(&layer, &some(vec![report("a", &[("r", "!"), ("s", "y"), ("new", "!")])])), ["+s"]);
    assert_eq!(changes(&layer, &whole(vec![report("elsewhere", &[("r", "!"), ("s", "x")])])), ["+s"]);
}

#[test]
fn key_that_another_origin_mentions_moves() {
    let layer = layer(&[("r", "x", "a")]);
    let round = some(vec![report("a", &[]), report("b", &[("r", "x")])]);
    let Plan { changes, .. } = plan(&layer, &round, NOW);
    let [Change::Put(record)] = changes.as_slice() else { panic!("{changes:?}") };
    assert_eq!(record.provenance.origin, "b");
    assert_eq!(record.entry.version, layer.get(&key("r")).unwrap().version);
}

#[test]
fn key_that_a_rejected_document_elsewhere_mentions_stays() {
    let layer = layer(&[("r", "x", "a"), ("s", "x", "a")]);
    let round = JudgedRound { named: names("b", "r"), ..some(vec![report("a", &[])]) };
    assert_eq!(changes(&layer, &round), ["-s"]);
    assert_eq!(plan(&layer, &round, NOW).withheld, names("b", "r"));
}

/// `x` moved from `a` to `b`, where it is rejected: what comes of the next round.
fn after_a_rejected_move(next: JudgedRound) -> (Vec<String>, Named) {
    let layer = layer(&[("x", "1", "a")]);
    let moved = some(vec![report("a", &[]), report("b", &[("x", "!")])]);
    let Plan { changes: made, withheld, .. } = plan(&layer, &moved, NOW);
    assert_eq!((made.len(), &withheld), (0, &names("b", "x")), "it stays, from a");
    let next = JudgedRound { named: names("b", "x"), withheld, ..next };
    (changes(&layer, &next), plan(&layer, &next, NOW).withheld)
}

#[test]
fn key_of_a_rejected_move_is_gone_once_its_rejected_document_is() {
    let removed = (vec!["-x".to_owned()], Named::new());
    assert_eq!(after_a_rejected_move(some(vec![report("b", &[])])), removed);
    assert_eq!(after_a_rejected_move(whole(vec![report("b", &[])])), removed);
    assert_eq!(after_a_rejected_move(whole(Vec::new())), removed);
}

#[test]
fn key_of_a_rejected_move_stays_while_its_rejected_document_may_be_there() {
    let stays = (Vec::new(), names("b", "x"));
    assert_eq!(after_a_rejected_move(some(vec![report("c", &[])])), stays);
    assert_eq!(after_a_rejected_move(some(vec![half(report("b", &[]))])), stays, "b can't be read");
    assert_eq!(after_a_rejected_move(whole(vec![half(report("b", &[]))])), stays);
    let elsewhere = after_a_rejected_move(some(vec![report("b", &[]), report("c", &[("x", "!")])]));
    assert_eq!(elsewhere, (Vec::new(), names("c", "x")));
}

#[test]
fn key_of_a_rejected_move_that_is_accepted_again_is_withheld_no_longer() {
    let nothing = (Vec::new(), Named::new());
    assert_eq!(after_a_rejected_move(some(vec![report("a", &[("x", "1")])])), nothing);
    assert_eq!(
        after_a_rejected_move(some(vec![report("b", &[("x", "1")])])),
        (vec!["+x".to_owned()], Named::new())
    );
    let unreadable = some(vec![half(report("a", &[])), report("b", &[])]);
    assert_eq!(after_a_rejected_move(unreadable), nothing, "a is there again and may have it");
}

#[test]
fn version_of_an_upstream_is_compared_as_it_came() {
    let layer = layer(&[("r", "x", "a")]);
    let mut report = report("a", &[("r", "x")]);
    report.accepted[0].resource.upstream_version = Some(ResourceVersion::new("7"));
    assert_eq!(changes(&layer, &some(vec![report])), ["+r"]);
}

/// A layer of so many resources, each from an origin of its own, and the names of them.
fn many(len: usize) -> (Layer, Vec<String>) {
    let names: Vec<String> = (0..len).map(|n| format!("r{n:03}")).collect();
    let held: Vec<_> = names.iter().map(|name| (name.as_str(), "x", name.as_str())).collect();
    (layer(&held), names)
}

#[test]
fn resync_that_takes_most_of_a_kind_away_is_held_and_the_rest_goes_ahead() {
    let (layer, names) = many(20);
    let kept = || names[..9].iter().map(|name| report(name, &[(name.as_str(), "x")]));
    let mut reports: Vec<_> = kept().collect();
    reports.push(report("new", &[("new", "x")]));
    let Plan { changes, holds, .. } = plan(&layer, &whole(reports), NOW);
    assert_eq!(changes.len(), 1);
    assert_eq!((holds.len(), holds[0].have, holds[0].gone.len()), (1, 20, 11));

    let released = JudgedRound { released: holds[0].gone.clone(), ..some(Vec::new()) };
    assert_eq!(plan(&layer, &released, NOW).changes.len(), 11);
    let released = JudgedRound { released: holds[0].gone.clone(), ..whole(kept().collect()) };
    let Plan { changes, holds, .. } = plan(&layer, &released, NOW);
    assert_eq!((changes.len(), holds.len()), (11, 0), "what is let go is not held again");
}

#[test]
fn removals_that_were_seen_are_never_held() {
    let (layer, names) = many(20);
    let reports = names.iter().map(|name| report(name, &[])).collect();
    let Plan { changes, holds, .. } = plan(&layer, &some(reports), NOW);
    assert_eq!((changes.len(), holds.len()), (20, 0));
}

#[test]
fn released_key_that_is_mentioned_again_stays() {
    let (layer, names) = many(20);
    let released = names.iter().map(|name| key(name)).collect();
    let round = JudgedRound { released, ..some(vec![report("elsewhere", &[("r000", "y")])]) };
    let changes = changes(&layer, &round);
    assert_eq!((changes.len(), changes[0].as_str()), (20, "+r000"));
}

#[test]
fn released_key_that_a_rejected_document_names_stays_as_long_as_that() {
    let layer = layer(&[("x", "1", "a")]);
    let released = BTreeSet::from([key("x")]);
    let round = JudgedRound { released, named: names("b", "x"), ..some(Vec::new()) };
    let plan = plan(&layer, &round, NOW);
    assert_eq!((plan.changes.len(), plan.withheld), (0, names("b", "x")));
}
