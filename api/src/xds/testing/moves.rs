//! Make before break: listeners that refer to clusters, and move between them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use proptest::{collection::vec, option, prelude::*};

use super::{
    model::{World, key},
    pair::Pair,
    schedule::Schedule,
};
use crate::{kind::Kind, time::Uptime, version::ResourceVersion, xds::Variant};

/// What happens to listeners, each of which refers to one cluster. A cluster is there while a listener refers to it.
#[derive(Clone, Debug)]
pub struct Moves {
    variant: Variant,
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Step {
    /// In one push: listeners by number, each with its new cluster, or gone.
    Push(Vec<(u8, Option<u8>)>),
    Deliver,
    Take,
    Render,
}

const LISTENERS: u8 = 4;
const CLUSTERS: u8 = 6;

fn listener(number: u8) -> u8 {
    3 + 4 * number
}

fn cluster(number: u8) -> u8 {
    1 + 4 * number
}

/// Any moves.
pub fn moves() -> impl Strategy<Value = Moves> {
    let listener = (0..LISTENERS, option::weighted(0.9, 0..CLUSTERS));
    let step = prop_oneof![
        1 => vec(listener, 1..4).prop_map(Step::Push),
        2 => Just(Step::Deliver),
        2 => Just(Step::Take),
        2 => Just(Step::Render),
    ];
    let variant = prop_oneof![Just(Variant::Sotw), Just(Variant::Delta)];
    (variant, vec(step, 1..120)).prop_map(|(variant, steps)| Moves { variant, steps })
}

/// Plays moves, and sees that the client at no time holds a listener without the cluster that it refers to.
///
/// # Panics
/// Where it does.
pub fn run_moves<W: World>(world: W, moves: &Moves) {
    let schedule = Schedule { variant: moves.variant, wanted: vec![None; 4], actions: Vec::new() };
    let mut pair = Pair::new(world, &schedule);
    pair.connect();
    // First answers wait for nothing (rule 83); order is kept from then on.
    settle(&mut pair, |_| {});
    let mut listeners: BTreeMap<u8, u8> = BTreeMap::new();
    let mut targets: BTreeMap<ResourceVersion, Arc<str>> = BTreeMap::new();
    for step in &moves.steps {
        match step {
            Step::Push(changes) => {
                let before: BTreeSet<u8> = listeners.values().copied().collect();
                for &(number, to) in changes {
                    match to {
                        Some(to) => listeners.insert(number, to),
                        None => listeners.remove(&number),
                    };
                }
                push(&mut pair, &before, &listeners);
                remember(&pair, &listeners, &mut targets);
            }
            Step::Deliver => drop(pair.deliver(true)),
            Step::Take => drop(pair.take()),
            Step::Render => drop(pair.render()),
        }
        no_reference_dangles(&pair, &targets);
    }
    settle(&mut pair, |pair| no_reference_dangles(pair, &targets));
    assert_eq!(pair.server.next_deadline(), None, "whoever answers is never left to a grace time");
    assert_eq!(pair.now, Uptime::default());
    pair.compare_without_excuses();
}

/// Everything on its way arrives, and everything to say is said. No time passes.
fn settle<W: World>(pair: &mut Pair<W>, check: impl Fn(&Pair<W>)) {
    while pair.take().or_else(|| pair.render()).or_else(|| pair.deliver(true)).is_some() {
        check(pair);
    }
}

fn push<W: World>(pair: &mut Pair<W>, before: &BTreeSet<u8>, listeners: &BTreeMap<u8, u8>) {
    let after: BTreeSet<u8> = listeners.values().copied().collect();
    let gone = before.difference(&after).map(|&number| (cluster(number), None));
    let come = after.difference(before).map(|&number| (cluster(number), Some(0)));
    let moved = (0..LISTENERS).map(|number| (listener(number), listeners.get(&number).copied()));
    let edits: Vec<_> = gone.chain(come).chain(moved).collect();
    pair.commit(&edits);
}

/// To which cluster each version of a listener refers.
fn remember<W: World>(
    pair: &Pair<W>,
    listeners: &BTreeMap<u8, u8>,
    targets: &mut BTreeMap<ResourceVersion, Arc<str>>,
) {
    let visible = pair.model.visible(Kind::LISTENER, &pair.view);
    for (&number, &to) in listeners {
        let entry = &visible[key(listener(number)).wire_name().as_str()];
        targets.insert(entry.version.clone(), key(cluster(to)).wire_name().into());
    }
}

fn no_reference_dangles<W: World>(pair: &Pair<W>, targets: &BTreeMap<ResourceVersion, Arc<str>>) {
    let clusters = pair.held(Kind::CLUSTER);
    for (name, version) in pair.held(Kind::LISTENER) {
        let target = &targets[&version];
        assert!(clusters.contains_key(target), "rules 77, 79: {name} refers to {target}, which is not held");
    }
}
