//! A client, a server, and what is on its way between them.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use super::{
    model::{Model, Names, World, kind, names, view},
    schedule::{Action, Schedule},
    wire::Wire,
};
use crate::{
    kind::{Absence, Kind},
    time::Uptime,
    version::ResourceVersion,
    view::View,
    wire::{Node, Status, decode_frame},
    xds::{
        Variant,
        client::{ClientSession, Response, Step, Update, Wanted},
        pin::Pin,
        server::{Outcome, Request, ServerSession},
    },
};

/// Plays a schedule, then lets everything come to rest, and compares.
///
/// # Panics
/// Where a rule is broken.
pub fn run<W: World>(world: W, schedule: &Schedule) {
    let mut pair = Pair::new(world, schedule);
    pair.play_all(schedule);
    pair.compare_with_excuses();
    // Whoever writes bad resources corrects them: then nothing of what was refused with them is missing.
    let corrected: Vec<_> = pair.model.bad_slots().into_iter().map(|slot| (slot, Some(0))).collect();
    pair.commit(&corrected);
    pair.come_to_rest();
    pair.compare_without_excuses();
}

/// Plays a schedule without lost connections and answers, for a client that names whatever it refuses: at rest it has
/// everything but that, without anybody's correcting it.
///
/// # Panics
/// Where a rule is broken.
pub fn run_named<W: World>(world: W, schedule: &Schedule) {
    let mut pair = Pair::new(world, schedule);
    (pair.names_all, pair.model.is_bad_once) = (true, true);
    pair.play_all(schedule);
    pair.compare_but_for_bad();
}

/// Both halves, and what is between them.
pub(super) struct Pair<W: World> {
    world: W,
    pub(super) model: Model,
    pub(super) view: View,
    variant: Variant,
    client: ClientSession,
    wanted: BTreeMap<Kind, Wanted>,
    pub(super) server: ServerSession<W::Catalog>,
    to_server: VecDeque<Request>,
    to_client: VecDeque<Response>,
    wire: Wire,
    verdicts: BTreeMap<Kind, Verdicts>,
    /// Whether the client names everything that it refuses.
    names_all: bool,
    pub(super) now: Uptime,
}

/// How a client took the last response that spoke of a name.
#[derive(Default)]
struct Verdicts {
    /// What the response said of it, where the response was refused.
    refused: BTreeMap<Arc<str>, Option<ResourceVersion>>,
    /// The last complete set, where it was refused.
    refused_set: Option<Names>,
    /// Nonces that were answered.
    answered: Vec<String>,
}

fn wanted(number: u8, bits: Option<u8>) -> Wanted {
    bits.map_or(Wanted::Everything, |bits| Wanted::Names(names(number, bits)))
}

impl<W: World> Pair<W> {
    pub(super) fn new(mut world: W, schedule: &Schedule) -> Self {
        let of_number = |(number, bits): (u8, &Option<u8>)| (kind(number), wanted(number, *bits));
        let wanted: BTreeMap<Kind, Wanted> = (0u8..).zip(&schedule.wanted).map(of_number).collect();
        let node = Node { id: "pair".into(), ..Node::default() };
        let subscriptions =
            wanted.iter().map(|(kind, wanted)| (kind.type_url().into(), wanted.clone())).collect();
        let catalog = world.commit(&[]);
        let view = view(u8::MAX);
        Self {
            world,
            model: Model::new(schedule.variant),
            variant: schedule.variant,
            client: ClientSession::new(schedule.variant, node, subscriptions),
            wanted,
            server: ServerSession::new(schedule.variant, "test".into(), catalog, view.clone()),
            view,
            to_server: VecDeque::new(),
            to_client: VecDeque::new(),
            wire: Wire::new(schedule.variant),
            verdicts: BTreeMap::new(),
            names_all: false,
            now: Uptime::default(),
        }
    }

    pub(super) fn connect(&mut self) {
        let catalog = self.world.commit(&[]);
        self.server = ServerSession::new(self.variant, "test".into(), catalog, self.view.clone());
        self.wire = Wire::new(self.variant);
        self.to_server.clear();
        self.to_client.clear();
        self.verdicts.clear();
        self.model.pinned.on_connect();
        self.to_server.extend(self.client.on_connected());
    }

