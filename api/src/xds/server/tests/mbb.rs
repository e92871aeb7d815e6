//! Make before break: what goes, and in which order, when one push adds, moves and removes; and warming.

use prost::Message;

use super::*;
use crate::{
    limits::{ORDER_GRACE, REMOVAL_GRACE},
    resource::Resource,
};

type Change<'a> = (Kind, &'a str, Option<&'a str>);

impl Stream {
    /// One push that changes several kinds.
    fn push(&mut self, changes: &[Change<'_>]) {
        let edits: Vec<_> = changes
            .iter()
            .map(|&(kind, name, value)| {
                (key(kind, name), value.map(|value| resource(key(kind, name), value)))
            })
            .collect();
        self.session.on_catalog(self.world.commit(&edits));
    }

    /// Subscribes to everything of these types, and ACKs the first answers.
    fn follow(&mut self, kinds: &[Kind]) {
        for kind in kinds {
            match self.variant {
                Variant::Sotw => self.ask(&kind.type_url(), &[]),
                Variant::Delta => self.subscribe(&kind.type_url(), &["*"], &[]),
            };
            self.acked(&[]);
        }
        self.assert_silent();
    }

    /// What the next answer holds and removes, ACKed.
    fn said(&mut self) -> (String, Vec<String>, Vec<String>) {
        let reply = self.acked(&[]);
        (reply.url.clone(), texts(&reply.names()), reply.removed)
    }
}

const MOVE: [Change<'_>; 3] =
    [(Kind::CLUSTER, "old", None), (Kind::CLUSTER, "new", Some("1")), (Kind::LISTENER, "x", Some("to new"))];

fn before_a_move(variant: Variant) -> Stream {
    let mut stream = Stream::new(variant);
    stream.push(&[(Kind::CLUSTER, "old", Some("1")), (Kind::LISTENER, "x", Some("to old"))]);
    stream.follow(&[Kind::CLUSTER, Kind::LISTENER]);
    stream
}

/// rules 77, 79
#[test]
fn removal_comes_after_the_referrer_let_go() {
    let mut stream = before_a_move(Variant::Sotw);
    stream.push(&MOVE);
    assert_eq!(stream.said(), (cds(), texts(&["new", "old"]), vec![]), "the old set beside the new one");
    assert_eq!(stream.reply().url, lds());
    stream.assert_silent();
    stream.ack(&lds(), &[]);
    assert_eq!(stream.said(), (cds(), texts(&["new"]), vec![]));
    stream.assert_silent();

    let mut stream = before_a_move(Variant::Delta);
    stream.push(&MOVE);
    assert_eq!(stream.said(), (cds(), texts(&["new"]), vec![]));
    assert_eq!(stream.reply().url, lds());
    stream.assert_silent();
    stream.ack(&lds(), &[]);
    assert_eq!(stream.said(), (cds(), vec![], texts(&["old"])));
    stream.assert_silent();
}

/// rule 18: a set with what is left in it is another one than the set without.
#[test]
fn version_of_a_set_is_of_what_is_left_in_it_too() {
    let mut stream = before_a_move(Variant::Sotw);
    stream.push(&MOVE);
    let with = stream.acked(&[]).version;
    assert_eq!(stream.acked(&[]).url, lds());
    assert_ne!(stream.acked(&[]).version, with);
}

/// rules 77, 81: a route is of no use before the client asked for the endpoints of a new cluster.
#[test]
fn referrer_waits_for_the_ack_of_what_it_refers_to() {
    for variant in [Variant::Sotw, Variant::Delta] {
        let mut stream = before_a_move(variant);
        stream.push(&MOVE);
        assert_eq!(stream.reply().url, cds());
        stream.assert_silent();
        stream.wait(ORDER_GRACE);
        assert_eq!(stream.reply().url, lds(), "late is better than never");
    }
}

/// rule 79: nothing is waited for that has no news, and removals go the other way round.
#[test]
fn removals_go_from_the_referrer_down() {
    let mut stream = before_a_move(Variant::Delta);
    stream.push(&[(Kind::CLUSTER, "old", None)]);
    assert_eq!(stream.said(), (cds(), vec![], texts(&["old"])), "no other type changed");
    stream.push(&[(Kind::CLUSTER, "old", Some("1"))]);
    assert_eq!(stream.said().0, cds());
    stream.push(&[(Kind::CLUSTER, "old", None), (Kind::LISTENER, "x", None)]);
    assert_eq!(stream.said(), (lds(), vec![], texts(&["x"])));
    assert_eq!(stream.said(), (cds(), vec![], texts(&["old"])));
}

/// rule 79: a client that refuses the referrer still uses the old one, so its targets stay, but not for ever.
#[test]
fn refused_referrer_delays_the_removal_until_it_is_corrected_or_the_grace_time_is_over() {
    for corrects in [true, false] {
        let mut stream = before_a_move(Variant::Delta);
        stream.push(&MOVE);
        assert_eq!(stream.said().0, cds());
        assert_eq!(stream.reply().url, lds());
        stream.nack(&lds(), &[]);
        stream.assert_silent();
        if corrects {
            stream.push(&[(Kind::LISTENER, "x", Some("to new, corrected"))]);
            assert_eq!(stream.said().0, lds());
        } else {
            stream.now = stream.session.next_deadline().expect("an end to the wait");
            assert_eq!(stream.now, Uptime::default().after(REMOVAL_GRACE));
        }
        assert_eq!(stream.said(), (cds(), vec![], texts(&["old"])));
    }
}

/// rule 80: what comes back in time was never gone, and what goes later waits for later states.
#[test]
fn newer_state_while_a_removal_waits_is_followed() {
    let mut stream = before_a_move(Variant::Delta);
    stream.push(&MOVE);
    assert_eq!(stream.said().0, cds());
    assert_eq!(stream.reply().url, lds());
    stream.push(&[
        (Kind::CLUSTER, "old", Some("1")),
        (Kind::CLUSTER, "new", None),
        (Kind::LISTENER, "x", Some("to old")),
    ]);
    stream.assert_silent();
    stream.ack(&lds(), &[]);
    assert_eq!(stream.said(), (lds(), texts(&["x"]), vec![]), "the old cluster is still held");
    assert_eq!(stream.said(), (cds(), vec![], texts(&["new"])));
    stream.assert_silent();
}

/// rule 79: nobody keeps what it may not see for the sake of a smooth change.
#[test]
fn what_the_view_no_longer_shows_goes_at_once() {
    for variant in [Variant::Sotw, Variant::Delta] {
        let mut stream = Stream::new(variant);
        stream.put(Kind::CLUSTER, &["a/x", "b/hidden", "a/gone"], "1");
        stream.put(Kind::LISTENER, &["a/x", "b/hidden"], "1");
        stream.follow(&[Kind::CLUSTER, Kind::LISTENER]);
        stream.push(&[(Kind::CLUSTER, "a/gone", None), (Kind::LISTENER, "a/x", Some("2"))]);
        stream.session.on_view(View::of_namespaces(["a"]));
        let reply = stream.acked(&[]);
        assert_eq!(reply.url, cds());
        match variant {
            Variant::Sotw => assert_eq!(reply.names(), ["x"]),
            Variant::Delta => assert_eq!(reply.removed, ["gone", "hidden"]),
        }
    }
}

/// A body that takes its endpoints by this name.
fn eds_cluster(name: &str, service_name: &str, timeout: u32) -> Resource {
    use crate::kind::TYPE_URL_PREFIX;
    #[derive(Clone, PartialEq, Message)]
    struct Config {
        #[prost(string, tag = "2")]
        service_name: String,
    }
    #[derive(Clone, PartialEq, Message)]
    struct Cluster {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(int32, tag = "2")]
        discovery_type: i32,
        #[prost(message, optional, tag = "3")]
        eds_cluster_config: Option<Config>,
        #[prost(uint32, tag = "5")]
        timeout: u32,
    }
    let config = Config { service_name: service_name.into() };
    let cluster = Cluster { name: name.into(), discovery_type: 3, eds_cluster_config: Some(config), timeout };
    Resource {
        body: Any {
            type_url: format!("{TYPE_URL_PREFIX}{}", Kind::CLUSTER.info().message),
            value: cluster.encode_to_vec().into(),
        },
        ..resource(key(Kind::CLUSTER, name), "")
    }
}

/// rule 81
#[test]
fn changed_cluster_brings_its_endpoints_along() {
    for variant in [Variant::Sotw, Variant::Delta] {
        let mut stream = Stream::new(variant);
        let put = |stream: &mut Stream, name, service, timeout| {
            let edit = (key(Kind::CLUSTER, name), Some(eds_cluster(name, service, timeout)));
            stream.session.on_catalog(stream.world.commit(&[edit]));
        };
        put(&mut stream, "x", "", 1);
        put(&mut stream, "y", "service", 1);
        put(&mut stream, "z", "", 1);
        stream.put(Kind::ENDPOINTS, &["x", "service", "z"], "1");
        stream.follow(&[Kind::CLUSTER]);
        let names = ["service", "x", "z"];
        match variant {
            Variant::Sotw => stream.ask(&eds(), &names),
            Variant::Delta => stream.subscribe(&eds(), &names, &[]),
        };
        assert_eq!(stream.acked(&names).names(), names);
        put(&mut stream, "x", "", 2);
        put(&mut stream, "y", "service", 2);
        assert_eq!(stream.reply().url, cds());
        let reply = stream.reply();
        assert_eq!((reply.url.clone(), reply.names()), (eds(), vec!["service", "x"]));
        stream.ack(&cds(), &[]);
        stream.ack(&eds(), &names);
        stream.assert_silent();
    }
}

/// rule 82: SotW can't say that there are no endpoints, so it says that they are none; delta says that it is gone.
#[test]
fn cluster_without_endpoints_does_not_wait_for_them() {
    for variant in [Variant::Sotw, Variant::Delta] {
        let mut stream = Stream::new(variant);
        let cluster = (key(Kind::CLUSTER, "x"), Some(eds_cluster("x", "service", 1)));
        stream.session.on_catalog(stream.world.commit(&[cluster]));
        stream.follow(&[Kind::CLUSTER]);
        let names = ["nobody's", "service"];
        match variant {
            Variant::Sotw => {
                stream.ask(&eds(), &names);
                let reply = stream.acked(&names);
                assert_eq!(reply.resources, [("service".into(), "".into())]);
            }
            Variant::Delta => {
                stream.subscribe(&eds(), &names, &[]);
                assert_eq!(stream.acked(&names).removed, names);
            }
        }
        stream.assert_silent();
        stream.put(Kind::ENDPOINTS, &["service"], "1");
        assert_eq!(stream.acked(&names).resources, [("service".into(), "1".into())]);
        stream.assert_silent();
    }
}
