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
    before_a_move_in(TinyWorld::with_history(100), variant)
}

fn before_a_move_in(world: TinyWorld, variant: Variant) -> Stream {
    let mut stream = Stream::of_world(world, variant, View::everything());
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

/// A push that waits for others, and a removal that does, are left to be said.
#[test]
fn nothing_is_left_to_be_said_once_the_last_removal_went() {
    for variant in [Variant::Sotw, Variant::Delta] {
        let mut stream = before_a_move(variant);
        let before = stream.session.told().expect("it was told everything");
        stream.push(&MOVE);
        assert_eq!(stream.reply().url, cds());
        stream.assert_silent();
        assert_eq!(stream.session.told(), None, "listeners wait for the ACK of clusters");
        stream.ack(&cds(), &[]);
        assert_eq!(stream.reply().url, lds());
        stream.assert_silent();
        assert_eq!(stream.session.told(), None, "the removal waits for the ACK of listeners");
        stream.ack(&lds(), &[]);
        assert_eq!(stream.reply().url, cds());
        stream.assert_silent();
        assert!(stream.session.told() > Some(before), "what was sent last need not be answered");
    }
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

/// rule 79: a name that came back and went again, neither of which was said, is still held.
#[test]
fn removal_is_not_forgotten_over_a_return_that_was_never_said() {
    let mut stream = before_a_move(Variant::Delta);
    stream.push(&MOVE);
    assert_eq!(stream.reply().url, cds());
    stream.assert_silent();
    stream.push(&[(Kind::CLUSTER, "old", Some("1")), (Kind::CLUSTER, "other", Some("1"))]);
    stream.assert_silent();
    stream.push(&[(Kind::CLUSTER, "old", None), (Kind::CLUSTER, "other", None)]);
    stream.assert_silent();
    stream.ack(&cds(), &[]);
    assert_eq!(stream.said().0, lds());
    assert_eq!(stream.said(), (cds(), vec![], texts(&["old"])));
}

/// rule 79: a referrer that is gone and still held may be older than the state before it went, and so refer to more.
#[test]
fn referrer_that_is_left_refers_to_what_it_was_sent_with() {
    for variant in [Variant::Sotw, Variant::Delta] {
        let mut stream = before_a_move(variant);
        stream.push(&MOVE);
        assert_eq!(stream.reply().url, cds());
        stream.assert_silent();
        stream.push(&[(Kind::CLUSTER, "new", None), (Kind::LISTENER, "x", None)]);
        stream.assert_silent();
        stream.ack(&cds(), &[]);
        assert_eq!(stream.reply().url, lds(), "{variant:?}");
        stream.assert_silent();
        stream.ack(&lds(), &[]);
        assert_eq!(stream.acked(&[]).url, cds());
        stream.assert_silent();
    }
}

/// rules 79, 80: a plan that newer states replaced was not sent.
#[test]
fn what_was_planned_and_never_sent_is_not_reached() {
    for variant in [Variant::Sotw, Variant::Delta] {
        let mut stream = before_a_move(variant);
        stream.push(&MOVE);
        assert_eq!(stream.reply().url, cds());
        stream.assert_silent();
        stream.put(Kind::VIRTUAL_SERVICE, &["unrelated"], "1");
        stream.put(Kind::VIRTUAL_SERVICE, &["unrelated"], "2");
        stream.ack(&cds(), &[]);
        assert_eq!(stream.reply().url, lds(), "{variant:?}");
        stream.assert_silent();
    }
}

/// rule 79: another view that shows a set just as it was sent takes nothing away from it.
#[test]
fn set_that_another_view_shows_unchanged_is_remembered() {
    for variant in [Variant::Sotw, Variant::Delta] {
        let mut stream = before_a_move(variant);
        stream.session.on_view(View::of_namespaces(["a"]));
        stream.assert_silent();
        stream.push(&MOVE);
        assert_eq!(stream.acked(&[]).removed, [""; 0]);
        assert_eq!(stream.acked(&[]).url, lds(), "{variant:?}");
        assert_eq!(stream.acked(&[]).url, cds());
    }
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
        let put = |stream: &mut Stream, clusters: &[(&str, &str)], timeout| {
            let edit = |&(name, service): &(&str, &str)| {
                (key(Kind::CLUSTER, name), Some(eds_cluster(name, service, timeout)))
            };
            let edits: Vec<_> = clusters.iter().map(edit).collect();
            stream.session.on_catalog(stream.world.commit(&edits));
        };
        put(&mut stream, &[("x", ""), ("y", "service"), ("z", "")], 1);
        stream.put(Kind::ENDPOINTS, &["x", "service", "z"], "1");
        stream.follow(&[Kind::CLUSTER]);
        let names = ["service", "x", "z"];
        match variant {
            Variant::Sotw => stream.ask(&eds(), &names),
            Variant::Delta => stream.subscribe(&eds(), &names, &[]),
        };
        assert_eq!(stream.acked(&names).names(), names);
        put(&mut stream, &[("x", ""), ("y", "service")], 2);
        assert_eq!(stream.reply().url, cds());
        let reply = stream.reply();
        assert_eq!((reply.url.clone(), reply.names()), (eds(), vec!["service", "x"]));
        stream.ack(&cds(), &[]);
        stream.ack(&eds(), &names);
        stream.assert_silent();
    }
}

fn listener_of_routes(name: &str, route: &str) -> Resource {
    use crate::kind::TYPE_URL_PREFIX;
    // Field 3 of the listener, the chain and the connection manager, field 4 of the filter, field 2 of the route's source.
    let nested = |tag: u32, bytes: Vec<u8>| {
        let mut field = Vec::new();
        prost::encoding::bytes::encode(tag, &bytes, &mut field);
        field
    };
    let manager = Any {
        type_url: format!(
            "{TYPE_URL_PREFIX}envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
        ),
        value: nested(3, nested(2, route.into())).into(),
    };
    let filter = nested(4, manager.encode_to_vec());
    let mut body = nested(1, name.into());
    body.extend(nested(3, nested(3, filter)));
    Resource {
        body: Any {
            type_url: format!("{TYPE_URL_PREFIX}{}", Kind::LISTENER.info().message),
            value: body.into(),
        },
        ..resource(key(Kind::LISTENER, name), "")
    }
}

/// rule 81
#[test]
fn changed_listener_brings_its_routes_along() {
    for variant in [Variant::Sotw, Variant::Delta] {
        let mut stream = Stream::new(variant);
        stream.put(Kind::ROUTES, &["r", "other"], "1");
        stream.follow(&[Kind::LISTENER]);
        let names = ["other", "r"];
        match variant {
            Variant::Sotw => stream.ask(&rds(), &names),
            Variant::Delta => stream.subscribe(&rds(), &names, &[]),
        };
        assert_eq!(stream.acked(&names).names(), names);
        let edit = (key(Kind::LISTENER, "x"), Some(listener_of_routes("x", "r")));
        stream.session.on_catalog(stream.world.commit(&[edit]));
        assert_eq!(stream.reply().url, lds());
        let reply = stream.reply();
        assert_eq!((reply.url.clone(), reply.names()), (rds(), vec!["r"]), "{variant:?}");
    }
}

/// rule 82: SotW can't say that there are no endpoints, so it says that they are none; delta says that they are gone.
#[test]
fn cluster_without_endpoints_does_not_wait_for_them() {
    for variant in [Variant::Sotw, Variant::Delta] {
        let mut stream = Stream::new(variant);
        match variant {
            Variant::Sotw => {
                stream.ask(&eds(), &["service"]);
                let reply = stream.acked(&["service"]);
                assert_eq!(reply.resources, [("service".into(), "".into())]);
            }
            Variant::Delta => {
                stream.subscribe(&eds(), &["service"], &[]);
                assert_eq!(stream.acked(&[]).removed, ["service"]);
            }
        }
        stream.assert_silent();
        stream.put(Kind::ENDPOINTS, &["service"], "1");
        assert_eq!(stream.acked(&["service"]).resources, [("service".into(), "1".into())]);
        stream.assert_silent();
    }
}

/// rules 77, 83: what is asked for is answered at once, but takes along no change that refers to what is on its way.
#[test]
fn answer_takes_along_no_change_that_has_to_wait() {
    for variant in [Variant::Sotw, Variant::Delta] {
        let mut stream = Stream::new(variant);
        stream.put(Kind::ROUTES, &["r", "other"], "to old");
        stream.follow(&[Kind::CLUSTER]);
        match variant {
            Variant::Sotw => stream.ask(&rds(), &["r"]),
            Variant::Delta => stream.subscribe(&rds(), &["r"], &[]),
        };
        assert_eq!(stream.acked(&["r"]).names(), ["r"]);
        stream.push(&[(Kind::CLUSTER, "new", Some("1")), (Kind::ROUTES, "r", Some("to new"))]);
        assert_eq!(stream.reply().url, cds());
        match variant {
            Variant::Sotw => stream.ask(&rds(), &["r", "other"]),
            Variant::Delta => stream.subscribe(&rds(), &["other"], &[]),
        };
        assert_eq!(stream.reply().names(), ["other"], "{variant:?}");
        stream.assert_silent();
        stream.ack(&rds(), &["r", "other"]);
        stream.assert_silent();
        stream.ack(&cds(), &[]);
        assert_eq!(stream.acked(&["r", "other"]).names(), ["r"], "{variant:?}");
        stream.assert_silent();
    }
}

/// rule 79: a complete set that is older than history is forgotten, and nothing is left of it.
#[test]
fn nothing_is_left_of_a_set_that_nobody_remembers() {
    let mut stream = before_a_move_in(TinyWorld::with_history(2), Variant::Sotw);
    stream.push(&MOVE);
    stream.put(Kind::VIRTUAL_SERVICE, &["unrelated"], "1");
    stream.put(Kind::VIRTUAL_SERVICE, &["unrelated"], "2");
    assert_eq!(stream.said(), (cds(), texts(&["new"]), vec![]));
}

/// rule 79: endpoints go after the cluster that names them, not only after the routes.
#[test]
fn removed_endpoints_wait_for_their_cluster() {
    let mut stream = Stream::delta();
    let old = [(Kind::CLUSTER, "old"), (Kind::ENDPOINTS, "old"), (Kind::LISTENER, "x")];
    stream.push(&old.map(|(kind, name)| (kind, name, Some("1"))));
    stream.follow(&[Kind::CLUSTER, Kind::ENDPOINTS, Kind::LISTENER]);
    stream.push(&old.map(|(kind, name)| (kind, name, None)));
    for url in [lds(), cds(), eds()] {
        assert_eq!(stream.reply().url, url);
        stream.assert_silent();
        stream.ack(&url, &[]);
    }
    stream.assert_silent();
}

/// rule 84: a removal waits for nobody who does not answer.
#[test]
fn removal_does_not_wait_for_mesh_config() {
    let mut stream = Stream::sotw();
    stream.push(&[(Kind::SERVICE_ENTRY, "old", Some("1")), (Kind::VIRTUAL_SERVICE, "x", Some("to old"))]);
    stream.follow(&[Kind::SERVICE_ENTRY, Kind::VIRTUAL_SERVICE]);
    stream.ask(&Kind::MESH_CONFIG.type_url(), &[]);
    assert!(stream.reply().is_empty(), "never ACKed");
    stream.push(&[(Kind::SERVICE_ENTRY, "old", None), (Kind::VIRTUAL_SERVICE, "x", None)]);
    assert_eq!(stream.said().0, vs());
    assert_eq!(stream.said(), (Kind::SERVICE_ENTRY.type_url(), vec![], vec![]));
}
