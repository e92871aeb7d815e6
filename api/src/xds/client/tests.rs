//! The client's half, driven by hand.

mod ttl;

use prost::Message;

use super::*;
use crate::{
    key::Key,
    kind::Kind,
    time::Timestamp,
    wire::{DeltaDiscoveryRequest, DiscoveryRequest, Entry, Resource},
    xds::testing::resource,
};

/// Where nothing depends on it.
const NOW: Uptime = Uptime(Duration::ZERO);

fn client(variant: Variant, wanted: &[(Kind, Wanted)]) -> ClientSession {
    let node = Node { id: "me".into(), ..Node::default() };
    let wanted = wanted.iter().map(|(kind, wanted)| (kind.type_url().into(), wanted.clone())).collect();
    ClientSession::new(variant, node, wanted)
}

fn names(list: &[&str]) -> Wanted {
    Wanted::Names(list.iter().map(ToString::to_string).collect())
}

fn sotw(request: Request) -> DiscoveryRequest {
    match request {
        Request::Sotw(request) => request,
        Request::Delta(request) => panic!("{request:?}"),
    }
}

fn delta(request: Request) -> DeltaDiscoveryRequest {
    match request {
        Request::Delta(request) => request,
        Request::Sotw(request) => panic!("{request:?}"),
    }
}

fn entry(kind: Kind, name: &str, value: &str) -> Entry {
    Entry::encode(&resource(Key::new(kind, "a", name), value), Timestamp::default())
}

fn any(entry: &Entry) -> Any {
    Any::decode(&entry.any[..]).unwrap()
}

fn sotw_response(kind: Kind, nonce: &str, entries: &[Entry]) -> Response {
    Response::Sotw(DiscoveryResponse {
        version_info: format!("version {nonce}"),
        resources: entries.iter().map(any).collect(),
        type_url: kind.type_url(),
        nonce: nonce.into(),
        control_plane: None,
    })
}

fn delta_response(kind: Kind, nonce: &str, entries: &[Entry], removed: &[&str]) -> Response {
    let resource = |entry: &Entry| Resource {
        name: entry.name.to_string(),
        version: entry.version.to_string(),
        resource: Some(any(entry)),
        ..Resource::default()
    };
    Response::Delta(DeltaDiscoveryResponse {
        resources: entries.iter().map(resource).collect(),
        type_url: kind.type_url(),
        nonce: nonce.into(),
        removed_resources: removed.iter().map(ToString::to_string).collect(),
        ..DeltaDiscoveryResponse::default()
    })
}

fn update(step: Step) -> Update {
    match step {
        Step::Apply(update) => update,
        other => panic!("{other:?}"),
    }
}

fn changed(update: &Update) -> Vec<&str> {
    update.changed.iter().map(|resource| &*resource.name).collect()
}

fn held(client: &ClientSession, kind: Kind) -> Vec<String> {
    client.held(&kind.type_url()).into_iter().map(|(name, _)| name.to_string()).collect()
}

/// rules 4, 5
#[test]
fn node_goes_with_the_first_request_of_a_stream_only() {
    let mut client =
        client(Variant::Sotw, &[(Kind::CLUSTER, Wanted::Everything), (Kind::LISTENER, Wanted::Everything)]);
    for _ in 0..2 {
        let nodes: Vec<bool> =
            client.on_connected().into_iter().map(|request| sotw(request).node.is_some()).collect();
        assert_eq!(nodes, [true, false]);
    }
    let more = client.want(&Kind::ROUTES.type_url(), names(&["x"]));
    assert_eq!(more.map(sotw).unwrap().node, None);
}

/// X3: kinds for which servers differ are asked for by `*`.
#[test]
fn everything_is_asked_for_in_the_way_that_servers_agree_on() {
    for variant in [Variant::Sotw, Variant::Delta] {
        let mut client =
            client(variant, &[(Kind::CLUSTER, Wanted::Everything), (Kind::ENDPOINTS, Wanted::Everything)]);
        let asked: Vec<Vec<String>> = client
            .on_connected()
            .into_iter()
            .map(|request| match request {
                Request::Sotw(request) => request.resource_names,
                Request::Delta(request) => request.resource_names_subscribe,
            })
            .collect();
        assert_eq!(asked, [vec![], vec!["*".to_owned()]]);
    }
}

/// rules 32, 33: a first request without names would ask for everything.
#[test]
fn nothing_wanted_is_not_asked_for() {
    let mut client = client(Variant::Sotw, &[(Kind::CLUSTER, names(&[]))]);
    assert_eq!(client.on_connected(), []);
    let request = sotw(client.want(&Kind::CLUSTER.type_url(), names(&["x"])).unwrap());
    assert_eq!((request.node.is_some(), request.resource_names), (true, vec!["x".to_owned()]));
}

