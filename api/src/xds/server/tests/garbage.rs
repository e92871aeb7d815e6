//! Whatever a client says, the session neither panics nor breaks the rules of its own responses.

use proptest::{collection::vec, prelude::*};

use super::*;

#[derive(Clone, Debug)]
enum Event {
    Request(Box<Request>),
    Render,
    Put(u8, u8),
    Remove(u8),
    View(bool),
    Wait(u8),
    HalfClose,
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(vec!["", "*", "x", "y", "a/x", "b/z", "/", "xdstp://a/b"]).prop_map(String::from),
        1 => ".{0,40}",
    ]
}

fn type_url() -> impl Strategy<Value = String> {
    let known = [
        vs(),
        cds(),
        eds(),
        lds(),
        Kind::MESH_CONFIG.type_url(),
        "g/v/K".into(),
        "type.googleapis.com/x".into(),
    ];
    prop_oneof![8 => prop::sample::select(known.to_vec()), 1 => ".{0,20}"]
}

fn nonce() -> impl Strategy<Value = String> {
    prop_oneof![4 => (0u8..12).prop_map(|number| number.to_string()), 1 => ".{0,10}"]
}

fn request(variant: Variant) -> impl Strategy<Value = Request> {
    let initial = prop::collection::btree_map(name(), name(), 0..3);
    let parts = (type_url(), nonce(), any::<bool>(), vec(name(), 0..4), vec(name(), 0..3), initial);
    parts.prop_map(move |(type_url, response_nonce, is_nack, names, gone, initial_resource_versions)| {
        let error_detail = if is_nack { error() } else { None };
        match variant {
            Variant::Sotw => Request::Sotw(DiscoveryRequest {
                node: node(),
                type_url,
                response_nonce,
                error_detail,
                resource_names: names,
                version_info: "v".into(),
            }),
            Variant::Delta => Request::Delta(DeltaDiscoveryRequest {
                node: node(),
                type_url,
                response_nonce,
                error_detail,
                resource_names_subscribe: names,
                resource_names_unsubscribe: gone,
                initial_resource_versions,
            }),
        }
    })
}

fn event(variant: Variant) -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => request(variant).prop_map(|request| Event::Request(Box::new(request))),
        8 => Just(Event::Render),
        4 => (0u8..12, 0u8..3).prop_map(|(slot, value)| Event::Put(slot, value)),
        2 => (0u8..12).prop_map(Event::Remove),
        1 => any::<bool>().prop_map(Event::View),
        1 => (0u8..20).prop_map(Event::Wait),
        1 => Just(Event::HalfClose),
    ]
}

fn events() -> impl Strategy<Value = (Variant, Vec<Event>)> {
    prop_oneof![Just(Variant::Sotw), Just(Variant::Delta)]
        .prop_flat_map(|variant| (Just(variant), vec(event(variant), 1..60)))
}

/// Names that are unique without their namespace too, as a catalog promises (Envoy's have none).
fn slot(number: u8) -> (Kind, &'static str) {
    let kind = [Kind::VIRTUAL_SERVICE, Kind::CLUSTER, Kind::ENDPOINTS][usize::from(number) % 3];
    (kind, ["x", "y", "b/z", "b/w"][usize::from(number / 3) % 4])
}

fn play(stream: &mut Stream, event: Event) -> bool {
    match event {
        Event::Request(request) => return stream.session.on_request(*request, stream.now).is_ok(),
        Event::Render => {}
        Event::Put(number, value) => {
            let (kind, name) = slot(number);
            stream.put(kind, &[name], &value.to_string());
        }
        Event::Remove(number) => {
            let (kind, name) = slot(number);
            stream.remove(kind, &[name]);
        }
        Event::View(all) => {
            let view = if all { View::everything() } else { View::of_namespaces(["a"]) };
            stream.session.on_view(view);
        }
        Event::Wait(seconds) => stream.wait(Duration::from_secs(seconds.into())),
        Event::HalfClose => stream.session.on_half_close(),
    }
    true
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// rules 14, 26, 45
    #[test]
    fn any_requests_are_survived_and_answered_properly((variant, events) in events()) {
        let mut stream = Stream::new(variant);
        let mut nonces = std::collections::BTreeSet::new();
        for event in events {
            let renders = matches!(event, Event::Render);
            if !play(&mut stream, event) {
                break; // refused: the stream has ended
            }
            if let Some(reply) = if renders { stream.next() } else { None } {
                prop_assert!(nonces.insert(reply.nonce.clone()));
                let names: Vec<&str> = reply.names().into_iter().chain(reply.removed.iter().map(String::as_str)).collect();
                let distinct: std::collections::BTreeSet<_> = names.iter().collect();
                prop_assert_eq!(distinct.len(), names.len());
            }
        }
        // Whatever was said, there is an end to what is answered.
        stream.session.on_half_close();
        let left = std::iter::from_fn(|| stream.next()).take(1000).count();
        prop_assert!(left < 1000);
        prop_assert!(stream.session.is_finished());
    }
}
