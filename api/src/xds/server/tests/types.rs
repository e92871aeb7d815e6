//! Which types are answered how, and in which order.

use super::*;
use crate::limits::TYPES_PER_STREAM_MAX;

/// rules 49, 32
#[test]
fn type_that_nobody_knows_is_answered_empty_once() {
    let mut stream = Stream::sotw();
    stream.ask("gateway.networking.k8s.io/v1/HTTPRoute", &[]);
    assert_eq!(stream.acked(&[]).names(), [""; 0]);
    stream.put(Kind::CLUSTER, &["x"], "1");
    stream.assert_silent();
}

/// rule 49: one that is asked for by name has nothing to be told in SotW, and in delta that it is not there.
#[test]
fn names_of_a_type_that_nobody_knows_do_not_exist() {
    let url = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
    let mut stream = Stream::sotw();
    stream.ask(url, &["cert"]);
    stream.assert_silent();
    let mut stream = Stream::delta();
    stream.subscribe(url, &["cert"], &[]);
    assert_eq!(stream.acked(&[]).removed, ["cert"]);
    stream.assert_silent();
}

/// rule 49: what nobody knows may be written by the time that somebody asks for it.
#[test]
fn kind_that_is_written_after_it_was_asked_for_is_sent_from_then_on() {
    for url in ["late.example/v1/Sotw", "type.googleapis.com/late.example.Sotw"] {
        let mut stream = Stream::sotw();
        stream.ask(url, &[]);
        assert_eq!(stream.acked(&[]).names(), [""; 0]);
        let kind = Kind::opaque(url).unwrap();
        stream.put(kind, &["x", "y"], "1");
        assert_eq!(stream.acked(&[]).names(), ["x", "y"], "{url}");
        stream.remove(kind, &["x"]);
        assert_eq!(stream.acked(&[]).names(), ["y"], "{url}: an absence deletes");
        stream.assert_silent();
    }
}

#[test]
fn names_of_a_kind_that_is_written_later_are_sent_once_they_are_there() {
    let url = "type.googleapis.com/late.example.Named";
    let mut streams = [Stream::sotw(), Stream::delta()];
    streams[0].ask(url, &["x"]);
    streams[0].assert_silent();
    streams[1].subscribe(url, &["x"], &[]);
    assert_eq!(streams[1].acked(&[]).removed, ["x"]);
    let kind = Kind::opaque(url).unwrap();
    for stream in &mut streams {
        stream.put(kind, &["x", "y"], "1");
        assert_eq!(stream.acked(&["x"]).names(), ["x"]);
        stream.assert_silent();
    }
    streams[1].remove(kind, &["x"]);
    assert_eq!(streams[1].acked(&[]).removed, ["x"]);
}

/// Only writing makes kinds: what clients ask for is forgotten with their streams.
#[test]
fn asking_makes_no_kinds() {
    let url = |number: usize| format!("asked.example/v1/Kind{number}");
    for first in (0..10_000).step_by(TYPES_PER_STREAM_MAX) {
        let mut stream = Stream::sotw();
        for number in first..first + TYPES_PER_STREAM_MAX {
            stream.ask(&url(number), &[]);
            assert_eq!(stream.reply().names(), [""; 0]);
        }
    }
    assert!((0..10_000).all(|number| Kind::of_type_url(&url(number)).is_none()));
}

/// rules 49, 84: clients may never answer it, and it holds up nothing.
#[test]
fn mesh_config_is_answered_empty_once_and_never_waited_for() {
    let url = Kind::MESH_CONFIG.type_url();
    let mut stream = Stream::sotw();
    stream.put(Kind::MESH_CONFIG, &["x"], "1");
    stream.ask(&url, &[]);
    assert_eq!(stream.reply().names(), [""; 0]);
    stream.put(Kind::MESH_CONFIG, &["x"], "2");
    stream.assert_silent();
    stream.ask(&vs(), &[]);
    assert_eq!(stream.reply().url, vs());
    assert_eq!(stream.session.next_deadline(), None);
}

/// rule 46: one object, whichever of its served versions is asked for.
#[test]
fn response_has_the_type_that_was_asked_for() {
    let mut stream = Stream::sotw();
    stream.put(Kind::VIRTUAL_SERVICE, &["x"], "1");
    for version in ["v1", "v1alpha3", "v1beta1"] {
        let url = format!("networking.istio.io/{version}/VirtualService");
        stream.ask(&url, &[]);
        let reply = stream.reply();
        assert_eq!((reply.url.as_str(), reply.names()), (url.as_str(), vec!["a/x"]));
    }
}

/// X3: by the letter, where an operator wants it so.
#[test]
fn empty_first_list_means_everything_for_all_kinds_by_policy() {
    let policy = Policy { empty_list: EmptyList::AllKinds, ..Policy::default() };
    for variant in [Variant::Sotw, Variant::Delta] {
        let mut stream = Stream::with_policy(variant, &policy);
        stream.put(Kind::ENDPOINTS, &["x"], "1");
        match variant {
            Variant::Sotw => stream.ask(&eds(), &[]),
            Variant::Delta => stream.subscribe(&eds(), &[], &[]),
        };
        assert_eq!(stream.acked(&[]).names(), ["x"]);
        stream.put(Kind::ENDPOINTS, &["y"], "1");
        assert_eq!(stream.reply().names(), ["y"]);
    }
}