/// rules 33, 35: no names would go on meaning everything.
#[test]
fn everything_is_given_up_by_naming_nobody() {
    let mut client = client(Variant::Sotw, &[(Kind::CLUSTER, Wanted::Everything)]);
    client.on_connected();
    let url = Kind::CLUSTER.type_url();
    assert_eq!(sotw(client.want(&url, names(&[])).unwrap()).resource_names, [""]);
    assert_eq!(sotw(client.want(&url, Wanted::Everything).unwrap()).resource_names, ["*"]);
    assert_eq!(sotw(client.want(&url, names(&[])).unwrap()).resource_names, [""; 0]);
}

/// rules 42, 44
#[test]
fn what_a_complete_set_lacks_is_gone() {
    let mut client = client(Variant::Sotw, &[(Kind::VIRTUAL_SERVICE, Wanted::Everything)]);
    client.on_connected();
    let kind = Kind::VIRTUAL_SERVICE;
    let first = update(
        client.on_response(sotw_response(kind, "1", &[entry(kind, "x", "1"), entry(kind, "y", "1")]), NOW),
    );
    assert_eq!(changed(&first), ["a/x", "a/y"]);
    client.accept(&first, NOW);
    let second = update(client.on_response(sotw_response(kind, "2", &[entry(kind, "y", "1")]), NOW));
    assert_eq!((changed(&second), &second.removed), (vec![], &vec!["a/x".into()]));
    client.accept(&second, NOW);
    assert_eq!(held(&client, kind), ["a/y"]);
}

/// rule 43
#[test]
fn what_other_responses_lack_is_kept() {
    let kind = Kind::ENDPOINTS;
    let mut client = client(Variant::Sotw, &[(kind, names(&["x", "y"]))]);
    client.on_connected();
    for (nonce, name) in [("1", "x"), ("2", "y")] {
        let step = update(client.on_response(sotw_response(kind, nonce, &[entry(kind, name, "1")]), NOW));
        assert_eq!(step.removed, []);
        client.accept(&step, NOW);
    }
    assert_eq!(held(&client, kind), ["x", "y"]);
}

/// rules 19, 20
#[test]
fn nack_names_the_last_good_version_and_keeps_it() {
    let kind = Kind::CLUSTER;
    let mut client = client(Variant::Sotw, &[(kind, Wanted::Everything)]);
    client.on_connected();
    let good = update(client.on_response(sotw_response(kind, "1", &[entry(kind, "x", "1")]), NOW));
    let ack = sotw(client.accept(&good, NOW));
    assert_eq!((ack.response_nonce.as_str(), ack.version_info.as_str()), ("1", "version 1"));
    assert_eq!(ack.error_detail, None);
    let bad = update(client.on_response(sotw_response(kind, "2", &[entry(kind, "x", "2")]), NOW));
    let nack = sotw(client.reject(&bad, "too odd"));
    assert_eq!((nack.response_nonce.as_str(), nack.version_info.as_str()), ("2", "version 1"));
    assert_eq!(nack.error_detail.unwrap().message, "too odd");
    assert_eq!(client.held(&kind.type_url())[0].1, good.changed[0].version);
}

/// rule 45
#[test]
fn name_that_appears_twice_is_refused() {
    let kind = Kind::CLUSTER;
    let twice = [entry(kind, "x", "1"), entry(kind, "x", "2")];
    let responses = [
        sotw_response(kind, "1", &twice),
        delta_response(kind, "1", &twice, &[]),
        delta_response(kind, "1", &twice[..1], &["x"]),
    ];
    for response in responses {
        let variant = if matches!(response, Response::Sotw(_)) { Variant::Sotw } else { Variant::Delta };
        let mut client = client(variant, &[(kind, Wanted::Everything)]);
        client.on_connected();
        let Step::Refuse(nack, why) = client.on_response(response, NOW) else { panic!("not refused") };
        assert_eq!(why, Malformed::Duplicate("x".into()));
        let error = match nack {
            Request::Sotw(request) => request.error_detail,
            Request::Delta(request) => request.error_detail,
        };
        assert_eq!(error.unwrap().message, "resource `x` appears twice");
    }
}

