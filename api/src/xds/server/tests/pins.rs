//! Pins: what was refused goes back to what was taken last, and the rest goes on (rules 21, 65).

use super::*;
use crate::{
    wire::Entry,
    xds::pin::{Pin, Pins},
};

const ALL: &[&str] = &[];

impl Stream {
    /// NACKs the newest response of a type in these words, and takes the pins that the server is to make.
    fn refuse(&mut self, url: &str, names: &[&str], message: &str) -> Vec<Pin> {
        let error_detail = Some(Status { code: 3, message: message.into(), ..Status::default() });
        let (type_url, response_nonce) = (url.to_owned(), self.nonces[url].clone());
        let request = match self.variant {
            Variant::Sotw => Request::Sotw(DiscoveryRequest {
                type_url,
                response_nonce,
                error_detail,
                resource_names: texts(names),
                ..Default::default()
            }),
            Variant::Delta => Request::Delta(DeltaDiscoveryRequest {
                type_url,
                response_nonce,
                error_detail,
                ..Default::default()
            }),
        };
        let outcomes = self.send(request);
        let Some(Outcome::Nacked { pins, .. }) = outcomes.into_iter().next() else { panic!("not a NACK") };
        self.session.on_pins(&pins);
        pins
    }

    /// A stream whose client took `a` and `b`, and was sent another `a` and another `b` in one response.
    fn with_two_changes(variant: Variant, kind: Kind) -> Self {
        let mut stream = Self::new(variant);
        stream.put(kind, &["a", "b"], "1");
        match variant {
            Variant::Sotw => drop(stream.ask(&kind.type_url(), ALL)),
            Variant::Delta => drop(stream.subscribe(&kind.type_url(), ALL, ALL)),
        }
        stream.acked(ALL);
        stream.put(kind, &["a", "b"], "2");
        stream.reply();
        stream
    }
}

fn values(reply: &Reply) -> Vec<(&str, &str)> {
    let mut values: Vec<_> =
        reply.resources.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    values.sort_unstable();
    values
}

fn names_of(pins: &[Pin]) -> Vec<&str> {
    pins.iter().map(|pin| &*pin.name).collect()
}

#[test]
fn named_resource_goes_back_to_what_was_taken_and_the_rest_goes_on_at_once() {
    for variant in [Variant::Sotw, Variant::Delta] {
        let mut stream = Stream::with_two_changes(variant, Kind::LISTENER);
        let pins = stream.refuse(&lds(), ALL, "Error adding/updating listener(s) a: no filter chain\n");
        assert_eq!(names_of(&pins), ["a"]);
        assert_eq!(pins[0].refused.as_str(), stream.version_of(Kind::LISTENER, "a"));
        let next = stream.acked(ALL);
        assert_eq!(values(&next), [("a", "1"), ("b", "2")], "{variant:?}");
        assert_ne!(
            next.version,
            stream.session.shown.catalog.version(Kind::LISTENER, &View::everything()).to_string()
        );
        stream.assert_silent();
        stream.put(Kind::LISTENER, &["c"], "1");
        assert!(values(&stream.acked(ALL)).contains(&("c", "1")), "the rest is not held up");
        assert!(stream.session.take_ended_pins().is_empty());
    }
}

#[test]
fn update_lifts_a_pin_and_so_does_a_removal() {
    for variant in [Variant::Sotw, Variant::Delta] {
        let mut stream = Stream::with_two_changes(variant, Kind::LISTENER);
        let pins = stream.refuse(&lds(), ALL, "a: bad");
        stream.acked(ALL);
        stream.put(Kind::LISTENER, &["a"], "3");
        assert_eq!(stream.session.take_ended_pins(), [pins[0].id()]);
        assert!(values(&stream.acked(ALL)).contains(&("a", "3")));
        stream.put(Kind::LISTENER, &["a"], "2");
        assert!(values(&stream.reply()).contains(&("a", "2")), "what was refused once may be taken now");
        let pins = stream.refuse(&lds(), ALL, "a: bad");
        assert_eq!(values(&stream.acked(ALL))[0], ("a", "3"), "the last good is the newest that was taken");
        stream.remove(Kind::LISTENER, &["a"]);
        assert_eq!(stream.session.take_ended_pins(), [pins[0].id()]);
        let next = stream.acked(ALL);
        assert!(!next.names().contains(&"a") && (variant == Variant::Sotw || next.removed == ["a"]));
    }
}

