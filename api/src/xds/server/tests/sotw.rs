//! State of the world.

use super::*;

/// rule 13
#[test]
fn first_request_is_answered_whatever_nonce_and_error_it_has() {
    for error_detail in [None, error()] {
        let mut stream = Stream::sotw();
        let request = DiscoveryRequest {
            response_nonce: "2026-11-21 03:10:25.8 +0000 UTC".into(),
            version_info: "v7".into(),
            error_detail,
            ..Default::default()
        };
        let outcomes = stream.ask_with(&vs(), &[], request);
        assert!(matches!(outcomes[1..], [Outcome::Subscribed { wildcard: true, names: 0, .. }]));
        assert_eq!(stream.reply().url, vs());
    }
}

/// rule 14
#[test]
fn nonces_are_never_reused_and_say_nothing_of_the_version() {
    let mut stream = Stream::sotw();
    stream.ask(&vs(), &[]);
    let mut replies = vec![stream.acked(&[])];
    for value in ["1", "2", "1", "2"] {
        stream.put(Kind::VIRTUAL_SERVICE, &["x"], value);
        replies.push(stream.acked(&[]));
    }
    let nonces: std::collections::BTreeSet<_> = replies.iter().map(|reply| &reply.nonce).collect();
    assert_eq!(nonces.len(), replies.len());
    assert_eq!(replies[1].version, replies[3].version);
}

/// rule 15
#[test]
fn newest_request_supersedes_earlier_ones() {
    let mut stream = Stream::sotw();
    stream.put(Kind::ENDPOINTS, &["x", "y"], "1");
    stream.ask(&eds(), &["x"]);
    stream.ask(&eds(), &["y"]);
    assert_eq!(stream.acked(&["y"]).names(), ["y"]);
    stream.assert_silent();
}

/// rule 16: the nonce of the newest response, and other names: once an ACK, then a change of the subscription.
#[test]
fn same_nonce_with_other_names_changes_the_subscription() {
    let mut stream = Stream::sotw();
    stream.put(Kind::ENDPOINTS, &["x", "y"], "1");
    stream.ask(&eds(), &["x"]);
    stream.reply();
    assert!(matches!(stream.ask(&eds(), &["x"])[..], [Outcome::Acked { .. }]));
    assert!(matches!(stream.ask(&eds(), &["x", "y"])[..], [Outcome::Subscribed { names: 2, .. }]));
    assert_eq!(stream.reply().names(), ["y"]);
}

/// rule 17: equal versions don't prove equal names; the first request is always answered.
#[test]
fn client_that_comes_back_with_the_current_version_is_answered() {
    let mut stream = Stream::sotw();
    stream.put(Kind::CLUSTER, &["x"], "1");
    stream.ask(&cds(), &[]);
    let version_info = stream.acked(&[]).version;
    let mut stream = stream.again();
    stream.ask_with(&cds(), &[], DiscoveryRequest { version_info, ..Default::default() });
    assert_eq!(stream.reply().names(), ["x"]);
}

/// rule 18
#[test]
fn version_is_of_what_is_seen_however_it_came_about() {
    let mut one = Stream::sotw();
    one.ask(&cds(), &[]);
    let empty = one.acked(&[]).version;
    one.put(Kind::CLUSTER, &["x"], "1");
    let first = one.acked(&[]).version;
    one.put(Kind::CLUSTER, &["x"], "2");
    assert_ne!(one.acked(&[]).version, first);
    let mut other = Stream::with_view(Variant::Sotw, View::of_namespaces(["a"]));
    other.put(Kind::CLUSTER, &["b/hidden"], "1");
    other.put(Kind::CLUSTER, &["x"], "1");
    other.ask(&cds(), &[]);
    assert_eq!(other.reply().version, first);
    assert!(!empty.is_empty() && empty != first);
}

/// rule 18: the version of a subscription by name is that of the same set, however it was subscribed to.
#[test]
fn version_of_named_sets_is_of_their_content_too() {
    let mut stream = Stream::sotw();
    stream.put(Kind::CLUSTER, &["x"], "1");
    stream.ask(&cds(), &["x", "nowhere"]);
    let named = stream.acked(&["x", "nowhere"]).version;
    let mut other = stream.again();
    other.ask(&cds(), &[]);
    assert_eq!(other.reply().version, named);
}

