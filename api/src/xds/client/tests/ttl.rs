//! Times to live: both halves against each other, with a clock that is turned by hand.

use super::*;
use crate::{
    lease::XDS_TTL,
    view::View,
    wire::{decode_frame, google::protobuf::Duration as ProtoDuration},
    xds::{
        server::ServerSession,
        testing::{TinyCatalog, TinyWorld, World as _},
    },
};

const X: &str = "x";
const Y: &str = "y";

/// A client that understands times to live, a server, and nothing between them.
struct Pair {
    variant: Variant,
    kind: Kind,
    world: TinyWorld,
    server: ServerSession<TinyCatalog>,
    client: ClientSession,
    now: Uptime,
    /// What was to be applied so far: changed and removed.
    applied: Vec<(Vec<String>, Vec<String>)>,
}

/// Both variants, a kind that is sent whole and one that is not.
fn pairs() -> impl Iterator<Item = Pair> {
    let kinds = [Kind::CLUSTER, Kind::ENDPOINTS].into_iter();
    kinds.flat_map(|kind| [Variant::Sotw, Variant::Delta].map(|variant| Pair::new(variant, kind)))
}

fn edit(kind: Kind, name: &str, (value, ttl): (&str, &str)) -> (Key, Option<crate::resource::Resource>) {
    let mut resource = resource(Key::new(kind, "a", name), value);
    resource.annotations.insert(XDS_TTL.to_owned(), ttl.to_owned());
    (resource.key.clone(), Some(resource))
}

impl Pair {
    /// `x` lives for 30 s, `y` for ever.
    fn new(variant: Variant, kind: Kind) -> Self {
        let mut world = TinyWorld::default();
        world.commit(&[edit(kind, X, ("1", "30s")), edit(kind, Y, ("1", "never"))]);
        let features = TTL_FEATURES.map(ToOwned::to_owned).to_vec();
        let node = Node { id: "me".into(), client_features: features, ..Node::default() };
        let wanted = if kind == Kind::CLUSTER { Wanted::Everything } else { names(&[X, Y]) };
        let mut pair = Self {
            variant,
            kind,
            server: ServerSession::new(variant, "test".into(), world.commit(&[]), View::everything()),
            world,
            client: ClientSession::new(variant, node, vec![(kind.type_url().into(), wanted)]),
            now: Uptime::default(),
            applied: Vec::new(),
        };
        pair.connect();
        assert_eq!(pair.held(), [X, Y]);
        pair
    }

    fn connect(&mut self) {
        let catalog = self.world.commit(&[]);
        self.server = ServerSession::new(self.variant, "test".into(), catalog, View::everything());
        for request in self.client.on_connected() {
            self.server.on_request(request, self.now).unwrap();
        }
        assert!(self.exchange());
    }

    fn put(&mut self, value: &str, ttl: &str) {
        self.server.on_catalog(self.world.commit(&[edit(self.kind, X, (value, ttl))]));
    }

    /// The next thing that the server says, read.
    fn next(&mut self) -> Option<Step> {
        let push = self.server.render(self.now)?;
        let response = match self.variant {
            Variant::Sotw => Response::Sotw(decode_frame(&push.frame).unwrap()),
            Variant::Delta => Response::Delta(decode_frame(&push.frame).unwrap()),
        };
        Some(self.client.on_response(response, self.now))
    }

    /// Everything that is to be said is, and is accepted. False where another stream is needed.
    fn exchange(&mut self) -> bool {
        while let Some(step) = self.next() {
            let answer = match step {
                Step::Answer(answer) => answer,
                Step::Apply(update) => {
                    self.note(&update);
                    self.client.accept(&update, self.now)
                }
                Step::Reopen => return false,
                other => panic!("{other:?}"),
            };
            self.server.on_request(answer, self.now).unwrap();
        }
        true
    }

    fn note(&mut self, update: &Update) {
        let changed: Vec<_> = update.changed.iter().map(|one| one.name.to_string()).collect();
        let removed: Vec<_> = update.removed.iter().map(ToString::to_string).collect();
        if !(changed.is_empty() && removed.is_empty()) {
            self.applied.push((changed, removed));
        }
    }

    /// Time passes, second by second, in which the server is heard or not.
    fn pass(&mut self, seconds: u64, is_heard: bool) {
        for _ in 0..seconds {
            self.now = self.now.after(Duration::from_secs(1));
            assert!(!is_heard || self.exchange());
            for update in self.client.end(self.now) {
                self.note(&update);
                self.client.ended(&update);
            }
        }
    }

