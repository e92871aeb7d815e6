//! Times to live, and what keeps resources alive that have one.

use prost::Message as _;

use super::*;
use crate::{
    lease::XDS_TTL,
    wire::{Resource, google::protobuf::Duration as ProtoDuration},
    xds::ttl::{SUPPORTS_TTL, SUPPORTS_WRAPPERS},
};

const TTL: Duration = Duration::from_secs(30);

/// A stream of a client that understands times to live.
fn alive(variant: Variant) -> Stream {
    let mut stream = Stream::new(variant);
    connect(&mut stream);
    stream
}

/// Says who it is by asking for a type that nobody serves.
fn connect(stream: &mut Stream) {
    let features = [SUPPORTS_TTL[0], SUPPORTS_WRAPPERS[0]].map(ToOwned::to_owned).to_vec();
    let node = Some(WireNode { id: "someone".into(), client_features: features, ..WireNode::default() });
    let type_url = "type.googleapis.com/unserved".to_owned();
    stream.send(match stream.variant {
        Variant::Sotw => Request::Sotw(DiscoveryRequest { node, type_url, ..Default::default() }),
        Variant::Delta => Request::Delta(DeltaDiscoveryRequest { node, type_url, ..Default::default() }),
    });
    while stream.next().is_some() {}
}

fn put_timed(stream: &mut Stream, kind: Kind, names: &[&str], (value, ttl): (&str, &str)) {
    let timed = |name: &&str| {
        let mut resource = resource(key(kind, name), value);
        resource.annotations.insert(XDS_TTL.to_owned(), ttl.to_owned());
        (resource.key.clone(), Some(resource))
    };
    let edits: Vec<_> = names.iter().map(timed).collect();
    stream.session.on_catalog(stream.world.commit(&edits));
}

fn raw(stream: &mut Stream) -> Option<(DeltaDiscoveryResponse, Sent)> {
    let push = stream.session.render(stream.now)?;
    let response: DeltaDiscoveryResponse = decode_frame(&push.frame).unwrap();
    stream.nonces.insert(response.type_url.clone(), response.nonce.clone());
    Some((response, push.sent))
}

fn raw_sotw(stream: &mut Stream) -> Option<DiscoveryResponse> {
    let push = stream.session.render(stream.now)?;
    let response: DiscoveryResponse = decode_frame(&push.frame).unwrap();
    stream.nonces.insert(response.type_url.clone(), response.nonce.clone());
    Some(response)
}

fn ttl_of(resource: &Resource) -> Option<i64> {
    resource.ttl.as_ref().map(|ttl| ttl.seconds)
}

fn to_next_deadline(stream: &mut Stream) -> Duration {
    let deadline = stream.session.next_deadline().expect("something is to be said");
    let time = deadline.since(stream.now);
    stream.now = deadline;
    time
}

/// rules 9, 72
#[test]
fn ttl_goes_to_clients_that_understand_it_and_follows_the_resource() {
    let mut stream = alive(Variant::Delta);
    put_timed(&mut stream, Kind::CLUSTER, &["x"], ("1", "30s"));
    stream.put(Kind::CLUSTER, &["y"], "1");
    stream.subscribe(&cds(), &[], &[]);
    let (response, _) = raw(&mut stream).unwrap();
    assert_eq!(response.resources.iter().map(ttl_of).collect::<Vec<_>>(), [Some(30), None]);
    stream.ack(&cds(), &[]);
    for (ttl, seconds) in [("1m", Some(60)), ("never", None)] {
        put_timed(&mut stream, Kind::CLUSTER, &["x"], ("1", ttl));
        let (response, _) = raw(&mut stream).unwrap();
        assert_eq!(response.resources.iter().map(ttl_of).collect::<Vec<_>>(), [seconds], "{ttl}");
        stream.ack(&cds(), &[]);
    }
    assert_eq!(stream.session.next_deadline(), None, "nothing is left to keep alive");

    let mut other = Stream::delta();
    put_timed(&mut other, Kind::CLUSTER, &["x"], ("1", "30s"));
    other.subscribe(&cds(), &[], &[]);
    let (response, _) = raw(&mut other).unwrap();
    assert_eq!(response.resources[0].ttl, None, "it did not say that it understands it");
    other.ack(&cds(), &[]);
    assert_eq!(other.session.next_deadline(), None);
}