/// rules 19, 70
#[test]
fn ack_is_reported_once_and_not_answered() {
    let mut stream = Stream::sotw();
    stream.put(Kind::CLUSTER, &["x"], "1");
    stream.ask(&cds(), &[]);
    let reply = stream.reply();
    let outcomes = stream.ask(&cds(), &[]);
    let [Outcome::Acked { nonce, version, revision, .. }] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert_eq!((&nonce.0, version), (&reply.nonce, &reply.version));
    assert_eq!(*revision, stream.session.shown.catalog.revision());
    assert_eq!(stream.ask(&cds(), &[]), []);
    stream.assert_silent();
}

/// rules 20, 23: the version in a NACK says nothing, not even if it is the refused one.
#[test]
fn nack_is_the_presence_of_an_error() {
    let mut stream = Stream::sotw();
    stream.ask(&cds(), &[]);
    let reply = stream.reply();
    let request = DiscoveryRequest {
        response_nonce: reply.nonce.clone(),
        version_info: reply.version.clone(),
        error_detail: error(),
        ..Default::default()
    };
    let outcomes = stream.ask_with(&cds(), &[], request);
    let [Outcome::Nacked { nonce, version, message, .. }] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert_eq!((&nonce.0, version, message.as_str()), (&reply.nonce, &reply.version, "no such thing"));
}

/// rules 21, 27
#[test]
fn refused_set_is_sent_again_only_when_it_is_another() {
    let mut stream = Stream::sotw();
    stream.put(Kind::CLUSTER, &["x"], "1");
    stream.ask(&cds(), &[]);
    stream.reply();
    stream.nack(&cds(), &[]);
    stream.assert_silent();
    // Later requests of such a client go on naming an old version.
    stream.ask_with(&cds(), &[], DiscoveryRequest { version_info: "old".into(), ..Default::default() });
    stream.assert_silent();
    stream.put(Kind::LISTENER, &["y"], "1");
    stream.assert_silent();
    stream.put(Kind::CLUSTER, &["x"], "2");
    assert_eq!(stream.reply().resources, [("x".into(), "2".into())]);
}

/// rule 21: by name, what was refused waits for a change of any that was refused with it; others go alone.
#[test]
fn refused_routes_go_again_together() {
    let mut stream = Stream::sotw();
    let names = ["x", "y", "z"];
    stream.put(Kind::ROUTES, &["x", "y"], "1");
    stream.ask(&rds(), &names);
    stream.reply();
    stream.nack(&rds(), &names);
    stream.put(Kind::ROUTES, &["z"], "1");
    assert_eq!(stream.acked(&names).names(), ["z"]);
    stream.put(Kind::ROUTES, &["x"], "2");
    assert_eq!(stream.acked(&names).resources, [("x".into(), "2".into()), ("y".into(), "1".into())]);
}

/// rule 21: what goes without a word frees what was refused with it, even if the plan to say so is dropped.
#[test]
fn endpoints_refused_with_one_that_is_gone_go_again() {
    let mut stream = Stream::sotw();
    stream.ask(&cds(), &[]);
    stream.acked(&[]);
    stream.put(Kind::ENDPOINTS, &["bad", "good"], "1");
    stream.ask(&eds(), &["bad", "good"]);
    stream.reply();
    stream.nack(&eds(), &["bad", "good"]);
    stream.remove(Kind::ENDPOINTS, &["bad"]);
    stream.put(Kind::CLUSTER, &["x"], "1");
    assert_eq!(stream.acked(&[]).url, cds());
    stream.put(Kind::LISTENER, &["unrelated"], "1");
    assert_eq!(stream.reply().names(), ["good"]);
}