/// X3
#[test]
fn empty_first_list_means_everything_only_for_kinds_that_are_complete_sets() {
    let mut stream = Stream::sotw();
    stream.put(Kind::ENDPOINTS, &["x"], "1");
    stream.ask(&eds(), &[]);
    stream.assert_silent();
    let mut stream = Stream::delta();
    stream.put(Kind::ENDPOINTS, &["x"], "1");
    stream.subscribe(&eds(), &[], &[]);
    assert!(stream.reply().is_empty());
    stream.subscribe(&eds(), &["*"], &[]);
    stream.ack(&eds(), &[]);
    assert_eq!(stream.reply().names(), ["x"]);
}

/// rule 36: what everything is depends on who asks.
#[test]
fn everything_is_what_the_view_shows() {
    for (namespaces, names) in
        [(vec!["a"], vec!["a/x"]), (vec!["a", "b"], vec!["a/x", "b/y"]), (vec![], vec![])]
    {
        let mut stream = Stream::with_view(Variant::Sotw, View::of_namespaces(namespaces));
        stream.put(Kind::VIRTUAL_SERVICE, &["a/x", "b/y"], "1");
        stream.ask(&vs(), &[]);
        assert_eq!(stream.reply().names(), names);
    }
}

/// rules 78 and 91: no time passes here
#[test]
fn first_answers_go_in_order_of_rank_whatever_order_they_are_asked_in() {
    let mut stream = Stream::sotw();
    for kind in [Kind::ROUTES, Kind::LISTENER, Kind::ENDPOINTS, Kind::CLUSTER] {
        stream.put(kind, &["x"], "1");
        stream.ask(&kind.type_url(), &["x"]);
    }
    let order: Vec<_> = std::iter::from_fn(|| stream.next()).map(|reply| reply.url).collect();
    let ranked = [Kind::CLUSTER, Kind::ENDPOINTS, Kind::LISTENER, Kind::ROUTES].map(Kind::type_url);
    assert_eq!(order, ranked);
}

/// rule 80
#[test]
fn newer_state_starts_again_from_the_lowest_rank() {
    let mut stream = Stream::sotw();
    for kind in [Kind::CLUSTER, Kind::LISTENER, Kind::ENDPOINTS] {
        stream.put(kind, &["x"], "1");
        stream.ask(&kind.type_url(), &["x"]);
        stream.acked(&["x"]);
    }
    stream.put(Kind::LISTENER, &["x"], "2");
    stream.put(Kind::ENDPOINTS, &["x"], "2");
    stream.put(Kind::CLUSTER, &["x"], "2");
    assert_eq!(stream.acked(&["x"]).url, cds());
    stream.put(Kind::CLUSTER, &["x"], "3");
    let order: Vec<_> = (0..3).map(|_| stream.acked(&["x"]).url).collect();
    assert_eq!(order, [cds(), eds(), lds()]);
}

/// rule 80: while a newer state of clusters waits for its turn, what may refer to it waits too, but not for long.
#[test]
fn referring_type_does_not_overtake_what_it_refers_to() {
    let mut stream = Stream::sotw();
    for kind in [Kind::CLUSTER, Kind::LISTENER] {
        stream.put(kind, &["x"], "1");
        stream.ask(&kind.type_url(), &["x"]);
        stream.acked(&["x"]);
    }
    stream.put(Kind::CLUSTER, &["x"], "2");
    assert_eq!(stream.reply().url, cds());
    stream.put(Kind::CLUSTER, &["x"], "3");
    stream.put(Kind::LISTENER, &["x"], "3");
    stream.assert_silent();
    let deadline = stream.session.next_deadline().expect("an end to the wait");
    stream.now = deadline;
    assert_eq!(stream.reply().url, lds());
    stream.ack(&cds(), &["x"]);
    assert_eq!(stream.reply().url, cds());
}

/// rules 83, 86, 100: what is asked for is answered as it comes, and before what merely changed.
#[test]
fn answer_does_not_wait_for_other_types() {
    let mut stream = Stream::sotw();
    stream.put(Kind::ENDPOINTS, &["x"], "1");
    stream.put(Kind::CLUSTER, &["x"], "1");
    stream.ask(&eds(), &["x"]);
    assert_eq!(stream.acked(&["x"]).url, eds());
    stream.ask(&cds(), &[]);
    assert_eq!(stream.reply().url, cds());
    stream.put(Kind::CLUSTER, &["x"], "2");
    stream.put(Kind::ENDPOINTS, &["y"], "1");
    stream.ask(&eds(), &["x", "y"]);
    assert_eq!(stream.reply().names(), ["y"]);
}