/// rule 46
#[test]
fn resource_of_another_type_or_without_a_body_is_refused() {
    let listener = entry(Kind::LISTENER, "x", "1");
    let cases = [(Kind::CLUSTER, listener.clone()), (Kind::VIRTUAL_SERVICE, listener)];
    for (kind, wrong) in cases {
        let mut client = client(Variant::Sotw, &[(kind, Wanted::Everything)]);
        client.on_connected();
        let step = client.on_response(sotw_response(kind, "1", &[wrong]), NOW);
        assert!(matches!(step, Step::Refuse(_, Malformed::Resource { .. })), "{step:?}");
    }
    let body_of_another =
        Entry { any: entry(Kind::DESTINATION_RULE, "x", "1").any, ..entry(Kind::CLUSTER, "x", "1") };
    let mut client = client(Variant::Delta, &[(Kind::VIRTUAL_SERVICE, Wanted::Everything)]);
    client.on_connected();
    let step = client.on_response(delta_response(Kind::VIRTUAL_SERVICE, "1", &[body_of_another], &[]), NOW);
    assert!(matches!(step, Step::Refuse(_, Malformed::Resource { .. })), "{step:?}");
}

/// rule 61: a delta resource has a name.
#[test]
fn delta_resource_without_a_name_or_body_is_refused() {
    for resource in [Resource::default(), Resource { name: "x".into(), ..Resource::default() }] {
        let mut client = client(Variant::Delta, &[(Kind::CLUSTER, Wanted::Everything)]);
        client.on_connected();
        let response = DeltaDiscoveryResponse {
            type_url: Kind::CLUSTER.type_url(),
            resources: vec![resource],
            ..DeltaDiscoveryResponse::default()
        };
        assert!(matches!(client.on_response(Response::Delta(response), NOW), Step::Refuse(..)));
    }
}

/// rule 40
#[test]
fn what_was_not_asked_for_is_passed_over() {
    let kind = Kind::ENDPOINTS;
    let mut client = client(Variant::Sotw, &[(kind, names(&["x"]))]);
    client.on_connected();
    let both = [entry(kind, "x", "1"), entry(kind, "y", "1")];
    assert_eq!(changed(&update(client.on_response(sotw_response(kind, "1", &both), NOW))), ["x"]);
    assert_eq!(client.on_response(sotw_response(Kind::CLUSTER, "2", &[]), NOW), Step::Ignore);
}

/// rules 13, 50, 51, 92: nothing is carried over to another stream but what is held.
#[test]
fn resumed_stream_names_held_versions_and_no_nonce() {
    let kind = Kind::CLUSTER;
    let mut client = client(Variant::Delta, &[(kind, Wanted::Everything)]);
    client.on_connected();
    let step = update(client.on_response(delta_response(kind, "1", &[entry(kind, "x", "1")], &[]), NOW));
    client.accept(&step, NOW);
    let step = update(client.on_response(delta_response(kind, "2", &[entry(kind, "x", "2")], &[]), NOW));
    client.reject(&step, "no");
    client.on_disconnected();
    let request = delta(client.on_connected().remove(0));
    assert_eq!(request.response_nonce, "");
    let version = entry(kind, "x", "1").version.to_string();
    assert_eq!(request.initial_resource_versions, [("x".to_owned(), version)].into());
}

/// rule 17: held names may differ from those that the version was of, so that no version is claimed.
#[test]
fn resumed_sotw_stream_claims_no_version() {
    let kind = Kind::CLUSTER;
    let mut client = client(Variant::Sotw, &[(kind, Wanted::Everything)]);
    client.on_connected();
    let step = update(client.on_response(sotw_response(kind, "1", &[entry(kind, "x", "1")]), NOW));
    client.accept(&step, NOW);
    let request = sotw(client.on_connected().remove(0));
    assert_eq!((request.version_info.as_str(), request.response_nonce.as_str()), ("", ""));
    let step = update(client.on_response(sotw_response(kind, "1", &[entry(kind, "x", "1")]), NOW));
    assert_eq!((changed(&step), step.removed.len()), (vec![], 0));
}

/// rules 62, 64: a change of the subscription is no ACK of the response that is being applied.
#[test]
fn subscribing_does_not_acknowledge_what_is_being_applied() {
    let kind = Kind::ENDPOINTS;
    let url = kind.type_url();
    let mut client = client(Variant::Sotw, &[(kind, names(&["x"]))]);
    client.on_connected();
    let step = update(client.on_response(sotw_response(kind, "1", &[entry(kind, "x", "1")]), NOW));
    let request = sotw(client.want(&url, names(&["x", "y"])).unwrap());
    assert_eq!((request.response_nonce.as_str(), request.version_info.as_str()), ("", ""));
    assert_eq!(sotw(client.accept(&step, NOW)).resource_names, ["x", "y"]);
    assert_eq!(sotw(client.want(&url, names(&["y"])).unwrap()).response_nonce, "1");
    assert_eq!(client.want(&url, names(&["y"])), None);
}