/// rules 21, 84: a newer state is sent even if the NACK of an older one comes late.
#[test]
fn newer_state_goes_out_right_after_a_late_nack() {
    let mut stream = Stream::sotw();
    stream.put(Kind::CLUSTER, &["x"], "1");
    stream.ask(&cds(), &[]);
    stream.reply();
    stream.put(Kind::CLUSTER, &["x"], "2");
    stream.assert_silent();
    stream.nack(&cds(), &[]);
    assert_eq!(stream.reply().resources, [("x".into(), "2".into())]);
}

/// rule 22
#[test]
fn nack_may_change_the_names() {
    let mut stream = Stream::sotw();
    stream.put(Kind::ENDPOINTS, &["x", "y"], "1");
    stream.ask(&eds(), &["x"]);
    stream.reply();
    let outcomes = stream.nack(&eds(), &["y"]);
    assert!(matches!(outcomes[..], [Outcome::Nacked { .. }, Outcome::Subscribed { names: 1, .. }]));
    assert_eq!(stream.reply().names(), ["y"]);
}

/// rules 24, 25, 26, X1, X5: of no stale, unknown or empty nonce anything follows but the names.
#[test]
fn names_count_whatever_the_nonce() {
    for nonce in ["", "1", "never given"] {
        let mut stream = Stream::sotw();
        stream.put(Kind::ENDPOINTS, &["x", "y"], "1");
        stream.ask(&eds(), &["x"]);
        stream.acked(&["x"]);
        stream.put(Kind::ENDPOINTS, &["x"], "2");
        stream.reply();
        let (version_info, response_nonce) = ("1".into(), nonce.into());
        let request = DiscoveryRequest { version_info, response_nonce, ..Default::default() };
        let outcomes = stream.ask_with(&eds(), &["x", "y"], request);
        assert!(matches!(outcomes[..], [Outcome::Subscribed { names: 2, .. }]), "{outcomes:?}");
        stream.assert_silent(); // until the response that is on its way has its answer
        stream.ask(&eds(), &["x", "y"]);
        assert_eq!(stream.reply().names(), ["y"]);
    }
}

/// X5: as tonic's client does that dropped its last watch, and took it up again.
#[test]
fn client_that_says_it_has_nothing_begins_anew() {
    for kind in [Kind::CLUSTER, Kind::ENDPOINTS] {
        let (mut stream, url) = (Stream::sotw(), kind.type_url());
        stream.put(kind, &["x", "y"], "1");
        stream.ask(&url, &["x", "y"]);
        stream.acked(&["x", "y"]);
        for _ in 0..2 {
            stream.ask_with(&url, &["x"], DiscoveryRequest::default());
            assert_eq!(stream.acked(&["x"]).names(), ["x"]);
            stream.assert_silent();
        }
        // No wildcard came of it, and no loop with a client that never says what it applied.
        for _ in 0..2 {
            stream.ask_with(&url, &["*"], DiscoveryRequest::default());
        }
        assert_eq!(stream.reply().names(), ["x", "y"]);
        stream.ask_with(&url, &["*"], DiscoveryRequest::default());
        stream.assert_silent();
    }
}

/// X5, rule 32
#[test]
fn client_that_begins_anew_without_names_means_everything() {
    let mut stream = Stream::sotw();
    stream.put(Kind::CLUSTER, &["x", "y"], "1");
    stream.ask(&cds(), &["x"]);
    stream.acked(&["x"]);
    stream.ask_with(&cds(), &[], DiscoveryRequest::default());
    assert_eq!(stream.reply().names(), ["x", "y"]);
}

/// rule 24: nor does an error.
#[test]
fn error_with_a_stale_nonce_refuses_nothing() {
    let mut stream = Stream::sotw();
    stream.ask(&cds(), &[]);
    let response_nonce = stream.acked(&[]).nonce;
    stream.put(Kind::CLUSTER, &["x"], "1");
    stream.reply();
    let stale = DiscoveryRequest { response_nonce, error_detail: error(), ..Default::default() };
    assert_eq!(stream.ask_with(&cds(), &[], stale), []);
    assert!(matches!(stream.ask(&cds(), &[])[..], [Outcome::Acked { .. }]));
}

