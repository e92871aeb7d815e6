//! Rules of the stream as a whole: node, identity, limits, half-close.

use super::*;
use crate::{
    limits::{
        NACK_MESSAGE_BYTES_MAX, NAME_BYTES_MAX, NAMES_BYTES_MAX, NAMES_PER_TYPE_MAX, NODE_BYTES_MAX,
        TYPES_PER_STREAM_MAX,
    },
    wire::google::protobuf::{ListValue, Struct, Value, value},
};

fn refusal(stream: &mut Stream, request: DiscoveryRequest) -> Refusal {
    stream.session.on_request(Request::Sotw(request), Uptime::default()).unwrap_err()
}

fn ask_for(type_url: &str) -> DiscoveryRequest {
    DiscoveryRequest { node: node(), type_url: type_url.into(), ..Default::default() }
}

/// rule 1: a stream speaks the variant of its RPC.
#[test]
fn request_of_the_other_variant_is_refused() {
    let mut stream = Stream::delta();
    assert!(matches!(refusal(&mut stream, ask_for(&vs())), Refusal::InvalidArgument(_)));
    let mut stream = Stream::sotw();
    let request =
        Request::Delta(DeltaDiscoveryRequest { node: node(), type_url: vs(), ..Default::default() });
    let refusal = stream.session.on_request(request, Uptime::default()).unwrap_err();
    assert_eq!(refusal, Refusal::InvalidArgument("DeltaDiscoveryRequest on a SotW stream".into()));
}

/// rule 2
#[test]
fn state_of_one_type_is_untouched_by_requests_for_another() {
    let mut stream = Stream::sotw();
    stream.put(Kind::CLUSTER, &["x"], "1");
    stream.put(Kind::LISTENER, &["y"], "1");
    stream.ask(&cds(), &[]);
    assert_eq!(stream.acked(&[]).url, cds());
    stream.ask(&lds(), &["y"]);
    assert_eq!(stream.reply().names(), ["y"]);
    stream.nack(&lds(), &[]);
    stream.put(Kind::CLUSTER, &["x"], "2");
    let reply = stream.reply();
    assert_eq!((reply.url, reply.resources), (cds(), vec![("x".into(), "2".into())]));
}

/// rule 3
#[test]
fn request_without_a_type_is_refused() {
    let refused = refusal(&mut Stream::sotw(), ask_for(""));
    assert!(matches!(refused, Refusal::InvalidArgument(text) if text.starts_with("missing type_url")));
}

/// rules 4, 5
#[test]
fn node_of_the_first_request_is_enough_for_all_types() {
    let mut stream = Stream::sotw();
    let outcomes = stream.send(Request::Sotw(ask_for(&vs())));
    assert!(matches!(&outcomes[0], Outcome::Connected(node) if node.id == "someone"));
    let request = DiscoveryRequest { node: None, ..ask_for(&cds()) };
    let outcomes = stream.send(Request::Sotw(request));
    assert!(matches!(outcomes[..], [Outcome::Subscribed { .. }]), "named once only: {outcomes:?}");
}

/// rule 6
#[test]
fn first_request_without_a_node_is_refused() {
    for node in [None, Some(WireNode::default())] {
        let refused = refusal(&mut Stream::sotw(), DiscoveryRequest { node, ..ask_for(&vs()) });
        assert_eq!(refused, Refusal::InvalidArgument("missing node information".into()));
    }
}

/// rules 7, 41: state belongs to a stream, and a type may be split over several.
#[test]
fn two_streams_of_one_node_know_nothing_of_each_other() {
    let mut one = Stream::sotw();
    one.put(Kind::ENDPOINTS, &["x", "y"], "1");
    one.ask(&eds(), &["x"]);
    assert_eq!(one.acked(&["x"]).names(), ["x"]);
    let mut other = one.again();
    other.ask(&eds(), &["x", "y"]);
    assert_eq!(other.reply().names(), ["x", "y"]);
    drop(other);
    one.ask(&eds(), &["x", "y"]);
    assert_eq!(one.reply().names(), ["y"]);
}

/// rule 8
#[test]
fn responses_name_the_server() {
    for variant in [Variant::Sotw, Variant::Delta] {
        let mut stream = Stream::new(variant);
        match variant {
            Variant::Sotw => stream.ask(&vs(), &[]),
            Variant::Delta => stream.subscribe(&vs(), &[], &[]),
        };
        assert_eq!(stream.reply().control_plane, "server-1");
    }
}

/// rule 10
#[test]
fn body_that_a_validator_would_refuse_is_sent_as_it_is() {
    let mut stream = Stream::sotw();
    stream.put(Kind::CLUSTER, &[""], "no valid cluster");
    stream.ask(&cds(), &[]);
    assert_eq!(stream.reply().resources, [("".into(), "no valid cluster".into())]);
}

