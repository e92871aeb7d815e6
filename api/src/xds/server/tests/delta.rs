//! Incremental.

use std::collections::BTreeSet;

use super::*;

fn wildcard() -> Stream {
    let mut stream = Stream::delta();
    stream.put(Kind::CLUSTER, &["x", "y"], "1");
    stream.subscribe(&cds(), &[], &[]);
    assert_eq!(stream.acked(&[]).names(), ["x", "y"]);
    stream
}

/// rules 50, 51
#[test]
fn resumed_client_is_sent_what_it_lacks_and_told_what_is_gone() {
    let mut stream = wildcard();
    stream.put(Kind::CLUSTER, &["new"], "1");
    let x = stream.version_of(Kind::CLUSTER, "x");
    stream.resume(&lds(), &[], &[]);
    let mut stream = stream.again();
    stream.resume(&cds(), &[], &[("x", &x), ("y", "old"), ("gone", "1")]);
    let reply = stream.acked(&[]);
    assert_eq!((reply.names(), &reply.removed), (vec!["new", "y"], &texts(&["gone"])));
    stream.assert_silent();
}

/// rule 51: nothing to send is still an answer, on which clients wait.
#[test]
fn resumed_client_that_lacks_nothing_is_answered_empty() {
    let mut stream = wildcard();
    let (x, y) = (stream.version_of(Kind::CLUSTER, "x"), stream.version_of(Kind::CLUSTER, "y"));
    let mut stream = stream.again();
    stream.resume(&cds(), &[], &[("x", &x), ("y", &y)]);
    let reply = stream.acked(&[]);
    assert!(reply.is_empty());
    stream.assert_silent();
}

/// rule 50: versions in a later request are not the client's first word, and are ignored.
#[test]
fn initial_versions_count_in_the_first_request_only() {
    let mut stream = wildcard();
    stream.resume(&cds(), &[], &[("x", "old"), ("gone", "1")]);
    stream.assert_silent();
}

/// rule 52
#[test]
fn held_names_are_no_subscription() {
    let mut stream = Stream::delta();
    stream.put(Kind::ENDPOINTS, &["x", "y"], "1");
    stream.resume(&eds(), &["y"], &[("x", "old"), ("gone", "1")]);
    let reply = stream.acked(&[]);
    assert_eq!((reply.names(), reply.removed.len()), (vec!["y"], 0));
}

/// X2: what is asked for by name is sent although held, what a wildcard covers is not.
#[test]
fn held_endpoints_are_sent_again_and_held_clusters_are_not() {
    for (kind, names) in [(Kind::ENDPOINTS, vec!["x"]), (Kind::CLUSTER, vec![])] {
        let mut stream = Stream::delta();
        stream.put(kind, &["x"], "1");
        let version = stream.version_of(kind, "x");
        stream.resume(&kind.type_url(), &["x"], &[("x", &version)]);
        assert_eq!(stream.reply().names(), names, "{kind}");
    }
}

/// X2: which kinds that are is the operator's choice. What differs is sent in any case.
#[test]
fn held_names_of_other_kinds_are_sent_again_by_policy() {
    let policy = Policy { resend_held: [Kind::CLUSTER].into(), ..Policy::default() };
    for (kind, names) in [(Kind::ENDPOINTS, vec!["y"]), (Kind::CLUSTER, vec!["x", "y"])] {
        let mut stream = Stream::with_policy(Variant::Delta, &policy);
        stream.put(kind, &["x", "y"], "1");
        let version = stream.version_of(kind, "x");
        stream.resume(&kind.type_url(), &["x", "y"], &[("x", &version), ("y", "old")]);
        assert_eq!(stream.reply().names(), names, "{kind}");
    }
}

/// rule 53
#[test]
fn subscribed_names_are_always_answered() {
    let mut stream = wildcard();
    stream.subscribe(&cds(), &["x"], &[]);
    assert_eq!(stream.acked(&[]).names(), ["x"]);
    stream.subscribe(&cds(), &["x"], &[]);
    assert_eq!(stream.acked(&[]).names(), ["x"]);
    stream.subscribe(&cds(), &["*"], &[]);
    assert_eq!(stream.acked(&[]).names(), [""; 0]);
    stream.assert_silent();
}

/// rules 54, 69, 100
#[test]
fn missing_name_is_said_to_be_gone_and_sent_when_it_comes() {
    let mut stream = Stream::delta();
    stream.subscribe(&eds(), &["x"], &[]);
    assert_eq!(stream.acked(&[]).removed, ["x"]);
    stream.assert_silent();
    stream.put(Kind::ENDPOINTS, &["x"], "1");
    assert_eq!(stream.acked(&[]).names(), ["x"]);
    stream.put(Kind::ENDPOINTS, &["x"], "2");
    assert_eq!(stream.acked(&[]).names(), ["x"]);
}