/// rule 28: also what was sent before, when nobody asked for it by name.
#[test]
fn added_name_is_sent_although_unchanged() {
    let mut stream = Stream::sotw();
    stream.put(Kind::ENDPOINTS, &["x"], "1");
    stream.ask(&eds(), &["*"]);
    assert_eq!(stream.acked(&["*"]).names(), ["x"]);
    stream.ask(&eds(), &["*", "x"]);
    assert_eq!(stream.acked(&["*", "x"]).names(), ["x"]);
    stream.assert_silent();
}

/// rule 29
#[test]
fn name_that_comes_back_is_sent_again() {
    for kind in [Kind::ENDPOINTS, Kind::CLUSTER] {
        let mut stream = Stream::sotw();
        let url = kind.type_url();
        stream.put(kind, &["x", "y"], "1");
        stream.ask(&url, &["x", "y"]);
        stream.acked(&["x", "y"]);
        stream.ask(&url, &["y"]);
        stream.ask(&url, &["x", "y"]);
        assert!(stream.reply().names().contains(&"x"), "{kind}");
    }
}

/// rule 30
#[test]
fn name_that_is_left_out_is_no_longer_spoken_of() {
    let mut stream = Stream::sotw();
    stream.put(Kind::ENDPOINTS, &["x", "y"], "1");
    stream.ask(&eds(), &["x", "y"]);
    stream.acked(&["x", "y"]);
    stream.put(Kind::ENDPOINTS, &["x"], "2");
    stream.ask(&eds(), &["y"]);
    stream.assert_silent();
    stream.put(Kind::ENDPOINTS, &["x"], "3");
    stream.assert_silent();
}

/// rule 33, on the wire
#[test]
fn unsubscribing_from_all_ends_the_updates_of_a_type() {
    let mut stream = Stream::sotw();
    stream.put(Kind::CLUSTER, &["x"], "1");
    stream.ask(&cds(), &["*"]);
    stream.acked(&["*"]);
    stream.ask(&cds(), &[]);
    stream.put(Kind::CLUSTER, &["x"], "2");
    stream.assert_silent();
}

/// rules 37, 38
#[test]
fn unknown_name_is_remembered_in_silence() {
    let mut stream = Stream::sotw();
    stream.ask(&rds(), &["x"]);
    stream.assert_silent();
    stream.put(Kind::ROUTES, &["y"], "1");
    stream.assert_silent();
    stream.put(Kind::ROUTES, &["x"], "1");
    assert_eq!(stream.reply().names(), ["x"]);
}

/// rules 39, 41: many names in one request, of which some do not exist.
#[test]
fn what_exists_is_sent_whatever_else_is_missing() {
    for kind in [Kind::ROUTES, Kind::CLUSTER] {
        let mut stream = Stream::sotw();
        stream.put(kind, &["x", "y"], "1");
        stream.ask(&kind.type_url(), &["x", "nowhere", "y"]);
        let mut names: Vec<String> = Vec::new();
        while let Some(reply) = stream.next() {
            names.extend(texts(&reply.names()));
        }
        assert_eq!(names, ["x", "y"], "{kind}");
    }
}

/// rule 42
#[test]
fn every_response_of_a_complete_kind_is_the_complete_set() {
    for (url, kind) in [(vs(), Kind::VIRTUAL_SERVICE), (cds(), Kind::CLUSTER), (lds(), Kind::LISTENER)] {
        let mut stream = Stream::sotw();
        stream.put(kind, &["1", "2", "3", "4", "5", "6", "7"], "1");
        stream.ask(&url, &[]);
        assert_eq!(stream.acked(&[]).resources.len(), 7);
        stream.put(kind, &["4"], "2");
        assert_eq!(stream.acked(&[]).resources.len(), 7);
        stream.assert_silent();
    }
}

/// rule 42: also of a subscription by name.
#[test]
fn named_clusters_are_a_complete_set() {
    let mut stream = Stream::sotw();
    stream.put(Kind::CLUSTER, &["x", "y", "z"], "1");
    stream.ask(&cds(), &["x", "y"]);
    assert_eq!(stream.acked(&["x", "y"]).names(), ["x", "y"]);
    stream.put(Kind::CLUSTER, &["z"], "2");
    stream.assert_silent();
    stream.put(Kind::CLUSTER, &["y"], "2");
    assert_eq!(stream.reply().names(), ["x", "y"]);
}