    fn play_all(&mut self, schedule: &Schedule) {
        self.connect();
        schedule.actions.iter().for_each(|action| self.play(action));
        self.come_to_rest();
    }

    pub(super) fn play(&mut self, action: &Action) {
        match action {
            Action::Commit(edits) => self.commit(edits),
            Action::Deliver => drop(self.deliver(true)),
            Action::DeliverUnanswered => drop(self.deliver(false)),
            Action::Take => drop(self.take()),
            Action::Render => drop(self.render()),
            Action::Want(number, bits) => self.want(*number, *bits),
            Action::Repeat { kind: number, empty, error } => self.repeat(kind(*number), *empty, *error),
            Action::See(bits) => self.see(view(*bits)),
            Action::Reconnect => self.connect(),
            Action::Wait(seconds) => self.now = self.now.after(Duration::from_secs(u64::from(*seconds))),
        }
    }

    pub(super) fn commit(&mut self, edits: &[(u8, Option<u8>)]) {
        let last: BTreeMap<u8, Option<u8>> = edits.iter().copied().collect();
        let edits: Vec<_> = last.into_iter().map(|(slot, value)| self.model.edit(slot, value)).collect();
        self.server.on_catalog(self.world.commit(&edits));
        self.model.pinned.check(&mut self.server);
    }

    fn see(&mut self, view: View) {
        if view != self.view {
            self.model.on_view(&view);
            self.wire.on_view(&self.model, &view);
        }
        self.view = view;
        self.server.on_view(self.view.clone());
        self.model.pinned.check(&mut self.server);
    }

    fn want(&mut self, number: u8, bits: Option<u8>) {
        let (kind, wanted) = (kind(number), wanted(number, bits));
        self.to_server.extend(self.client.want(&kind.type_url(), wanted.clone()));
        self.wanted.insert(kind, wanted);
    }

    /// What the client wants is said again, with a nonce that can't be the newest response's.
    fn repeat(&mut self, kind: Kind, empty: bool, error: bool) {
        let url = kind.type_url();
        let Some(old) = self.verdicts.get(&kind).and_then(|verdicts| verdicts.answered.first()) else {
            return;
        };
        let nonce = if empty { String::new() } else { old.clone() };
        let update = Update {
            type_url: url.as_str().into(),
            nonce: crate::version::Nonce(nonce),
            version: String::new(),
            changed: Vec::new(),
            removed: Vec::new(),
            lifetimes: Vec::new(),
        };
        let mut copy = self.client.peek_ack(&update);
        let error = error.then(|| Status { code: 3, message: "old".into(), ..Status::default() });
        match &mut copy {
            Request::Sotw(request) => request.error_detail = error,
            Request::Delta(request) => request.error_detail = error,
        }
        self.to_server.push_back(copy);
    }

    pub(super) fn take(&mut self) -> Option<()> {
        let request = self.to_server.pop_front()?;
        self.wire.on_request(&request);
        let outcomes = self.server.on_request(request, self.now);
        for outcome in outcomes.expect("the client's half keeps to the protocol") {
            if let Outcome::Nacked { type_url, blamed, pins, .. } = outcome {
                self.wire.on_blamed(&type_url, &blamed);
                self.pin(pins);
            }
        }
        // A stream begins without them.
        self.model.pinned.exchange(Vec::new(), &mut self.server);
        Some(())
    }

    fn pin(&mut self, pins: Vec<Pin>) {
        for pin in pins.iter().filter(|_| self.names_all) {
            let refused = self.model.pinned.refused(pin);
            assert!(self.model.is_bad(&refused), "{} was not refused", pin.name);
        }
        self.model.pinned.exchange(pins, &mut self.server);
    }

    pub(super) fn render(&mut self) -> Option<()> {
        self.wire.on_render(&self.model, &self.view);
        let push = self.server.render(self.now)?;
        let response = match self.variant {
            Variant::Sotw => Response::Sotw(decode_frame(&push.frame).expect("frames decode")),
            Variant::Delta => Response::Delta(decode_frame(&push.frame).expect("frames decode")),
        };
        self.wire.on_response(&response, &self.model, &self.view);
        self.to_client.push_back(response);
        Some(())
    }

