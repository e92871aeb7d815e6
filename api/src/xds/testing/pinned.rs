//! What the sink is pinned to, as plainly as it can be said: apart from what the server makes of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    kind::Kind,
    version::ResourceVersion,
    wire::Entry,
    xds::{catalog::Catalog, pin::Pin, server::ServerSession},
};

/// The pins of a sink, kept through all of its streams.
#[derive(Debug, Default)]
pub(super) struct Pinned {
    pins: BTreeMap<(Kind, Arc<str>), Pin>,
    /// Everything that was ever served, as the client knows it, with the version that the server knows it by.
    known: Vec<(Entry, ResourceVersion)>,
    /// Whether the stream was told what there is.
    is_told: bool,
}

impl Pinned {
    /// A resource changes: whoever is pinned to another version of it is not any more.
    pub(super) fn on_edit(&mut self, (kind, entry): (Kind, &Entry), served: ResourceVersion) {
        self.pins.retain(|(of, name), pin| (*of, name) != (kind, &entry.name) || pin.refused == served);
        if !self.known.iter().any(|(known, _)| known.any == entry.any) {
            self.known.push((entry.clone(), served));
        }
    }

    /// A stream begins, which is told with its first request.
    pub(super) fn on_connect(&mut self) {
        self.is_told = false;
    }

    pub(super) fn retain(&mut self, keep: impl Fn(Kind, &Arc<str>) -> bool) {
        self.pins.retain(|(kind, name), _| keep(*kind, name));
    }

    /// What is served, with what stands in for what was refused.
    pub(super) fn over(
        &self,
        kind: Kind,
        mut served: BTreeMap<Arc<str>, Entry>,
    ) -> BTreeMap<Arc<str>, Entry> {
        for pin in self.pins.values().filter(|pin| pin.kind == kind) {
            assert!(served.remove(&pin.name).is_some(), "{} is pinned and not there", pin.name);
            served.extend(pin.good.as_ref().map(|good| (pin.name.clone(), self.as_client_knows(good))));
        }
        served
    }

    fn as_client_knows(&self, good: &Entry) -> Entry {
        let known = self.known.iter().find(|(known, _)| known.any == good.any);
        known.expect("nothing stands in that never was served").0.clone()
    }

    /// The version in which the client knows what was refused.
    pub(super) fn refused(&self, pin: &Pin) -> ResourceVersion {
        let of =
            |(known, version): &&(Entry, ResourceVersion)| known.name == pin.name && *version == pin.refused;
        self.known.iter().find(of).expect("nothing is refused that never was served").0.version.clone()
    }

    /// Takes what a session proposes, and gives it what there is.
    pub(super) fn exchange<C: Catalog>(&mut self, proposed: Vec<Pin>, session: &mut ServerSession<C>) {
        for pin in proposed {
            self.pins.insert((pin.kind, pin.name.clone()), pin);
        }
        session.on_pins(self.pins.values());
        self.is_told = true;
        self.check(session);
    }

    /// The session ends pins of its own accord just when they are over, and tells of it.
    pub(super) fn check<C: Catalog>(&self, session: &mut ServerSession<C>) {
        for ended in session.take_ended_pins() {
            assert!(!self.pins.values().any(|pin| pin.id() == ended), "{ended:?} is not over");
        }
        if !self.is_told {
            return;
        }
        let ids: BTreeSet<_> = session.pins().iter().map(Pin::id).collect();
        assert_eq!(ids, self.pins.values().map(Pin::id).collect());
    }
}