/// rule 73
#[test]
fn heartbeat_names_what_is_held_in_time_and_says_nothing_else() {
    let mut stream = alive(Variant::Delta);
    put_timed(&mut stream, Kind::CLUSTER, &["x", "z"], ("1", "30s"));
    stream.put(Kind::CLUSTER, &["y"], "1");
    stream.subscribe(&cds(), &[], &[]);
    raw(&mut stream).unwrap();
    stream.ack(&cds(), &[]);
    let version = stream.version_of(Kind::CLUSTER, "x");
    for _ in 0..4 {
        assert!(to_next_deadline(&mut stream) <= TTL / 3);
        let (beat, sent) = raw(&mut stream).unwrap();
        let names: Vec<_> = beat.resources.iter().map(|resource| resource.name.as_str()).collect();
        assert_eq!((names, beat.removed_resources.len()), (vec!["x", "z"], 0), "together");
        let ttl = Some(ProtoDuration { seconds: 30, nanos: 0 });
        assert_eq!((&beat.resources[0].version, &beat.resources[0].ttl), (&version, &ttl));
        assert!(beat.resources.iter().all(|resource| resource.resource.is_none()));
        assert!(sent.is_heartbeat && sent.resources == 2);
        assert!(raw(&mut stream).is_none());
    }
}

/// rule 75
#[test]
fn answer_to_a_heartbeat_acknowledges_nothing_and_nobody_waits_for_it() {
    let mut stream = alive(Variant::Delta);
    put_timed(&mut stream, Kind::CLUSTER, &["x"], ("1", "30s"));
    stream.subscribe(&cds(), &[], &[]);
    raw(&mut stream).unwrap();
    stream.ack(&cds(), &[]);
    to_next_deadline(&mut stream);
    assert!(raw(&mut stream).unwrap().1.is_heartbeat);
    assert_eq!(stream.ack(&cds(), &[]), []);
    to_next_deadline(&mut stream);
    assert!(raw(&mut stream).unwrap().1.is_heartbeat);
    put_timed(&mut stream, Kind::CLUSTER, &["x"], ("2", "30s"));
    let (push, sent) = raw(&mut stream).expect("no ACK of a heartbeat is waited for");
    assert!(!sent.is_heartbeat && push.resources[0].resource.is_some());
    stream.ack(&cds(), &[]);
    // A refusal is told, and says nothing against the resource.
    to_next_deadline(&mut stream);
    raw(&mut stream).unwrap();
    assert!(matches!(stream.nack(&cds(), &[])[..], [Outcome::Nacked { .. }]));
    to_next_deadline(&mut stream);
    assert!(raw(&mut stream).unwrap().1.is_heartbeat);
}

/// rules 73, 75: what a client refused it may not have, and what it does not ask for it has not.
#[test]
fn heartbeat_is_silent_where_nothing_qualifies() {
    let mut stream = alive(Variant::Delta);
    put_timed(&mut stream, Kind::CLUSTER, &["x"], ("1", "30s"));
    stream.subscribe(&cds(), &[], &[]);
    raw(&mut stream).unwrap();
    stream.nack(&cds(), &[]);
    to_next_deadline(&mut stream);
    assert!(raw(&mut stream).is_none());

    put_timed(&mut stream, Kind::ENDPOINTS, &["a", "b"], ("1", "30s"));
    stream.subscribe(&eds(), &["a"], &[]);
    raw(&mut stream).unwrap();
    stream.ack(&eds(), &[]);
    to_next_deadline(&mut stream);
    let (beat, _) = raw(&mut stream).unwrap();
    assert_eq!(beat.resources.iter().map(|resource| &*resource.name).collect::<Vec<_>>(), ["a"]);
    stream.subscribe(&eds(), &[], &["a"]);
    stream.wait(TTL);
    assert!(raw(&mut stream).is_none());
}

