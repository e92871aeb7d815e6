//! A sink of the history: a stream of its own making, on the protocol's client half, with habits good and bad.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use mainsheet_api::{
    kind::Kind,
    time::Uptime,
    wire::{DeltaDiscoveryRequest, DiscoveryRequest, Node, Status as RpcStatus},
    xds::{
        Variant,
        client::{ClientSession, Response, Step, Update, Wanted},
        server::Request,
    },
};
use prost::Message as _;
use tokio::sync::watch;

use super::{
    check::stream::StreamRules,
    dial::Dialer,
    dice::Dice,
    journal::Checker,
    model::Held,
    network::Net,
    rpc::Rpc,
    timeline::Phase,
    world::{ZONES, kinds},
};

/// What a sink does with what it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Habit {
    /// Applies and ACKs at once.
    Honest,
    /// The same, after a while.
    Slow,
    /// Changes its mind about what it wants.
    Fickle,
    /// Reads, and never answers.
    Mute,
    /// Refuses a resource until it changes.
    Picky,
    /// Asks for more than there is, and more often than anybody may.
    Greedy,
    /// Sends what no client should.
    Wrong,
}

/// What a sink is, and what it holds.
pub(super) struct Sink {
    pub(super) node: String,
    pub(super) habit: Habit,
    pub(super) variant: Variant,
    pub(super) server: SocketAddr,
    pub(super) dialer: Dialer,
    pub(super) net: Net,
    pub(super) seed: u64,
    pub(super) state: Shared,
    /// Nothing new is begun any more.
    pub(super) quiet: watch::Receiver<bool>,
}

/// What a sink holds, as checkers see it. Cloning shares it.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Mutex<SinkState>>);

#[derive(Default)]
pub(super) struct SinkState {
    pub(super) held: BTreeMap<Kind, Held>,
    pub(super) wanted: BTreeMap<Kind, Option<BTreeSet<String>>>,
    /// What it refused last of each name, encoded.
    pub(super) refused: BTreeMap<(Kind, String), Bytes>,
    pub(super) is_connected: bool,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, SinkState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an update in, but for these names.
    pub(super) fn apply(&self, update: &Update, but: &BTreeSet<&str>) {
        let Some(kind) = Kind::of_type_url(&update.type_url) else { return };
        let mut state = self.lock();
        let held = state.held.entry(kind).or_default();
        let mut refused = Vec::new();
        for received in &update.changed {
            let (name, bytes) = (received.name.to_string(), Bytes::from(received.any.encode_to_vec()));
            if but.contains(&*received.name) {
                refused.push(((kind, name), bytes));
            } else {
                held.insert(name, (received.version.to_string(), bytes));
            }
        }
        update.removed.iter().for_each(|name| drop(held.remove(&**name)));
        state.refused.extend(refused);
    }

    /// What is no longer wanted is no longer held.
    fn want(&self, kind: Kind, wanted: &Wanted) {
        let mut state = self.lock();
        let names = match wanted {
            Wanted::Everything => None,
            Wanted::Names(names) => Some(names.clone()),
        };
        if let Some(names) = &names {
            state.held.entry(kind).or_default().retain(|name, _| names.contains(name));
        }
        state.wanted.insert(kind, names);
    }
}

impl Sink {
    /// Connects, and does what it does, and connects again, for ever.
    pub(super) async fn run(self) {
        let mut dice = Dice::of(self.seed, &format!("{}/sink", self.node));
        let wanted = self.first_wishes(&mut dice);
        for (url, wanted) in &wanted {
            self.state.want(kind_of(url), wanted);
        }
        let node = Node { id: self.node.clone(), ..Node::default() };
        let mut session = ClientSession::new(self.variant, node, wanted);
        let mut refused = Refusing::default();
        loop {
            let end = self.stream(&mut session, &mut dice, &mut refused).await;
            session.on_disconnected();
            self.state.lock().is_connected = false;
            self.net.journal.note("gone", || format!("{}: {end}", self.node));
            let pause = dice.millis(20, 1_500);
            self.net.timeline.pause(Phase::Actors, pause).await;
        }
    }