    fn held(&self) -> Vec<String> {
        held(&self.client, self.kind)
    }
}

fn removal(name: &str) -> (Vec<String>, Vec<String>) {
    (vec![], vec![name.to_owned()])
}

fn change(name: &str) -> (Vec<String>, Vec<String>) {
    (vec![name.to_owned()], vec![])
}

/// rules 73, 75
#[test]
fn heartbeats_keep_what_has_a_time_to_live_and_nothing_is_applied_for_them() {
    for mut pair in pairs() {
        let before = pair.applied.clone();
        pair.pass(300, true);
        assert_eq!((pair.held(), pair.applied), (vec![X.to_owned(), Y.to_owned()], before));
    }
}

#[test]
fn what_has_a_time_to_live_is_removed_once_the_server_was_silent_for_so_long() {
    for is_connected in [true, false] {
        for mut pair in pairs() {
            if !is_connected {
                pair.client.on_disconnected();
            }
            pair.pass(29, false);
            assert_eq!(pair.held(), [X, Y]);
            assert_eq!(pair.client.next_end(), Some(Uptime(Duration::from_secs(30))));
            pair.pass(1, false);
            assert_eq!((pair.held(), pair.applied.last()), (vec![Y.to_owned()], Some(&removal(X))));
            assert_eq!(pair.client.next_end(), None);
            // rule 76
            pair.connect();
            assert_eq!(
                (pair.held(), pair.applied.last()),
                (vec![X.to_owned(), Y.to_owned()], Some(&change(X)))
            );
        }
    }
}

/// A server that was silent on an open stream goes on taking for held what it sent.
#[test]
fn what_ended_is_had_again_where_the_server_goes_on_to_keep_it_alive() {
    for mut pair in pairs() {
        pair.pass(31, false);
        assert_eq!(pair.held(), [Y]);
        if !pair.exchange() {
            assert_eq!(pair.variant, Variant::Delta, "a SotW answer brings it whole");
            pair.connect();
        }
        assert_eq!(pair.held(), [X, Y]);
        pair.pass(100, true);
        assert_eq!(pair.held(), [X, Y]);
    }
}

/// rule 72
#[test]
fn time_to_live_follows_the_resource() {
    for mut pair in pairs() {
        pair.put("2", "2m");
        assert!(pair.exchange());
        pair.pass(119, false);
        assert_eq!(pair.held(), [X, Y]);
        assert!(pair.exchange());
        pair.put("3", "never");
        assert!(pair.exchange());
        pair.pass(1000, false);
        assert_eq!(pair.held(), [X, Y], "it has none any more");
    }
}

/// What was last good stays: no heartbeat is sent for what was refused.
#[test]
fn refusal_stops_the_clock_of_what_is_held() {
    for mut pair in pairs() {
        pair.put("2", "30s");
        let Some(Step::Apply(update)) = pair.next() else { panic!("an update") };
        pair.client.reject(&update, "bad");
        pair.pass(1000, false);
        assert_eq!(pair.held(), [X, Y]);
    }
}

#[test]
fn what_could_not_be_removed_ends_again_a_term_later() {
    for mut pair in pairs() {
        let at = |seconds| Uptime(Duration::from_secs(seconds));
        assert_eq!(pair.client.end(at(30)).len(), 1);
        assert_eq!(pair.held(), [X, Y], "nobody said that it was removed");
        assert_eq!((pair.client.end(at(59)).len(), pair.client.end(at(60)).len()), (0, 1));
    }
}

/// rule 45, and what no time is
#[test]
fn malformed_times_to_live_are_refused() {
    let heartbeat = |ttl: Option<i64>| Resource {
        name: X.into(),
        ttl: ttl.map(|seconds| ProtoDuration { seconds, nanos: 0 }),
        ..Resource::default()
    };
    for resources in
        [vec![heartbeat(Some(-1))], vec![heartbeat(None)], vec![heartbeat(Some(1)), heartbeat(Some(1))]]
    {
        let mut client = client(Variant::Delta, &[(Kind::CLUSTER, Wanted::Everything)]);
        client.on_connected();
        let type_url = Kind::CLUSTER.type_url();
        let response = DeltaDiscoveryResponse { resources, type_url, ..Default::default() };
        assert!(matches!(client.on_response(Response::Delta(response), NOW), Step::Refuse(..)));
    }
}
