//! Once all is quiet, every honest sink holds exactly the snapshot, as its view shows it: names, versions and bytes; one that
//! refuses things, all but those. What the snapshot is comes from the store's commits, by a fold that has nothing in common
//! with the server's.

use std::collections::BTreeMap;

use mainsheet_api::{kind::Kind, xds::Variant};

use crate::sim::{
    history::Cast,
    model::{Held, Model, difference, is_same},
    world::kinds,
};

/// Whether this sink, which sees so much, holds what it should. The error is what it does not.
pub(in crate::sim) fn of_sink(cast: &Cast, model: &Model) -> Result<(), String> {
    let state = cast.state.lock();
    if !state.is_connected {
        return Err(format!("{} is not connected", cast.name));
    }
    let nothing = Held::new();
    for (kind, names) in &state.wanted {
        let wants = |name: &str| names.as_ref().is_none_or(|names| names.contains(name));
        let mut expected = model.shown(*kind, cast.sees.as_deref(), wants);
        let mut held = state.held.get(kind).unwrap_or(&nothing).clone();
        // What it has refused, it need not have, and may have an older one of.
        expected.retain(|name, (_, any)| {
            let refused = state.refused.get(&(*kind, name.clone()));
            let is_refused = refused.is_some_and(|refused| is_same(refused, any));
            if is_refused {
                held.remove(name);
            }
            !is_refused
        });
        // SotW has no place for the version of a message of Envoy's: its client takes a digest.
        let has_versions = cast.variant == Variant::Delta || *kind != Kind::CLUSTER;
        if let Some(difference) = difference(&expected, &held, has_versions) {
            return Err(format!("{}: {kind}: {difference}", cast.name));
        }
    }
    Ok(())
}

/// Whether a server that follows another has in its store what the other serves, at the same versions.
pub(in crate::sim) fn of_relay(hub: &Model, relay: &Model) -> Result<(), String> {
    let names =
        |held: Held| held.into_iter().map(|(name, (version, _))| (name, version)).collect::<BTreeMap<_, _>>();
    // Envoy's kinds are not followed unless that is said.
    for kind in kinds().into_iter().filter(|kind| *kind != Kind::CLUSTER) {
        let (theirs, ours) =
            (names(hub.shown(kind, None, |_| true)), names(relay.shown(kind, None, |_| true)));
        if theirs != ours {
            let differs = theirs.iter().find(|(name, version)| ours.get(*name) != Some(*version));
            let extra = ours.keys().find(|name| !theirs.contains_key(*name));
            return Err(format!("the relay's {kind}: differs in {differs:?}, has beyond {extra:?}"));
        }
    }
    Ok(())
}