/// rule 12: whoever says all that it has to say still gets its answers, one after the other, ACKed or not.
#[test]
fn half_close_is_answered_in_full_before_the_stream_ends() {
    let mut stream = Stream::delta();
    stream.put(Kind::VIRTUAL_SERVICE, &["1", "2", "3", "4", "5"], "1");
    stream.subscribe(&vs(), &[], &[]);
    stream.subscribe(&cds(), &[], &[]);
    assert!(!stream.session.is_finished(), "the client may still speak");
    assert_eq!(stream.reply().url, cds());
    stream.subscribe(&cds(), &["x"], &[]);
    stream.session.on_half_close();
    let mut seen = Vec::new();
    while !stream.session.is_finished() {
        seen.push(stream.reply());
        stream.put(Kind::LISTENER, &["of no interest"], &seen.len().to_string());
    }
    assert_eq!(seen.iter().map(|reply| reply.resources.len()).sum::<usize>(), 5);
    assert!(seen.iter().any(|reply| reply.removed == ["x"]), "asked while another answer was unACKed");
    stream.put(Kind::VIRTUAL_SERVICE, &["6"], "1");
    stream.assert_silent();
}

/// rule 12: a name that does not exist has no answer in SotW, and holds up nothing.
#[test]
fn half_close_does_not_wait_for_what_does_not_exist() {
    let mut stream = Stream::sotw();
    stream.ask(&rds(), &["nowhere"]);
    stream.session.on_half_close();
    stream.assert_silent();
    assert!(stream.session.is_finished());
}

/// rule 92
#[test]
fn new_stream_starts_from_nothing() {
    let mut stream = Stream::sotw();
    stream.put(Kind::CLUSTER, &["x"], "1");
    stream.ask(&cds(), &["x"]);
    let first = stream.acked(&["x"]);
    let mut stream = stream.again();
    let old =
        DiscoveryRequest { response_nonce: first.nonce, version_info: first.version, ..Default::default() };
    let outcomes = stream.ask_with(&cds(), &[], old);
    assert!(!outcomes.iter().any(|outcome| matches!(outcome, Outcome::Acked { .. })));
    assert_eq!(stream.reply().names(), ["x"]);
}

/// rule 99: fields of newer protocols are passed over.
#[test]
fn request_with_unknown_fields_is_taken() {
    use prost::Message;
    let mut bytes = ask_for(&vs()).encode_to_vec();
    bytes.extend([0x3a, 3, b'a', b'b', b'c']); // field 7, resource_locators
    let request = DiscoveryRequest::decode(&bytes[..]).unwrap();
    let mut stream = Stream::sotw();
    stream.send(Request::Sotw(request));
    assert_eq!(stream.reply().url, vs());
}

#[test]
fn more_types_than_the_bound_are_refused() {
    let mut stream = Stream::sotw();
    for number in 0..TYPES_PER_STREAM_MAX {
        stream.send(Request::Sotw(ask_for(&format!("g/v/K{number}"))));
    }
    stream.send(Request::Sotw(ask_for("g/v/K0")));
    assert!(matches!(refusal(&mut stream, ask_for("g/v/One")), Refusal::ResourceExhausted(..)));
}

#[test]
fn more_names_than_the_bound_are_refused_in_one_request_and_over_many() {
    let names = |from: usize, count: usize| (from..from + count).map(|n| n.to_string()).collect::<Vec<_>>();
    let request = DiscoveryRequest { resource_names: names(0, NAMES_PER_TYPE_MAX + 1), ..ask_for(&eds()) };
    assert!(matches!(refusal(&mut Stream::sotw(), request), Refusal::ResourceExhausted(..)));
    let mut stream = Stream::delta();
    let subscribe = |from, count| {
        Request::Delta(DeltaDiscoveryRequest {
            node: node(),
            type_url: eds(),
            resource_names_subscribe: names(from, count),
            ..Default::default()
        })
    };
    stream.send(subscribe(0, NAMES_PER_TYPE_MAX));
    let refused = stream.session.on_request(subscribe(NAMES_PER_TYPE_MAX, 1), stream.now).unwrap_err();
    assert!(matches!(refused, Refusal::ResourceExhausted(..)));
    let unsubscribe = DeltaDiscoveryRequest {
        type_url: eds(),
        resource_names_unsubscribe: names(0, NAMES_PER_TYPE_MAX),
        ..Default::default()
    };
    let again = stream.session.on_request(Request::Delta(unsubscribe), stream.now).unwrap_err();
    assert_eq!(again, refused, "a client that was refused is refused for good");
}

/// Names of 4,000 bytes each.
fn long_names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{number:04000}")).collect()
}

/// As many of them as half of the bound has room for.
const HALF: usize = NAMES_BYTES_MAX / 2 / 4_100;