/// rule 58
#[test]
fn delta_subscription_changes_by_what_differs() {
    let kind = Kind::CLUSTER;
    let url = kind.type_url();
    let mut client = client(Variant::Delta, &[(kind, names(&["x", "y"]))]);
    client.on_connected();
    let step =
        update(client.on_response(
            delta_response(kind, "1", &[entry(kind, "x", "1"), entry(kind, "y", "1")], &[]),
            NOW,
        ));
    client.accept(&step, NOW);
    let request = delta(client.want(&url, names(&["y", "z"])).unwrap());
    assert_eq!(
        (request.resource_names_subscribe, request.resource_names_unsubscribe),
        (vec!["z".to_owned()], vec!["x".to_owned()])
    );
    assert_eq!(held(&client, kind), ["y"], "what is not wanted is not held");
    let request = delta(client.want(&url, Wanted::Everything).unwrap());
    assert_eq!(
        (request.resource_names_subscribe, request.resource_names_unsubscribe.len()),
        (vec!["*".to_owned()], 2)
    );
}

/// Resources without a version of their own are versioned by their bytes: what is sent again is no change.
#[test]
fn unversioned_resource_changes_with_its_bytes() {
    let kind = Kind::CLUSTER;
    let mut client = client(Variant::Sotw, &[(kind, Wanted::Everything)]);
    client.on_connected();
    for (nonce, value, expected) in [("1", "1", 1), ("2", "1", 0), ("3", "2", 1)] {
        let step = update(client.on_response(sotw_response(kind, nonce, &[entry(kind, "x", value)]), NOW));
        assert_eq!(step.changed.len(), expected, "nonce {nonce}");
        client.accept(&step, NOW);
    }
}

/// rule 20: a NACK may be of some resources only, and the others are held.
#[test]
fn rest_of_a_partly_refused_update_is_held() {
    let kind = Kind::CLUSTER;
    let mut client = client(Variant::Delta, &[(kind, Wanted::Everything)]);
    client.on_connected();
    let first = [entry(kind, "x", "1"), entry(kind, "y", "1")];
    let step = update(client.on_response(delta_response(kind, "1", &first, &[]), NOW));
    client.accept(&step, NOW);
    let second = [entry(kind, "x", "2"), entry(kind, "z", "1")];
    let step = update(client.on_response(delta_response(kind, "2", &second, &["y"]), NOW));
    let nack = delta(client.reject_some(&step, (&["x"].into(), "x is bad"), NOW));
    assert_eq!(
        (nack.response_nonce.as_str(), nack.error_detail.unwrap().message.as_str()),
        ("2", "x is bad")
    );
    let request = delta(client.on_connected().remove(0));
    let version = |name, value| entry(kind, name, value).version.to_string();
    let expected = [("x".to_owned(), version("x", "1")), ("z".to_owned(), version("z", "1"))];
    assert_eq!(request.initial_resource_versions, expected.into());
}

/// Whoever refused a resource has heard of it.
#[test]
fn refused_resource_that_goes_is_told_as_removed() {
    let kind = Kind::CLUSTER;
    for variant in [Variant::Sotw, Variant::Delta] {
        let mut client = client(variant, &[(kind, Wanted::Everything)]);
        client.on_connected();
        let bad = [entry(kind, "x", "1")];
        let (first, second) = match variant {
            Variant::Sotw => (sotw_response(kind, "1", &bad), sotw_response(kind, "2", &[])),
            Variant::Delta => (delta_response(kind, "1", &bad, &[]), delta_response(kind, "2", &[], &["x"])),
        };
        let step = update(client.on_response(first, NOW));
        client.reject_some(&step, (&["x"].into(), "x is bad"), NOW);
        assert_eq!(held(&client, kind), [""; 0]);
        let step = update(client.on_response(second, NOW));
        assert_eq!(step.removed, ["x".into()], "{variant:?}");
        client.accept(&step, NOW);
    }
}

/// rule 51: what a process kept is held from the first stream on.
#[test]
fn what_is_held_from_before_is_named_on_the_first_stream() {
    let kind = Kind::CLUSTER;
    let mut client = client(Variant::Delta, &[(kind, names(&["x"]))]);
    let version = ResourceVersion::new("1");
    client.resume(&kind.type_url(), [("x".into(), version.clone()), ("unwanted".into(), version.clone())]);
    client.resume("another/v1/Type", [("x".into(), version)]);
    let request = delta(client.on_connected().remove(0));
    assert_eq!(request.initial_resource_versions, [("x".to_owned(), "1".to_owned())].into());
    let step = update(client.on_response(delta_response(kind, "1", &[], &["x"]), NOW));
    assert_eq!(step.removed, ["x".into()]);
}