#[test]
fn what_was_never_taken_is_left_out() {
    let mut stream = Stream::sotw();
    stream.put(Kind::LISTENER, &["a", "b"], "1");
    stream.ask(&lds(), ALL);
    stream.reply();
    let pins = stream.refuse(&lds(), ALL, "a: bad");
    assert_eq!(pins[0].good, None);
    assert_eq!(stream.acked(ALL).names(), ["b"]);

    let mut stream = Stream::delta();
    stream.put(Kind::LISTENER, &["a", "b"], "1");
    stream.subscribe(&lds(), ALL, ALL);
    stream.reply();
    stream.refuse(&lds(), ALL, "a: bad");
    let next = stream.acked(ALL);
    assert_eq!((next.names(), next.removed.clone()), (vec!["b"], texts(&["a"])));
}

#[test]
fn only_news_of_a_response_needs_no_name() {
    for variant in [Variant::Sotw, Variant::Delta] {
        let mut stream = Stream::with_two_changes(variant, Kind::LISTENER);
        stream.ack(&lds(), ALL);
        stream.put(Kind::LISTENER, &["b"], "3");
        stream.reply();
        assert_eq!(names_of(&stream.refuse(&lds(), ALL, "out of memory")), ["b"], "{variant:?}");
        assert!(values(&stream.acked(ALL)).contains(&("b", "2")));
    }
}

#[test]
fn nobody_is_blamed_where_it_is_not_clear() {
    for variant in [Variant::Sotw, Variant::Delta] {
        let mut stream = Stream::with_two_changes(variant, Kind::LISTENER);
        assert_eq!(stream.refuse(&lds(), ALL, "bad"), []);
        stream.assert_silent();
    }
}

#[test]
fn several_are_named_or_come_to_light_one_after_the_other() {
    let mut stream = Stream::with_two_changes(Variant::Sotw, Kind::LISTENER);
    assert_eq!(names_of(&stream.refuse(&lds(), ALL, "a: bad\nb: bad")), ["a", "b"]);
    assert_eq!(values(&stream.acked(ALL)), [("a", "1"), ("b", "1")]);

    let mut stream = Stream::with_two_changes(Variant::Sotw, Kind::LISTENER);
    stream.refuse(&lds(), ALL, "a: bad");
    assert_eq!(values(&stream.reply()), [("a", "1"), ("b", "2")]);
    assert_eq!(names_of(&stream.refuse(&lds(), ALL, "b: bad")), ["b"]);
    assert_eq!(values(&stream.reply()), [("a", "1"), ("b", "1")]);
    assert_eq!(
        stream.refuse(&lds(), ALL, "a: bad"),
        [],
        "a client that refuses what it took is not answered for ever"
    );
    stream.assert_silent();
}

/// What a client took on an older stream is not known: leaving it out would take it away.
#[test]
fn nothing_is_pinned_of_which_the_last_good_is_not_known() {
    let mut stream = Stream::sotw();
    stream.put(Kind::LISTENER, &["a", "b"], "1");
    let version_info = "of another stream".to_owned();
    stream.ask_with(&lds(), ALL, DiscoveryRequest { version_info, ..Default::default() });
    stream.reply();
    assert_eq!(stream.refuse(&lds(), ALL, "a: bad"), []);
    stream.assert_silent();
}

#[test]
fn pin_holds_on_other_streams_of_the_sink() {
    let mut stream = Stream::with_two_changes(Variant::Sotw, Kind::LISTENER);
    let pins = stream.refuse(&lds(), ALL, "a: bad");
    for variant in [Variant::Sotw, Variant::Delta] {
        let catalog = stream.session.shown.catalog.clone();
        let session = ServerSession::new(variant, "server-1".into(), catalog, View::everything());
        let mut other = Stream {
            variant,
            session,
            world: TinyWorld::default(),
            nonces: BTreeMap::new(),
            now: stream.now,
        };
        match variant {
            Variant::Sotw => drop(other.ask(&lds(), ALL)),
            Variant::Delta => drop(other.subscribe(&lds(), ALL, ALL)),
        }
        other.session.on_pins(&pins);
        assert_eq!(values(&other.acked(ALL)), [("a", "1"), ("b", "2")]);
    }
}