#[test]
fn names_of_all_types_together_have_a_bound() {
    for variant in [Variant::Sotw, Variant::Delta] {
        let mut stream = Stream::new(variant);
        let mut ask = |url: &str, names: Vec<String>| {
            let (node, type_url) = (node(), url.to_owned());
            let request = match variant {
                Variant::Sotw => Request::Sotw(DiscoveryRequest {
                    node,
                    type_url,
                    resource_names: names,
                    ..Default::default()
                }),
                Variant::Delta => Request::Delta(DeltaDiscoveryRequest {
                    node,
                    type_url,
                    resource_names_subscribe: names,
                    ..Default::default()
                }),
            };
            stream.session.on_request(request, stream.now)
        };
        ask(&eds(), long_names(HALF)).unwrap();
        ask(&eds(), long_names(HALF)).unwrap(); // the same ones
        ask(&cds(), long_names(HALF)).unwrap();
        let refused = ask(&lds(), long_names(HALF / 10)).unwrap_err();
        assert!(
            matches!(&refused, Refusal::ResourceExhausted(_, text) if text.contains("ask for fewer")),
            "{refused}"
        );
    }
}

#[test]
fn names_that_are_given_up_are_not_counted() {
    let mut stream = Stream::delta();
    let names = long_names(HALF);
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    for url in [eds(), cds(), lds(), Kind::ROUTES.type_url()] {
        stream.subscribe(&url, &names, &[]);
        stream.subscribe(&url, &[], &names);
    }
    // Under a wildcard, each of these is to be answered.
    stream.subscribe(&cds(), &["*"], &[]);
    let mut unsubscribe = |url: String| {
        let request = DeltaDiscoveryRequest {
            type_url: url,
            resource_names_unsubscribe: long_names(2 * HALF + HALF / 10),
            ..Default::default()
        };
        stream.session.on_request(Request::Delta(request), stream.now)
    };
    unsubscribe(eds()).unwrap();
    assert!(matches!(unsubscribe(cds()).unwrap_err(), Refusal::ResourceExhausted(..)));
}

#[test]
fn what_a_client_says_it_holds_counts_until_it_is_answered() {
    let names = long_names(HALF);
    let held: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let mut stream = Stream::delta();
    stream.resume(&cds(), &[], &held);
    assert_eq!(stream.acked(&[]).removed.len(), 129); // the rest in further responses
    while stream.next().is_some() {}
    stream.resume(&lds(), &[], &held);
    while stream.next().is_some() {}
    stream.resume(&vs(), &[], &held);
    stream.resume(&Kind::DESTINATION_RULE.type_url(), &[], &held[..HALF / 2]);
    let over = DeltaDiscoveryRequest {
        type_url: Kind::SERVICE_ENTRY.type_url(),
        initial_resource_versions: long_names(HALF).into_iter().map(|name| (name, "1".to_owned())).collect(),
        ..Default::default()
    };
    let refused = stream.session.on_request(Request::Delta(over), stream.now).unwrap_err();
    assert!(matches!(refused, Refusal::ResourceExhausted(..)));
}

fn node_with(fields: impl IntoIterator<Item = (&'static str, value::Kind)>) -> DiscoveryRequest {
    let fields =
        fields.into_iter().map(|(name, kind)| (name.to_owned(), Value { kind: Some(kind) })).collect();
    let node = WireNode { metadata: Some(Struct { fields }), ..node().unwrap() };
    DiscoveryRequest { node: Some(node), ..ask_for(&vs()) }
}

#[test]
fn node_has_a_bound_for_what_is_kept_of_it() {
    let text = |len: usize| value::Kind::StringValue("x".repeat(len));
    let refused = refusal(&mut Stream::sotw(), node_with([("A", text(40_000)), ("B", text(30_000))]));
    assert!(
        matches!(&refused, Refusal::ResourceExhausted(_, text) if text.starts_with("a node of 70")),
        "{refused}"
    );
    // Lists are not kept.
    let values = vec![Value { kind: Some(text(NODE_BYTES_MAX)) }; 10];
    let list = value::Kind::ListValue(ListValue { values });
    Stream::sotw().send(Request::Sotw(node_with([("A", text(40_000)), ("LIST", list)])));
}

#[test]
fn name_that_is_too_long_is_refused_with_its_field() {
    let request =
        DiscoveryRequest { resource_names: vec!["x".repeat(NAME_BYTES_MAX + 1)], ..ask_for(&eds()) };
    let refused = refusal(&mut Stream::sotw(), request);
    assert!(
        matches!(refused, Refusal::InvalidArgument(text) if text.starts_with("resource_names of 4097 bytes"))
    );
}

#[test]
fn message_of_a_nack_is_cut_at_a_character() {
    let mut stream = Stream::sotw();
    stream.ask(&vs(), &[]);
    let response_nonce = stream.reply().nonce;
    let message = format!("x{}", "ä".repeat(NACK_MESSAGE_BYTES_MAX));
    let error_detail = Some(Status { message, ..Status::default() });
    let outcomes =
        stream.ask_with(&vs(), &[], DiscoveryRequest { response_nonce, error_detail, ..Default::default() });
    let [Outcome::Nacked { message, .. }] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert_eq!(message.len(), NACK_MESSAGE_BYTES_MAX - 1);
}
