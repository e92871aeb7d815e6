//! The client's half of the protocol: responses, verdicts, lost connections and other wishes in any order.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock},
    time::Duration,
};

use mainsheet_api::{
    time::Uptime,
    version::ResourceVersion,
    wire::{DeltaDiscoveryResponse, DiscoveryResponse},
    xds::{
        Variant,
        client::{ClientSession, Response, Step, Update, Wanted},
        server::Request,
    },
};
use prost::Message;

use super::{
    requests,
    tape::{Tape, piece},
    world,
};

/// What a step does.
const RESPONSE: u8 = 0;
const CONNECT: u8 = 1;
const DISCONNECT: u8 = 2;
const WANT: u8 = 3;
const WAIT: u8 = 4;
const STEPS: u8 = 5;

/// How a response is taken.
const ACCEPT: u8 = 0;
const REJECT: u8 = 1;
const REJECT_ONE: u8 = 2;
const CHANGE_MIND: u8 = 3;
const VERDICTS: u8 = 4;

static TYPES: LazyLock<Vec<Arc<str>>> = LazyLock::new(|| {
    let known = world::KINDS.iter().map(|kind| kind.type_url().into());
    known.chain(["example.com/v1/Widget".into()]).collect()
});

type Held = BTreeMap<Arc<str>, ResourceVersion>;

pub(super) fn run(input: &[u8]) {
    let mut tape = Tape::new(input);
    let variant = if tape.byte() & 1 == 0 { Variant::Sotw } else { Variant::Delta };
    let mut client = world::client(variant);
    client.on_connected();
    let mut now = Uptime::default();
    while let Some(step) = tape.step() {
        match step % STEPS {
            RESPONSE => {
                let (verdict, bytes) = (tape.byte(), tape.piece());
                if let Some(response) = decode(variant, &bytes) {
                    take(&mut client, response, verdict, now);
                }
            }
            CONNECT => check_first(&client.on_connected()),
            DISCONNECT => client.on_disconnected(),
            WANT => want(&mut client, tape.byte()),
            _ => {
                now = now.after(Duration::from_secs(1) * u32::from(tape.byte()));
                end(&mut client, now);
            }
        }
    }
}

fn decode(variant: Variant, bytes: &[u8]) -> Option<Response> {
    match variant {
        Variant::Sotw => DiscoveryResponse::decode(bytes).ok().map(Response::Sotw),
        Variant::Delta => DeltaDiscoveryResponse::decode(bytes).ok().map(Response::Delta),
    }
}

fn held(client: &ClientSession, type_url: &str) -> Held {
    client.held(type_url).into_iter().collect()
}

fn want(client: &mut ClientSession, number: u8) {
    let names: BTreeSet<String> = ["a/one", "b/two", "a.one", "b.two"]
        .iter()
        .enumerate()
        .filter(|(bit, _)| number >> (bit + 3) & 1 == 1)
        .map(|(_, name)| (*name).to_owned())
        .collect();
    let wanted = if number & 0x80 == 0 { Wanted::Names(names.clone()) } else { Wanted::Everything };
    let type_url = &TYPES[usize::from(number & 7) % TYPES.len()];
    client.want(type_url, wanted.clone());
    if wanted != Wanted::Everything {
        let is_wanted = |name: &Arc<str>| names.contains(&**name);
        assert!(held(client, type_url).keys().all(is_wanted), "held, and not wanted");
    }
}

/// What has ended is removed, and nothing else.
fn end(client: &mut ClientSession, now: Uptime) {
    for update in client.end(now) {
        check(&update);
        let before = held(client, &update.type_url);
        client.ended(&update);
        assert_eq!(held(client, &update.type_url), after(before, &update, &BTreeSet::new()));
    }
    assert!(client.next_end().is_none_or(|end| end > now), "an end that has passed");
}

/// The node goes with the first request only (rule 4).
fn check_first(requests: &[Request]) {
    let has_node = |request: &Request| match request {
        Request::Sotw(request) => request.node.is_some(),
        Request::Delta(request) => request.node.is_some(),
    };
    let nodes: Vec<bool> = requests.iter().map(has_node).collect();
    assert!(nodes.iter().enumerate().all(|(index, has)| *has == (index == 0)), "{nodes:?}");
}