    /// Everything of two kinds or three, or some names.
    fn first_wishes(&self, dice: &mut Dice) -> Vec<(Arc<str>, Wanted)> {
        let kinds = kinds().into_iter().filter(|kind| *kind == Kind::VIRTUAL_SERVICE || dice.percent(80));
        let kinds: Vec<Kind> = kinds.collect();
        let wish = |kind: Kind| {
            let wanted = if dice.percent(75) { Wanted::Everything } else { some_names(kind, dice) };
            (Arc::from(kind.type_url()), wanted)
        };
        kinds.into_iter().map(wish).collect()
    }

    /// One stream, until it ends. Returns why.
    async fn stream(&self, session: &mut ClientSession, dice: &mut Dice, refused: &mut Refusing) -> String {
        let first = session.on_connected();
        let mut rules = StreamRules::new(self.dialer.clone(), self.net.clone());
        first.iter().for_each(|request| rules.sent(request));
        self.net.journal.note("open", || format!("{}: {} types", self.node, first.len()));
        let mut rpc = match Rpc::open((&self.dialer, &self.net), self.server, self.variant, first).await {
            Ok(rpc) => rpc,
            Err(status) => return status,
        };
        self.state.lock().is_connected = true;
        let mut quiet = self.quiet.clone();
        loop {
            let is_quiet = *quiet.borrow_and_update();
            let whim = self.net.timeline.next(Phase::Actors, dice.millis(300, 4_000));
            tokio::select! {
                biased;
                response = rpc.receive() => match response {
                    Ok(response) => {
                        rules.received(&response);
                        self.take(response, (session, refused), dice, (&mut rpc, &mut rules)).await;
                    }
                    Err(status) => return status,
                },
                _ = quiet.changed() => {}
                () = self.net.timeline.until(whim), if !is_quiet => {
                    for request in self.whim(session, dice) {
                        rules.sent(&request);
                        rpc.send(request);
                    }
                }
            }
        }
    }

    async fn take(
        &self,
        response: Response,
        (session, refused): (&mut ClientSession, &mut Refusing),
        dice: &mut Dice,
        (rpc, rules): (&mut Rpc, &mut StreamRules),
    ) {
        self.net.journal.note("response", || format!("{}: {}", self.node, text_of(&response)));
        let request = match session.on_response(response, Uptime::default()) {
            Step::Ignore | Step::Reopen => return,
            Step::Answer(request) => request,
            Step::Refuse(_, malformed) => {
                return self
                    .net
                    .journal
                    .fail(Checker::Health, format!("{}: malformed: {malformed}", self.node));
            }
            Step::Apply(update) => {
                match self.habit {
                    Habit::Mute => return self.state.apply(&update, &BTreeSet::new()),
                    Habit::Slow => {
                        let pause = dice.millis(1, 2_500);
                        self.net.timeline.pause(Phase::Actors, pause).await;
                    }
                    _ => {}
                }
                let hated =
                    if self.habit == Habit::Picky { refused.among(&update, dice) } else { BTreeSet::new() };
                self.state.apply(&update, &hated);
                if hated.is_empty() {
                    session.accept(&update, Uptime::default())
                } else {
                    session.reject_some(&update, (&hated, "simulated: not to be had"), Uptime::default())
                }
            }
        };
        self.net.journal.note("answer", || format!("{}: {}", self.node, answer_of(&request)));
        rules.sent(&request);
        rpc.send(request);
    }

    /// What comes to its mind.
    fn whim(&self, session: &mut ClientSession, dice: &mut Dice) -> Vec<Request> {
        match self.habit {
            Habit::Fickle => {
                let kind = *dice.pick(&kinds());
                let wanted = if dice.percent(40) { Wanted::Everything } else { some_names(kind, dice) };
                self.net.journal.note("whim", || format!("{}: {kind} {wanted:?}", self.node));
                self.state.want(kind, &wanted);
                session.want(&kind.type_url(), wanted).into_iter().collect()
            }
            Habit::Wrong => vec![self.nonsense(dice)],
            Habit::Greedy => self.greed(dice),
            _ => Vec::new(),
        }
    }