/// Two clients may call themselves the same.
#[test]
fn pin_of_another_stream_takes_nothing_away_that_is_in_use() {
    let mut stream = Stream::sotw();
    stream.put(Kind::LISTENER, &["a", "b"], "1");
    stream.ask(&lds(), ALL);
    stream.acked(ALL);
    let pin = |stream: &Stream| Pin {
        kind: Kind::LISTENER,
        name: "a".into(),
        refused: crate::version::ResourceVersion::new(stream.version_of(Kind::LISTENER, "a")),
        revision: stream.session.shown.catalog.revision(),
        good: None,
    };
    stream.session.on_pins([&pin(&stream)]);
    stream.assert_silent();
    stream.put(Kind::LISTENER, &["a", "b"], "2");
    stream.session.on_pins([&pin(&stream)]);
    assert_eq!(values(&stream.acked(ALL)), [("a", "1"), ("b", "2")]);
}

/// A stream that is behind is told of a pin of a state that it has not seen yet.
#[test]
fn pin_of_a_newer_state_waits_for_it() {
    let mut stream = Stream::sotw();
    stream.put(Kind::LISTENER, &["a"], "1");
    stream.ask(&lds(), ALL);
    stream.acked(ALL);
    let newer =
        stream.world.commit(&[(key(Kind::LISTENER, "a"), Some(resource(key(Kind::LISTENER, "a"), "2")))]);
    let refused = newer.get(Kind::LISTENER, &View::everything(), "a").unwrap().version;
    let good: Option<Entry> = stream.session.shown.catalog.get(Kind::LISTENER, &View::everything(), "a");
    let pin = Pin { kind: Kind::LISTENER, name: "a".into(), refused, revision: newer.revision(), good };
    stream.session.on_pins([&pin]);
    assert_eq!(stream.session.pins(), &Pins::default());
    stream.session.on_catalog(newer);
    assert_eq!(stream.session.pins(), &Pins::from_iter([pin]));
    stream.assert_silent();
    assert!(stream.session.take_ended_pins().is_empty());
}

/// rule 51
#[test]
fn client_that_resumes_with_what_it_refused_holds_it() {
    let mut stream = Stream::with_two_changes(Variant::Delta, Kind::LISTENER);
    let pins = stream.refuse(&lds(), ALL, "a: bad");
    let refused = stream.version_of(Kind::LISTENER, "a");
    let b = stream.version_of(Kind::LISTENER, "b");
    let catalog = stream.session.shown.catalog.clone();
    let session = ServerSession::new(Variant::Delta, "server-1".into(), catalog, View::everything());
    let mut again = Stream { session, nonces: BTreeMap::new(), ..stream };
    again.resume(&lds(), ALL, &[("a", &refused), ("b", &b)]);
    again.session.on_pins(&pins);
    assert_eq!(again.session.take_ended_pins(), [pins[0].id()]);
    assert!(again.reply().is_empty());
}

/// What leaves the view leaves the client, and no pin keeps it.
#[test]
fn pin_ends_where_the_view_does_not_show_its_resource() {
    for variant in [Variant::Sotw, Variant::Delta] {
        let mut stream = Stream::with_two_changes(variant, Kind::VIRTUAL_SERVICE);
        let pins = stream.refuse(&vs(), ALL, "a/a: bad");
        stream.acked(ALL);
        stream.session.on_view(View::of_namespaces(["b"]));
        assert_eq!(stream.session.take_ended_pins(), [pins[0].id()]);
        let mut next = stream.acked(ALL);
        next.removed.sort_unstable();
        assert_eq!(next.names(), [""; 0]);
        assert!(variant == Variant::Sotw || next.removed == ["a/a", "a/b"]);
    }
}

#[test]
fn resource_that_is_asked_for_by_name_is_pinned_too() {
    for variant in [Variant::Sotw, Variant::Delta] {
        let mut stream = Stream::new(variant);
        stream.put(Kind::ROUTES, &["a", "b", "c"], "1");
        match variant {
            Variant::Sotw => drop(stream.ask(&rds(), &["a", "b"])),
            Variant::Delta => drop(stream.subscribe(&rds(), &["a", "b"], ALL)),
        }
        stream.acked(&["a", "b"]);
        stream.put(Kind::ROUTES, &["a", "b"], "2");
        stream.reply();
        assert_eq!(names_of(&stream.refuse(&rds(), &["a", "b"], "route `a`: no cluster")), ["a"]);
        assert_eq!(values(&stream.acked(&["a", "b"])), [("a", "1"), ("b", "2")], "{variant:?}");
        match variant {
            Variant::Sotw => drop(stream.ask(&rds(), &["a", "b", "c"])),
            Variant::Delta => drop(stream.subscribe(&rds(), &["c"], ALL)),
        }
        stream.reply();
        let pins = stream.refuse(&rds(), &["a", "b", "c"], "bad");
        assert_eq!((names_of(&pins), &pins[0].good), (vec!["c"], &None), "it was never taken");
    }
}