/// rules 55, X6
#[test]
fn removal_names_what_is_subscribed_and_keeps_the_subscription() {
    let mut stream = Stream::delta();
    stream.put(Kind::ENDPOINTS, &["x", "other"], "1");
    stream.subscribe(&eds(), &["x"], &[]);
    stream.acked(&[]);
    stream.remove(Kind::ENDPOINTS, &["x", "other"]);
    assert_eq!(stream.acked(&[]).removed, ["x"]);
    stream.put(Kind::ENDPOINTS, &["x"], "1");
    assert_eq!(stream.acked(&[]).names(), ["x"]);
}

/// X6: by policy, what is gone is said to be empty. What comes back is sent, even if it is what it was.
#[test]
fn endpoints_that_are_gone_are_empty_by_policy() {
    let policy = Policy { gone_endpoints: GoneEndpoints::Empty, ..Policy::default() };
    let mut stream = Stream::with_policy(Variant::Delta, &policy);
    stream.put(Kind::ENDPOINTS, &["x", "y"], "1");
    stream.subscribe(&eds(), &["x", "y", "z"], &[]);
    let first = stream.acked(&[]);
    let names: BTreeSet<_> = first.names().into_iter().collect();
    assert_eq!((names, first.removed.len()), (["x", "y", "z"].into(), 0));
    stream.remove(Kind::ENDPOINTS, &["x"]);
    let gone = stream.acked(&[]);
    assert_eq!((gone.names(), gone.removed.len()), (vec!["x"], 0));
    stream.assert_silent();
    stream.put(Kind::ENDPOINTS, &["x"], "1");
    assert_eq!(stream.acked(&[]).names(), ["x"]);
    // Of other kinds it is said that they are gone.
    stream.put(Kind::CLUSTER, &["c"], "1");
    stream.subscribe(&cds(), &["c"], &[]);
    stream.acked(&[]);
    stream.remove(Kind::CLUSTER, &["c"]);
    assert_eq!(stream.acked(&[]).removed, ["c"]);
}

/// rule 56
#[test]
fn unsubscribed_name_is_forgotten_in_silence() {
    let mut stream = Stream::delta();
    stream.put(Kind::ENDPOINTS, &["x", "y"], "1");
    stream.subscribe(&eds(), &["x", "y"], &[]);
    stream.acked(&[]);
    stream.subscribe(&eds(), &[], &["x", "never subscribed"]);
    stream.put(Kind::ENDPOINTS, &["x"], "2");
    stream.remove(Kind::ENDPOINTS, &["x"]);
    stream.assert_silent();
}

/// rule 57
#[test]
fn name_unsubscribed_under_the_wildcard_is_answered() {
    let mut stream = wildcard();
    stream.subscribe(&cds(), &["x", "nowhere"], &[]);
    stream.acked(&[]);
    stream.subscribe(&cds(), &[], &["x", "nowhere"]);
    let reply = stream.acked(&[]);
    assert_eq!((reply.names(), &reply.removed), (vec!["x"], &texts(&["nowhere"])));
}

/// rule 58, on the wire
#[test]
fn wildcard_ends_when_it_is_unsubscribed_and_names_stay() {
    let mut stream = wildcard();
    stream.subscribe(&cds(), &["x"], &[]);
    stream.acked(&[]);
    stream.subscribe(&cds(), &[], &["*"]);
    stream.put(Kind::CLUSTER, &["x", "y"], "2");
    assert_eq!(stream.acked(&[]).names(), ["x"]);
    stream.subscribe(&cds(), &[], &["x"]);
    stream.put(Kind::CLUSTER, &["x", "y"], "3");
    stream.assert_silent();
    stream.subscribe(&cds(), &["*"], &[]);
    assert_eq!(stream.acked(&[]).names(), ["x", "y"]);
}

/// rule 59: how clients start that will ask on demand.
#[test]
fn subscribing_to_nothing_is_answered_empty() {
    let mut stream = Stream::delta();
    stream.put(Kind::CLUSTER, &["x"], "1");
    stream.subscribe(&cds(), &["*"], &["*"]);
    let reply = stream.acked(&[]);
    assert!(reply.is_empty());
    stream.subscribe(&cds(), &["x"], &[]);
    assert_eq!(stream.acked(&[]).names(), ["x"]);
}

/// rule 60
#[test]
fn everything_of_nothing_is_answered_empty() {
    let mut stream = Stream::delta();
    stream.subscribe(&cds(), &[], &[]);
    let reply = stream.acked(&[]);
    assert!(reply.is_empty() && reply.url == cds());
    stream.assert_silent();
}