    /// The client refuses what holds a bad version, and accepts the rest.
    pub(super) fn deliver(&mut self, answers: bool) -> Option<()> {
        let response = self.to_client.pop_front()?;
        let said = super::wire::said(&response);
        let step = self.client.on_response(response, self.now);
        let Step::Apply(update) = step else { panic!("the server's half made a bad response: {step:?}") };
        let bad = update.changed.iter().filter(|resource| self.model.is_bad(&resource.version));
        let refuses = bad.clone().next().is_some();
        let named = bad.filter(|resource| self.names_all || self.model.is_named(&resource.version));
        let message: String = named.map(|resource| format!("{}: bad\n", resource.name)).collect();
        let verdicts = self.verdicts.entry(said.kind).or_default();
        verdicts.refused_set = None;
        for (name, version) in said.names() {
            verdicts.refused.remove(&name);
            if refuses {
                verdicts.refused.insert(name, version);
            }
        }
        if refuses {
            verdicts.refused_set = Some(said.changed);
        }
        verdicts.answered.push(update.nonce.0.clone());
        let answer = if refuses {
            self.client.reject(&update, &message)
        } else {
            self.client.accept(&update, self.now)
        };
        if answers || refuses {
            self.to_server.push_back(answer);
        }
        Some(())
    }

    /// Everything on its way arrives, everything to say is said, and grace times pass.
    pub(super) fn come_to_rest(&mut self) {
        for _ in 0..10_000 {
            let moved = self.take().or_else(|| self.render()).or_else(|| self.deliver(true));
            if moved.is_none() {
                match self.server.next_grace_end() {
                    Some(deadline) => self.now = deadline,
                    None => return,
                }
            }
        }
        panic!("the halves never come to rest");
    }

    /// Snapshot x view x subscription.
    fn expected(&self, kind: Kind) -> Names {
        let wanted = &self.wanted[&kind];
        let visible = self.model.visible(kind, &self.view).into_values();
        let is_wanted = |name: &str| match wanted {
            Wanted::Everything => true,
            Wanted::Names(names) => names.contains(name),
        };
        visible.filter(|entry| is_wanted(&entry.name)).map(|entry| (entry.name, entry.version)).collect()
    }

    pub(super) fn held(&self, kind: Kind) -> Names {
        self.client.held(&kind.type_url()).into_iter().collect()
    }

    /// What the client lacks or has too much, by name, with what it should have.
    fn mistakes(&self, kind: Kind) -> Vec<(Arc<str>, Option<ResourceVersion>)> {
        let (expected, held) = (self.expected(kind), self.held(kind));
        // SotW has no way to take such a resource away (rule 44).
        let keeps = self.variant == Variant::Sotw && kind.info().absence == Absence::SaysNothing;
        let names: BTreeSet<Arc<str>> = expected.keys().chain(held.keys()).cloned().collect();
        let differs = |name: &Arc<str>| expected.get(name) != held.get(name);
        let excess = |name: &Arc<str>| !expected.contains_key(name);
        let wrong = names.into_iter().filter(|name| differs(name) && !(keeps && excess(name)));
        wrong.map(|name| (name.clone(), expected.get(&name).cloned())).collect()
    }

    fn compare_with_excuses(&self) {
        for &kind in self.wanted.keys() {
            for (name, should) in self.mistakes(kind) {
                let verdicts = self.verdicts.get(&kind).expect("a type that was spoken of");
                let is_refused = match self.variant {
                    Variant::Sotw if kind.info().absence == Absence::Deletes => {
                        verdicts.refused_set.as_ref() == Some(&self.expected(kind))
                    }
                    _ => verdicts.refused.get(&name) == Some(&should),
                };
                assert!(is_refused, "{kind} {name}: should be held as {should:?}, and was not refused so");
            }
        }
    }

    fn compare_but_for_bad(&self) {
        for &kind in self.wanted.keys() {
            let is_bad =
                |should: &Option<ResourceVersion>| should.as_ref().is_some_and(|it| self.model.is_bad(it));
            let missing: Vec<_> =
                self.mistakes(kind).into_iter().filter(|(_, should)| !is_bad(should)).collect();
            assert_eq!(missing, [], "{kind}: held {:?}", self.held(kind));
        }
    }

    pub(super) fn compare_without_excuses(&self) {
        for &kind in self.wanted.keys() {
            assert_eq!(self.mistakes(kind), [], "{kind}: held {:?}", self.held(kind));
        }
    }
}