/// rules 73, 92: since when a client that comes back has not heard of what it holds nobody knows.
#[test]
fn client_that_comes_back_is_told_at_once_to_go_on() {
    let mut stream = alive(Variant::Delta);
    put_timed(&mut stream, Kind::CLUSTER, &["x"], ("1", "30s"));
    let version = stream.version_of(Kind::CLUSTER, "x");
    let mut stream = stream.again();
    connect(&mut stream);
    stream.resume(&cds(), &["*"], &[("x", &version)]);
    let replies: Vec<_> = std::iter::from_fn(|| raw(&mut stream)).collect();
    assert_eq!(replies.iter().filter(|(_, sent)| sent.is_heartbeat).count(), 1, "{replies:?}");
}

/// rule 76: the client says so by not having it any more, or by asking again.
#[test]
fn what_expired_can_be_had_again() {
    let mut stream = alive(Variant::Delta);
    put_timed(&mut stream, Kind::ENDPOINTS, &["x"], ("1", "30s"));
    stream.subscribe(&eds(), &["x"], &[]);
    raw(&mut stream).unwrap();
    stream.ack(&eds(), &[]);
    stream.subscribe(&eds(), &["x"], &[]);
    let (again, _) = raw(&mut stream).unwrap();
    assert!(again.resources[0].resource.is_some());
    let mut stream = stream.again();
    connect(&mut stream);
    stream.resume(&eds(), &["x"], &[]);
    assert!(raw(&mut stream).unwrap().0.resources[0].resource.is_some());
}

/// rules 46, 74
#[test]
fn sotw_wraps_what_has_a_ttl_and_nothing_else() {
    for (kind, url) in [(Kind::CLUSTER, cds()), (Kind::ENDPOINTS, eds())] {
        let mut stream = alive(Variant::Sotw);
        put_timed(&mut stream, kind, &["x"], ("1", "30s"));
        stream.put(kind, &["y"], "1");
        stream.ask(&url, &["x", "y"]);
        let response = raw_sotw(&mut stream).unwrap();
        let wrapped = |any: &&Any| any.type_url.ends_with("envoy.service.discovery.v3.Resource");
        let inside = |response: &DiscoveryResponse| {
            let any = response.resources.iter().find(wrapped).expect("a wrapper");
            Resource::decode(&any.value[..]).unwrap()
        };
        let resource = inside(&response);
        assert_eq!((&*resource.name, ttl_of(&resource)), ("x", Some(30)));
        assert_eq!(name_and_value(resource.resource.as_ref().unwrap()), ("x".into(), "1".into()));
        assert_eq!((response.resources.len(), response.resources.iter().filter(wrapped).count()), (2, 1));
        stream.ack(&url, &["x", "y"]);
        // Clients take what a complete set lacks for deleted, so it goes again as it is.
        assert!(to_next_deadline(&mut stream) <= TTL / 3);
        let beat = raw_sotw(&mut stream).unwrap();
        assert_eq!(beat.version_info, response.version_info);
        assert_eq!(inside(&beat), resource);
        assert_eq!(beat.resources.len(), if kind == Kind::CLUSTER { 2 } else { 1 });
        assert_eq!(stream.ack(&url, &["x", "y"]), []);

        let mut other = Stream::sotw();
        put_timed(&mut other, kind, &["x"], ("1", "30s"));
        other.ask(&url, &["x"]);
        assert_eq!(raw_sotw(&mut other).unwrap().resources[0].type_url, url);
    }
}