/// rule 43, X4
#[test]
fn other_kinds_are_sent_as_far_as_they_changed() {
    let mut stream = Stream::sotw();
    stream.put(Kind::ENDPOINTS, &["x", "y"], "1");
    stream.ask(&eds(), &["x", "y"]);
    stream.acked(&["x", "y"]);
    stream.put(Kind::ENDPOINTS, &["y"], "2");
    assert_eq!(stream.acked(&["x", "y"]).resources, [("y".into(), "2".into())]);
    stream.remove(Kind::ENDPOINTS, &["x"]);
    stream.assert_silent();
    stream.put(Kind::ENDPOINTS, &["x"], "1");
    assert_eq!(stream.reply().names(), ["x"]);
}

/// rule 44
#[test]
fn going_of_the_last_resource_is_an_empty_response() {
    let mut stream = Stream::sotw();
    stream.put(Kind::CLUSTER, &["x", "y"], "1");
    stream.ask(&cds(), &[]);
    stream.acked(&[]);
    stream.remove(Kind::CLUSTER, &["x"]);
    assert_eq!(stream.acked(&[]).names(), ["y"]);
    stream.remove(Kind::CLUSTER, &["y"]);
    assert_eq!(stream.acked(&[]).names(), [""; 0]);
    stream.assert_silent();
}

/// rules 31, 45
#[test]
fn name_beside_the_wildcard_appears_once() {
    for url in [cds(), eds()] {
        let mut stream = Stream::sotw();
        stream.put(Kind::CLUSTER, &["x", "y"], "1");
        stream.put(Kind::ENDPOINTS, &["x", "y"], "1");
        stream.ask(&url, &["*", "x", "x"]);
        assert_eq!(stream.reply().names(), ["x", "y"]);
    }
}

/// rules 47, 48: the same bytes again, in a newer state, are nothing new.
#[test]
fn content_that_is_published_again_is_not_sent() {
    for url in [cds(), eds()] {
        let mut stream = Stream::sotw();
        stream.put(Kind::CLUSTER, &["x"], "1");
        stream.put(Kind::ENDPOINTS, &["x"], "1");
        stream.ask(&url, &["*"]);
        stream.acked(&["*"]);
        for _ in 0..3 {
            stream.put(Kind::CLUSTER, &["x"], "1");
            stream.put(Kind::ENDPOINTS, &["x"], "1");
            stream.assert_silent();
        }
    }
}

/// rule 93
#[test]
fn subscription_outlives_a_time_without_resources() {
    let mut stream = Stream::sotw();
    stream.put(Kind::ENDPOINTS, &["x"], "1");
    stream.ask(&eds(), &["x"]);
    stream.acked(&["x"]);
    stream.remove(Kind::ENDPOINTS, &["x"]);
    stream.assert_silent();
    stream.put(Kind::ENDPOINTS, &["x"], "1");
    assert_eq!(stream.reply().names(), ["x"]);
}

/// rule 44: a view that shrinks takes away, one that grows adds; neither is told apart from the resources coming and
/// going.
#[test]
fn view_that_changes_is_a_new_set() {
    let mut stream = Stream::sotw();
    stream.put(Kind::VIRTUAL_SERVICE, &["a/x", "b/y"], "1");
    stream.ask(&vs(), &[]);
    let first = stream.acked(&[]);
    stream.session.on_view(View::of_namespaces(["a"]));
    assert_eq!(stream.acked(&[]).names(), ["a/x"]);
    stream.put(Kind::VIRTUAL_SERVICE, &["b/y"], "2");
    stream.assert_silent();
    stream.put(Kind::VIRTUAL_SERVICE, &["b/y"], "1");
    stream.session.on_view(View::everything());
    let last = stream.acked(&[]);
    assert_eq!((last.version, last.resources), (first.version, first.resources));
}