fn take(client: &mut ClientSession, response: Response, verdict: u8, now: Uptime) {
    let (type_url, nonce) = match &response {
        Response::Sotw(response) => (response.type_url.clone(), response.nonce.clone()),
        Response::Delta(response) => (response.type_url.clone(), response.nonce.clone()),
    };
    let before = held(client, &type_url);
    match client.on_response(response, now) {
        Step::Apply(update) => {
            assert_eq!((&*update.type_url, &update.nonce.0), (&*type_url, &nonce));
            check(&update);
            decide(client, &update, before, (verdict, now));
        }
        Step::Refuse(request, malformed) => {
            assert!(!malformed.to_string().is_empty(), "refused without a reason");
            check_answer(&request, (&type_url, &nonce), true);
            assert_eq!(held(client, &type_url), before, "what is malformed changes nothing");
        }
        Step::Answer(request) => {
            check_answer(&request, (&type_url, &nonce), false);
            assert_eq!(held(client, &type_url), before, "a heartbeat changes nothing");
        }
        Step::Reopen => check_first(&client.on_connected()),
        Step::Ignore => assert_eq!(held(client, &type_url), before, "what is ignored changes nothing"),
    }
}

/// What an update says of a name, it says once.
fn check(Update { changed, removed, .. }: &Update) {
    let mut names = BTreeSet::new();
    for name in changed.iter().map(|resource| &resource.name).chain(removed) {
        assert!(names.insert(name), "{name} twice in one update");
    }
    assert!(changed.iter().all(|resource| !resource.version.as_str().is_empty()), "no version");
}

/// Accepts an update or not, and checks what is held then: what was, and what was accepted of what is wanted.
fn decide(client: &mut ClientSession, update: &Update, before: Held, (verdict, now): (u8, Uptime)) {
    let of = (&*update.type_url, &*update.nonce.0);
    let one = update.changed.get(usize::from(verdict) % update.changed.len().max(1));
    let refused: BTreeSet<&str> = one.iter().map(|resource| &*resource.name).collect();
    match verdict % VERDICTS {
        ACCEPT => {
            check_answer(&client.accept(update, now), of, false);
            assert_eq!(held(client, of.0), after(before, update, &BTreeSet::new()));
        }
        REJECT => {
            check_answer(&client.reject(update, "no"), of, true);
            assert_eq!(held(client, of.0), before);
        }
        REJECT_ONE => {
            check_answer(&client.reject_some(update, (&refused, "no"), now), of, true);
            assert_eq!(held(client, of.0), after(before, update, &refused));
        }
        _ => {
            // While it is applied, the client comes to want nothing of it.
            client.want(of.0, Wanted::Names(BTreeSet::new()));
            client.accept(update, now);
            assert_eq!(held(client, of.0), Held::new());
        }
    }
}

fn after(mut held: Held, update: &Update, refused: &BTreeSet<&str>) -> Held {
    held.retain(|name, _| !update.removed.contains(name));
    let taken = update.changed.iter().filter(|resource| !refused.contains(&*resource.name));
    held.extend(taken.map(|resource| (resource.name.clone(), resource.version.clone())));
    held
}

/// That a request answers a response: an error makes it a NACK (rule 20).
fn check_answer(request: &Request, of: (&str, &str), is_nack: bool) {
    let (type_url, nonce, error) = match request {
        Request::Sotw(request) => (&request.type_url, &request.response_nonce, &request.error_detail),
        Request::Delta(request) => (&request.type_url, &request.response_nonce, &request.error_detail),
    };
    assert_eq!((&**type_url, &**nonce, error.is_some()), (of.0, of.1, is_nack));
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let variants = [(0, Variant::Sotw), (1, Variant::Delta)];
    let verdicts = [ACCEPT, REJECT, REJECT_ONE, CHANGE_MIND];
    variants.iter().flat_map(|variant| verdicts.map(|verdict| heard(*variant, verdict))).collect()
}

/// What our own server says, taken one way every third time and accepted otherwise.
fn heard((number, variant): (u8, Variant), verdict: u8) -> Vec<u8> {
    let mut input = vec![number];
    for (index, response) in requests::responses(variant).iter().enumerate() {
        input.extend([RESPONSE, if index % 3 == 0 { verdict } else { ACCEPT }]);
        input.extend(piece(response));
        if index % 5 == 4 {
            input.extend([WANT, 0x80 | u8::try_from(index).unwrap_or(0), WAIT, 11, CONNECT]);
        }
    }
    input.extend([WANT, 0x3b, WAIT, 40, DISCONNECT, CONNECT]);
    input
}