    /// Names without end, or requests without end, of a kind that it does not hold.
    fn greed(&self, dice: &mut Dice) -> Vec<Request> {
        let (requests, names) = if dice.percent(50) { (1, dice.below(100, 4_000)) } else { (300, 1) };
        self.net.journal.note("greed", || format!("{}: {requests} requests, {names} names", self.node));
        let request = |number: u64| {
            let names = (0..names).map(|name| format!("{:040}", dice.below(0, 5) + 1_000 * number + name));
            let (type_url, names) = (Kind::ENDPOINTS.type_url().to_owned(), names.collect());
            match self.variant {
                Variant::Sotw => {
                    Request::Sotw(DiscoveryRequest { type_url, resource_names: names, ..Default::default() })
                }
                Variant::Delta => Request::Delta(DeltaDiscoveryRequest {
                    type_url,
                    resource_names_subscribe: names,
                    ..Default::default()
                }),
            }
        };
        (0..requests).map(request).collect()
    }

    /// Nonces that nobody gave, types that nobody has, names of nothing.
    fn nonsense(&self, dice: &mut Dice) -> Request {
        let kind = *dice.pick(&kinds());
        let type_url =
            if dice.percent(30) { format!("simulated/{}", dice.below(0, 9)) } else { kind.type_url() };
        let nonce = match dice.below(0, 3) {
            0 => String::new(),
            1 => dice.below(0, 20).to_string(),
            _ => "\u{0}nonsense".repeat(20),
        };
        let names: Vec<String> = (0..dice.below(0, 4)).map(|_| format!("x{}/*", dice.below(0, 9))).collect();
        let error = dice.percent(30).then(|| RpcStatus {
            code: 3,
            message: "simulated".into(),
            ..Default::default()
        });
        self.net.journal.note("nonsense", || format!("{}: {type_url} {names:?}", self.node));
        match self.variant {
            Variant::Sotw => Request::Sotw(DiscoveryRequest {
                type_url,
                resource_names: names,
                response_nonce: nonce,
                version_info: "0".into(),
                error_detail: error,
                ..Default::default()
            }),
            Variant::Delta => Request::Delta(DeltaDiscoveryRequest {
                type_url,
                resource_names_subscribe: names.clone(),
                resource_names_unsubscribe: names,
                response_nonce: nonce,
                error_detail: error,
                ..Default::default()
            }),
        }
    }
}

/// What a picky sink refuses: these names at these versions.
#[derive(Debug, Default)]
struct Refusing(BTreeMap<(String, String), String>);

impl Refusing {
    /// Names of an update that it does not take.
    fn among<'a>(&mut self, update: &'a Update, dice: &mut Dice) -> BTreeSet<&'a str> {
        let mut hated = BTreeSet::new();
        for received in &update.changed {
            let place = (update.type_url.to_string(), received.name.to_string());
            let version = received.version.to_string();
            if self.0.get(&place) == Some(&version) || dice.percent(12) {
                self.0.insert(place, version);
                hated.insert(&*received.name);
            }
        }
        hated
    }
}

fn kind_of(type_url: &str) -> Kind {
    kinds().into_iter().find(|kind| kind.type_url() == type_url).unwrap_or(Kind::VIRTUAL_SERVICE)
}

/// Some names of a kind, those of zones that it may not see among them.
fn some_names(kind: Kind, dice: &mut Dice) -> Wanted {
    let names = (0..dice.below(1, 8)).map(|_| {
        let (zone, number) = (dice.pick(&ZONES), dice.below(0, 6));
        let slash = if kind == Kind::CLUSTER { '-' } else { '/' };
        format!("{zone}{slash}r{number}")
    });
    Wanted::Names(names.collect())
}

fn text_of(response: &Response) -> String {
    let short = |url: &str| url.rsplit(['/', '.']).next().unwrap_or_default().to_owned();
    match response {
        Response::Sotw(response) => {
            format!(
                "{} #{}, {} resources",
                short(&response.type_url),
                response.nonce,
                response.resources.len()
            )
        }
        Response::Delta(response) => {
            let changed: Vec<&str> =
                response.resources.iter().map(|resource| resource.name.as_str()).collect();
            let (nonce, removed) = (&response.nonce, &response.removed_resources);
            format!("{} #{nonce}, changed {changed:?}, removed {removed:?}", short(&response.type_url))
        }
    }
}

fn answer_of(request: &Request) -> String {
    let (nonce, error) = match request {
        Request::Sotw(request) => (&request.response_nonce, &request.error_detail),
        Request::Delta(request) => (&request.response_nonce, &request.error_detail),
    };
    format!("{} #{nonce}", if error.is_some() { "NACK" } else { "ACK" })
}

/// How long a stream may take to be opened.
pub(super) const OPEN_TIMEOUT: Duration = Duration::from_secs(20);
