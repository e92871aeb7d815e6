//! Make before break: listeners that refer to clusters, and move between them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use proptest::{collection::vec, option, prelude::*};

use super::{
    model::{KINDS_LEN, World, key},
    pair::Pair,
    schedule::{Action, Schedule},
};
use crate::{kind::Kind, version::ResourceVersion, xds::Variant};

/// What happens to listeners, each of which refers to one cluster. A cluster is there while a listener refers to it.
#[derive(Clone, Debug)]
pub struct Moves {
    /// Of the stream.
    pub variant: Variant,
    /// What happens.
    pub steps: Vec<Move>,
}

/// One thing that happens.
#[derive(Clone, Debug)]
pub enum Move {
    /// In one push: listeners by number, each with what it refers to, or gone.
    Push(Vec<(u8, Option<Target>)>),
    /// The client takes one response and answers it.
    Deliver,
    /// The server takes one request.
    Take,
    /// The transport has room for one response.
    Render,
    /// Something in whose course nothing is promised of references: a lost connection, another view for a while, time
    /// that passes. Afterwards everything comes to rest, and the promise holds again.
    Break(Action),
}

/// What a listener refers to.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// By number.
    pub cluster: u8,
    /// Whether the client refuses such a listener, and goes on using the one before.
    pub is_refused: bool,
}

const LISTENERS: u8 = 4;
const CLUSTERS: u8 = 6;
const EVERY_NAMESPACE: u8 = u8::MAX;

fn listener(number: u8) -> u8 {
    3 + KINDS_LEN * number
}

fn cluster(number: u8) -> u8 {
    1 + KINDS_LEN * number
}

impl Target {
    /// The client refuses values from 6 on.
    fn value(self) -> u8 {
        self.cluster + if self.is_refused { CLUSTERS } else { 0 }
    }
}

/// Any moves.
pub fn moves() -> impl Strategy<Value = Moves> {
    let target = (0..CLUSTERS, prop::bool::weighted(0.1));
    let target = target.prop_map(|(cluster, is_refused)| Target { cluster, is_refused });
    let listener = (0..LISTENERS, option::weighted(0.9, target));
    let action = prop_oneof![
        Just(Action::Reconnect),
        (0u8..3).prop_map(Action::See),
        (1u8..30).prop_map(Action::Wait),
    ];
    let step = prop_oneof![
        10 => vec(listener, 1..4).prop_map(Move::Push),
        20 => Just(Move::Deliver),
        20 => Just(Move::Take),
        20 => Just(Move::Render),
        1 => action.prop_map(Move::Break),
    ];
    let variant = prop_oneof![Just(Variant::Sotw), Just(Variant::Delta)];
    (variant, vec(step, 1..120)).prop_map(|(variant, steps)| Moves { variant, steps })
}

/// Plays moves, and sees that the client at no time holds a listener without the cluster that it refers to.
///
/// # Panics
/// Where it does.
pub fn run_moves<W: World>(world: W, moves: &Moves) {
    let mut play = Play::new(world, moves.variant);
    for step in &moves.steps {
        play.step(step);
        play.no_reference_dangles();
    }
    // Whoever writes bad listeners corrects them.
    let bad = play.listeners.iter().filter(|(_, target)| target.is_refused);
    let corrected =
        bad.map(|(&number, target)| (number, Some(Target { is_refused: false, ..*target }))).collect();
    play.push(corrected);
    play.settle();
    assert_eq!(play.pair.server.next_deadline(), None, "whoever answers is never left to a grace time");
    play.pair.compare_without_excuses();
}

struct Play<W: World> {
    pair: Pair<W>,
    listeners: BTreeMap<u8, Target>,
    /// To which cluster each version of a listener refers.
    targets: BTreeMap<ResourceVersion, Arc<str>>,
}

impl<W: World> Play<W> {
    fn new(world: W, variant: Variant) -> Self {
        let schedule = Schedule { variant, wanted: vec![None; 4], actions: Vec::new() };
        let mut pair = Pair::new(world, &schedule);
        pair.connect();
        let mut play = Self { pair, listeners: BTreeMap::new(), targets: BTreeMap::new() };
        // First answers wait for nothing (rule 83); order is kept from then on.
        play.settle();
        play
    }

    fn step(&mut self, step: &Move) {
        match step {
            Move::Push(changes) => self.push(changes.clone()),
            Move::Deliver => drop(self.pair.deliver(true)),
            Move::Take => drop(self.pair.take()),
            Move::Render => drop(self.pair.render()),
            Move::Break(action) => {
                self.pair.play(action);
                self.pair.come_to_rest();
                self.pair.play(&Action::See(EVERY_NAMESPACE));
                self.correct();
                self.pair.come_to_rest();
            }
        }
    }

    /// Whoever writes bad listeners corrects them.
    fn correct(&mut self) {
        let bad = self.listeners.iter().filter(|(_, target)| target.is_refused);
        let corrected = bad.map(|(&number, target)| (number, Some(Target { is_refused: false, ..*target })));
        self.push(corrected.collect());
    }

    fn clusters(&self) -> BTreeSet<u8> {
        self.listeners.values().map(|target| target.cluster).collect()
    }

    fn push(&mut self, changes: Vec<(u8, Option<Target>)>) {
        let before = self.clusters();
        for (number, to) in changes {
            match to {
                Some(to) => self.listeners.insert(number, to),
                None => self.listeners.remove(&number),
            };
        }
        let after = self.clusters();
        let gone = before.difference(&after).map(|&number| (cluster(number), None));
        let come = after.difference(&before).map(|&number| (cluster(number), Some(0)));
        let value = |number| self.listeners.get(&number).map(|target| target.value());
        let moved = (0..LISTENERS).map(|number| (listener(number), value(number)));
        let edits: Vec<_> = gone.chain(come).chain(moved).collect();
        self.pair.commit(&edits);
        self.remember();
    }

    fn remember(&mut self) {
        let visible = self.pair.model.served(Kind::LISTENER, &self.pair.view);
        for (&number, target) in &self.listeners {
            let entry = &visible[key(listener(number)).wire_name().as_str()];
            self.targets.insert(entry.version.clone(), key(cluster(target.cluster)).wire_name().into());
        }
    }

    /// Everything on its way arrives, and everything to say is said. No time passes.
    fn settle(&mut self) {
        while self.pair.take().or_else(|| self.pair.render()).or_else(|| self.pair.deliver(true)).is_some() {
            self.no_reference_dangles();
        }
    }

    fn no_reference_dangles(&self) {
        let clusters = self.pair.held(Kind::CLUSTER);
        for (name, version) in self.pair.held(Kind::LISTENER) {
            let target = &self.targets[&version];
            assert!(
                clusters.contains_key(target),
                "rules 77, 79: {name} refers to {target}, which is not held"
            );
        }
    }
}