/// rule 61
#[test]
fn only_what_changed_is_sent_with_its_name_and_version() {
    let mut stream = wildcard();
    stream.put(Kind::CLUSTER, &["y"], "2");
    let push = stream.session.render(stream.now).unwrap();
    let response: DeltaDiscoveryResponse = decode_frame(&push.frame).unwrap();
    let [resource] = &response.resources[..] else { panic!("{response:?}") };
    assert_eq!((resource.name.as_str(), &resource.version), ("y", &stream.version_of(Kind::CLUSTER, "y")));
}

/// rule 62: a request that answers nothing leaves the unanswered response unanswered.
#[test]
fn spontaneous_request_is_no_ack() {
    let mut stream = wildcard();
    stream.put(Kind::CLUSTER, &["x"], "2");
    stream.reply();
    assert!(matches!(stream.subscribe(&cds(), &["z"], &[])[..], [Outcome::Subscribed { .. }]));
    stream.assert_silent();
    assert!(matches!(stream.ack(&cds(), &[])[..], [Outcome::Acked { .. }]));
    assert_eq!(stream.reply().removed, ["z"]);
}

/// rule 63
#[test]
fn subscription_counts_whatever_the_nonce() {
    let mut stream = Stream::delta();
    stream.put(Kind::ENDPOINTS, &["x", "y"], "1");
    stream.subscribe(&eds(), &["x"], &[]);
    let stale = stream.acked(&[]).nonce;
    stream.put(Kind::ENDPOINTS, &["x"], "2");
    stream.acked(&[]);
    for response_nonce in [stale, "never given".into()] {
        let outcomes = stream.send(Request::Delta(DeltaDiscoveryRequest {
            type_url: eds(),
            resource_names_subscribe: texts(&["y"]),
            response_nonce,
            ..Default::default()
        }));
        assert!(!outcomes.iter().any(|outcome| matches!(outcome, Outcome::Acked { .. })));
        assert_eq!(stream.acked(&[]).names(), ["y"]);
    }
}

/// rule 64
#[test]
fn one_message_acks_subscribes_and_unsubscribes() {
    let mut stream = Stream::delta();
    stream.put(Kind::ENDPOINTS, &["x", "y"], "1");
    stream.subscribe(&eds(), &["x"], &[]);
    let response_nonce = stream.reply().nonce;
    let outcomes = stream.send(Request::Delta(DeltaDiscoveryRequest {
        type_url: eds(),
        resource_names_subscribe: texts(&["y"]),
        resource_names_unsubscribe: texts(&["x"]),
        response_nonce,
        ..Default::default()
    }));
    assert!(matches!(outcomes[..], [Outcome::Acked { .. }, Outcome::Subscribed { names: 1, .. }]));
    stream.put(Kind::ENDPOINTS, &["x"], "2");
    assert_eq!(stream.acked(&[]).names(), ["y"]);
}

/// rules 65, 21
#[test]
fn refused_resources_wait_for_a_change_of_one_of_them() {
    let mut stream = wildcard();
    stream.put(Kind::CLUSTER, &["x", "y"], "2");
    stream.reply();
    assert!(matches!(stream.nack(&cds(), &[])[..], [Outcome::Nacked { .. }]));
    stream.assert_silent();
    stream.put(Kind::CLUSTER, &["z"], "1");
    assert_eq!(stream.acked(&[]).names(), ["z"]);
    stream.put(Kind::CLUSTER, &["y"], "3");
    assert_eq!(stream.acked(&[]).resources, [("x".into(), "2".into()), ("y".into(), "3".into())]);
    stream.put(Kind::CLUSTER, &["y"], "4");
    assert_eq!(stream.acked(&[]).names(), ["y"]);
}

/// rule 23: taking a later response does not make good what was refused before.
#[test]
fn ack_after_a_nack_says_what_is_still_refused() {
    let mut stream = wildcard();
    stream.put(Kind::CLUSTER, &["x", "y"], "2");
    stream.reply();
    stream.nack(&cds(), &[]);
    stream.put(Kind::CLUSTER, &["z"], "1");
    stream.reply();
    assert!(matches!(stream.ack(&cds(), &[])[..], [Outcome::Acked { still_refused: 2, .. }]));
    stream.put(Kind::CLUSTER, &["y"], "3");
    stream.reply();
    assert!(matches!(stream.ack(&cds(), &[])[..], [Outcome::Acked { still_refused: 0, .. }]));
}

/// rule 65: a change that has nothing to do with what was refused goes in a response of its own.
#[test]
fn refused_resources_go_apart_from_others() {
    let mut stream = wildcard();
    stream.put(Kind::CLUSTER, &["x", "y"], "2");
    stream.reply();
    stream.nack(&cds(), &[]);
    stream.put(Kind::CLUSTER, &["x", "z"], "3");
    assert_eq!(stream.reply().names(), ["z"]);
    assert_eq!(stream.reply().names(), ["x", "y"]);
}

