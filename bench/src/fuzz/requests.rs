//! The server's half of the protocol: requests, states, views and time in any order.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock},
    time::Duration,
};

use mainsheet_api::{
    kind::Kind,
    limits::{ACK_GRACE, NACK_MESSAGE_BYTES_MAX, TYPES_PER_STREAM_MAX},
    time::Uptime,
    view::View,
    wire::{
        Any, DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse, Frame,
        Resource, Status, decode_frame,
    },
    xds::{
        Variant,
        client::{ClientSession, Response, Step, Wanted},
        server::{EmptyList, GoneEndpoints, Outcome, Policy, Push, Request, ServerSession},
    },
};
use mainsheet_cache::snapshot::{Snapshot, SnapshotCatalog};
use prost::Message;

use super::{
    tape::{Tape, piece},
    world,
};

/// Responses to one step: every type has little to say of a small catalog.
const RESPONSES_MAX: usize = 200;

/// What a step does; the rest of its number says how.
const REQUEST: u8 = 0;
const ANSWER: u8 = 1;
const COMMIT: u8 = 2;
const SEE: u8 = 3;
const WAIT: u8 = 4;
const HALF_CLOSE: u8 = 5;
const STEPS: u8 = 6;

/// Added to a step's number: nothing is rendered after it.
const NO_ROOM: u8 = 0x80;

static FULL: LazyLock<Arc<Snapshot>> = LazyLock::new(world::full);

pub(super) fn run(input: &[u8]) {
    let mut tape = Tape::new(input);
    let mut stream = Stream::new(tape.byte());
    while let Some(step) = tape.step() {
        match (step & !NO_ROOM) % STEPS {
            REQUEST => {
                let request = decode(stream.variant, &tape.piece());
                request.into_iter().for_each(|request| stream.request(request));
            }
            ANSWER => stream.answer(tape.byte()),
            COMMIT => stream.commit(tape.byte()),
            SEE => stream.see(world::view(tape.byte())),
            WAIT => stream.now = stream.now.after(Duration::from_millis(250) * u32::from(tape.byte())),
            _ => stream.half_close(),
        }
        if step & NO_ROOM == 0 {
            stream.render();
        }
    }
    stream.come_to_rest();
}

/// What is no request never gets to a session: the transport refuses it.
fn decode(variant: Variant, bytes: &[u8]) -> Option<Request> {
    match variant {
        Variant::Sotw => DiscoveryRequest::decode(bytes).ok().map(Request::Sotw),
        Variant::Delta => DeltaDiscoveryRequest::decode(bytes).ok().map(Request::Delta),
    }
}

/// A stream, and what is known of it from outside.
struct Stream {
    variant: Variant,
    session: ServerSession<SnapshotCatalog>,
    snapshot: Arc<Snapshot>,
    view: View,
    now: Uptime,
    is_refused: bool,
    is_half_closed: bool,
    nonces: BTreeSet<String>,
    types: BTreeMap<String, Type>,
    last: Option<Last>,
}

/// One type on it.
#[derive(Default)]
struct Type {
    /// As they were asked for last (SotW says them again with every answer).
    names: Vec<String>,
    /// When its newest response was sent, and its version, where it has no answer.
    awaited: Option<(Uptime, String)>,
    /// Whether a grace time passed without an answer: then nobody waits until there is one.
    is_lost: bool,
}

/// The newest response.
struct Last {
    type_url: String,
    nonce: String,
    version: String,
}

impl Stream {
    /// A number says which variant and policy.
    fn new(number: u8) -> Self {
        let variant = if number & 1 == 0 { Variant::Sotw } else { Variant::Delta };
        let policy = Policy {
            empty_list: if number & 2 == 0 { EmptyList::CompleteKinds } else { EmptyList::AllKinds },
            gone_endpoints: if number & 4 == 0 { GoneEndpoints::Removed } else { GoneEndpoints::Empty },
            ..Policy::default()
        };
        let snapshot = FULL.clone();
        let view = View::everything();
        let session = ServerSession::new(variant, "fuzz".into(), world::catalog(&snapshot), view.clone())
            .with_policy(policy.into());
        Self {
            variant,
            session,
            snapshot,
            view,
            now: Uptime::default(),
            is_refused: false,
            is_half_closed: false,
            nonces: BTreeSet::new(),
            types: BTreeMap::new(),
            last: None,
        }
    }