/// rule 66
#[test]
fn system_version_is_not_read() {
    let mut stream = wildcard();
    let before = stream.session.shown.catalog.version(Kind::CLUSTER, &View::everything()).to_string();
    stream.put(Kind::CLUSTER, &["x"], "2");
    let reply = stream.acked(&[]);
    assert_ne!(reply.version, before);
    stream.assert_silent();
}

/// rule 68: what was sent counts, not what is subscribed to or was planned.
#[test]
fn state_that_was_never_sent_leaves_no_trace() {
    let mut stream = wildcard();
    stream.put(Kind::CLUSTER, &["x"], "2");
    stream.reply();
    stream.put(Kind::CLUSTER, &["x"], "3");
    stream.put(Kind::CLUSTER, &["skipped"], "1");
    stream.assert_silent();
    stream.put(Kind::CLUSTER, &["x"], "2");
    stream.remove(Kind::CLUSTER, &["skipped"]);
    stream.ack(&cds(), &[]);
    stream.assert_silent();
}

/// rule 68: a step of several responses that is interrupted goes on from what was sent of it.
#[test]
fn interrupted_step_goes_on_from_what_was_sent() {
    let mut stream = Stream::delta();
    let names = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];
    stream.put(Kind::CLUSTER, &names, "1");
    stream.subscribe(&cds(), &[], &[]);
    let first = stream.reply();
    assert!(first.resources.len() < names.len(), "the catalog cuts small pages");
    stream.put(Kind::CLUSTER, &["1"], "2");
    stream.remove(Kind::CLUSTER, &["2", "9"]);
    stream.ack(&cds(), &[]);
    let rest: Vec<_> = std::iter::from_fn(|| stream.next()).collect();
    let mut sent: Vec<_> = rest.iter().flat_map(|reply| reply.names()).collect();
    sent.sort_unstable();
    let expected: Vec<_> = names
        .into_iter()
        .filter(|name| *name == "1" || !first.names().contains(name))
        .filter(|name| *name != "9")
        .collect();
    assert_eq!(sent, expected);
    assert_eq!(rest.iter().flat_map(|reply| reply.removed.clone()).collect::<Vec<_>>(), ["2"]);
}

/// rule 68: the old content again, when half of the new was sent, is news.
#[test]
fn step_that_is_taken_back_half_way_is_taken_back_at_the_client() {
    let mut stream = Stream::delta();
    let names = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];
    stream.put(Kind::CLUSTER, &names, "old");
    stream.subscribe(&cds(), &[], &[]);
    while stream.next().is_some() {}
    stream.ack(&cds(), &[]);
    stream.put(Kind::CLUSTER, &names, "new");
    let half = stream.reply();
    assert!(half.resources.len() < names.len());
    stream.put(Kind::CLUSTER, &names, "old");
    stream.ack(&cds(), &[]);
    let back = stream.reply();
    assert_eq!(back.names(), half.names());
    assert!(back.resources.iter().all(|(_, value)| value == "old"));
}

/// rule 70
#[test]
fn ack_without_news_is_not_answered() {
    let mut stream = wildcard();
    stream.ack(&cds(), &[]);
    stream.assert_silent();
    assert_eq!(stream.session.next_deadline(), None);
}

/// rule 55: a view that shrinks removes by name, and by no name that was not sent.
#[test]
fn view_that_shrinks_removes_and_hides() {
    let mut stream = Stream::delta();
    stream.put(Kind::VIRTUAL_SERVICE, &["a/x", "b/y"], "1");
    stream.subscribe(&vs(), &[], &[]);
    stream.acked(&[]);
    stream.session.on_view(View::of_namespaces(["a"]));
    assert_eq!(stream.acked(&[]).removed, ["b/y"]);
    stream.put(Kind::VIRTUAL_SERVICE, &["b/y", "b/z"], "2");
    stream.assert_silent();
    stream.subscribe(&vs(), &["b/y"], &[]);
    assert_eq!(stream.acked(&[]).removed, ["b/y"]);
    stream.session.on_view(View::everything());
    assert_eq!(stream.acked(&[]).names(), ["b/y", "b/z"]);
}

/// rule 55: a resource that was still on its way when the client asked for everything anew may be held afterwards.
#[test]
fn resource_on_its_way_is_taken_away_if_it_is_gone() {
    let mut stream = Stream::delta();
    stream.put(Kind::CLUSTER, &["x"], "1");
    stream.subscribe(&cds(), &[], &[]);
    stream.reply();
    stream.subscribe(&cds(), &[], &["*"]);
    stream.remove(Kind::CLUSTER, &["x"]);
    stream.subscribe(&cds(), &["*"], &[]);
    stream.ack(&cds(), &[]);
    assert_eq!(stream.reply().removed, ["x"]);
}