    fn request(&mut self, request: Request) {
        let (type_url, names) = match &request {
            Request::Sotw(request) => (request.type_url.clone(), request.resource_names.clone()),
            Request::Delta(request) => (request.type_url.clone(), Vec::new()),
        };
        match self.session.on_request(request, self.now) {
            Ok(outcomes) => {
                assert!(!self.is_refused, "taken in after a refusal");
                outcomes.iter().for_each(check_outcome);
                self.types.insert(type_url, Type { names, ..Type::default() });
                assert!(self.types.len() <= TYPES_PER_STREAM_MAX, "{} types", self.types.len());
            }
            Err(refusal) => {
                assert!(!refusal.to_string().is_empty(), "refused without a reason");
                self.is_refused = true;
            }
        }
    }

    /// Answers the newest response as a client would; an odd number refuses it.
    fn answer(&mut self, number: u8) {
        let Some(Last { type_url, nonce, version }) = self.last.take() else { return };
        let error = Status { code: 3, message: "no".repeat(usize::from(number)), ..Status::default() };
        let error_detail = (number & 1 == 1).then_some(error);
        let names = self.types.get(&type_url).map(|known| known.names.clone()).unwrap_or_default();
        let request = match self.variant {
            Variant::Sotw => Request::Sotw(DiscoveryRequest {
                version_info: version,
                resource_names: names,
                type_url,
                response_nonce: nonce,
                error_detail,
                node: None,
            }),
            Variant::Delta => Request::Delta(DeltaDiscoveryRequest {
                type_url,
                response_nonce: nonce,
                error_detail,
                ..DeltaDiscoveryRequest::default()
            }),
        };
        self.request(request);
    }

    fn commit(&mut self, number: u8) {
        self.snapshot = world::next(&self.snapshot, number);
        self.session.on_catalog(world::catalog(&self.snapshot));
    }

    fn see(&mut self, view: View) {
        self.session.on_view(view.clone());
        self.view = view;
    }

    fn half_close(&mut self) {
        self.session.on_half_close();
        self.is_half_closed = true;
    }

    fn render(&mut self) {
        for _ in 0..RESPONSES_MAX {
            let Some(push) = self.session.render(self.now) else { return };
            self.check(&push);
        }
        panic!("more than {RESPONSES_MAX} responses to one step");
    }

    /// Whatever is left to be said is said, and deadlines lie ahead.
    fn come_to_rest(&mut self) {
        for _ in 0..20 {
            self.render();
            let Some(deadline) = self.session.next_deadline() else { return };
            assert!(deadline > self.now, "a deadline that has passed");
            self.now = deadline;
        }
    }

    fn check(&mut self, Push { frame, sent }: &Push) {
        assert_eq!(frame.pieces.iter().map(|piece| piece.len()).sum::<usize>(), frame.len);
        assert_eq!(sent.bytes, frame.len);
        assert!(self.nonces.insert(sent.nonce.0.clone()), "rule 14: a nonce twice");
        let (type_url, nonce, version, names, removed) = match self.variant {
            Variant::Sotw => {
                let response: DiscoveryResponse = decode_frame(frame).expect("frames decode");
                (response.type_url, response.nonce, response.version_info, response.resources.len(), 0)
            }
            Variant::Delta => {
                let response: DeltaDiscoveryResponse = decode_frame(frame).expect("frames decode");
                self.check_names(&response);
                let (names, removed) = (response.resources.len(), response.removed_resources.len());
                (response.type_url, response.nonce, response.system_version_info, names, removed)
            }
        };
        assert_eq!((&type_url, &nonce, &version), (&sent.type_url.to_string(), &sent.nonce.0, &sent.version));
        assert_eq!((names, removed), (sent.resources, sent.removed));
        assert!(sent.revision <= self.snapshot.revision(), "of a state that is yet to come");
        self.check_visible(frame);
        if !sent.is_heartbeat {
            self.await_answer(&type_url, &version);
        }
        self.last = Some(Last { type_url, nonce, version });
    }

    /// At most one step of a type is on its way (rule 84); one step may take several responses.
    fn await_answer(&mut self, type_url: &str, version: &str) {
        let known = self.types.get_mut(type_url).expect("only what was asked for is answered");
        let awaited = known.awaited.replace((self.now, version.to_owned()));
        let is_free = self.is_half_closed || known.is_lost || type_url == Kind::MESH_CONFIG.type_url();
        if let Some((since, _)) = awaited.filter(|(_, awaited)| awaited != version && !is_free) {
            assert!(
                self.now >= since.after(ACK_GRACE),
                "{type_url}: a newer state while another waits for its answer"
            );
            known.is_lost = true;
        }
    }

    /// rule 45
    fn check_names(&self, response: &DeltaDiscoveryResponse) {
        let names =
            response.resources.iter().map(|resource| &resource.name).chain(&response.removed_resources);
        let mut seen = BTreeSet::new();
        names.for_each(|name| assert!(seen.insert(name), "rule 45: {name} twice in one response"));
    }

    /// Nothing is sent of what this client may not see.
    fn check_visible(&self, frame: &Frame) {
        for (type_url, name) in self.read(frame) {
            if let Some(kind) = Kind::of_type_url(&type_url).filter(|kind| world::KINDS.contains(kind)) {
                let is_asked = kind == Kind::ENDPOINTS; // of those that are not there it is said that they are none
                assert!(is_asked || world::shows(&self.view, kind, &name), "{kind} {name} is not to be seen");
            }
        }
    }

    /// Types and names of a response, read as a client reads them.
    fn read(&self, frame: &Frame) -> Vec<(String, String)> {
        let (type_url, response) = match self.variant {
            Variant::Sotw => {
                let mut response: DiscoveryResponse = decode_frame(frame).expect("frames decode");
                response.resources.iter_mut().for_each(unwrap);
                (response.type_url.clone(), Response::Sotw(response))
            }
            Variant::Delta => {
                let mut response: DeltaDiscoveryResponse = decode_frame(frame).expect("frames decode");
                // A heartbeat has no body.
                response.resources.retain(|resource| resource.resource.is_some());
                (response.type_url.clone(), Response::Delta(response))
            }
        };
        let wanted = vec![(type_url.as_str().into(), Wanted::Everything)];
        let mut reader = ClientSession::new(self.variant, Default::default(), wanted);
        reader.on_connected();
        match reader.on_response(response, self.now) {
            Step::Apply(update) => {
                update.changed.into_iter().map(|found| (type_url.clone(), found.name.to_string())).collect()
            }
            step => panic!("a response that clients refuse: {step:?}"),
        }
    }
}

/// A resource of a SotW response with a time to live is wrapped (rule 74).
fn unwrap(any: &mut Any) {
    if any.type_url.ends_with("/envoy.service.discovery.v3.Resource") {
        let wrapper = Resource::decode(any.value.clone()).expect("a wrapper");
        *any = wrapper.resource.unwrap_or_default();
    }
}

fn check_outcome(outcome: &Outcome) {
    if let Outcome::Nacked { message, .. } = outcome {
        assert!(message.len() <= NACK_MESSAGE_BYTES_MAX, "{} bytes of a NACK", message.len());
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    (0..8).flat_map(|number| [talk(number, false), talk(number, true)]).collect()
}

/// What our own client says, between states, views and time.
fn talk(number: u8, refuses: bool) -> Vec<u8> {
    let variant = if number & 1 == 0 { Variant::Sotw } else { Variant::Delta };
    let mut input = vec![number];
    for request in world::client(variant).on_connected() {
        input.push(REQUEST | NO_ROOM);
        input.extend(piece(&encoded(&request)));
    }
    for step in 0..8 {
        let change = step * 27 + number;
        input.extend([ANSWER, u8::from(refuses), COMMIT, change, ANSWER, 0]);
        input.extend([ANSWER, 0, WAIT, step * 9, ANSWER, u8::from(refuses)]);
    }
    input.extend([SEE, 2, ANSWER, 0, COMMIT, 3, SEE, 0, WAIT, 64, HALF_CLOSE]);
    input
}

fn encoded(request: &Request) -> Vec<u8> {
    match request {
        Request::Sotw(request) => request.encode_to_vec(),
        Request::Delta(request) => request.encode_to_vec(),
    }
}

/// What a server says to our own client, for those who try the client's half.
pub(super) fn responses(variant: Variant) -> Vec<Vec<u8>> {
    let mut client = world::client(variant);
    let mut snapshot = FULL.clone();
    let mut server =
        ServerSession::new(variant, "fuzz".into(), world::catalog(&snapshot), View::everything());
    let mut requests = client.on_connected();
    let mut said = Vec::new();
    for change in 0..12_u8 {
        for request in requests.drain(..) {
            server.on_request(request, Uptime::default()).expect("the client's half keeps to the protocol");
        }
        while let Some(push) = server.render(Uptime::default()) {
            let response = match variant {
                Variant::Sotw => Response::Sotw(decode_frame(&push.frame).expect("frames decode")),
                Variant::Delta => Response::Delta(decode_frame(&push.frame).expect("frames decode")),
            };
            said.push(match &response {
                Response::Sotw(response) => response.encode_to_vec(),
                Response::Delta(response) => response.encode_to_vec(),
            });
            if let Step::Apply(update) = client.on_response(response, Uptime::default()) {
                let answer = client.accept(&update, Uptime::default());
                server
                    .on_request(answer, Uptime::default())
                    .expect("the client's half keeps to the protocol");
            }
        }
        snapshot = world::next(&snapshot, change * 21);
        server.on_catalog(world::catalog(&snapshot));
    }
    said
}
