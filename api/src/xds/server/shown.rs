//! What one stream is shown: the newest state, through a view, with what its sink is pinned to.

use std::{collections::BTreeMap, sync::Arc};

use super::{ServerSession, seen::Seen};
use crate::{
    kind::Kind,
    planted::{self, Fault},
    view::View,
    wire::Entry,
    xds::{
        catalog::Catalog,
        pin::{Pin, PinId, Pins},
    },
};

/// The newest state as a client is to see it.
#[derive(Debug)]
pub(super) struct Shown<C> {
    pub(super) catalog: C,
    pub(super) view: View,
    /// Those that hold.
    pins: Pins,
    /// Those of newer states than this one.
    ahead: BTreeMap<PinId, Pin>,
    /// Over, and not told yet.
    over: Vec<PinId>,
}

impl<C: Catalog> Shown<C> {
    pub(super) fn new(catalog: C, view: View) -> Self {
        Self { catalog, view, pins: Pins::default(), ahead: BTreeMap::new(), over: Vec::new() }
    }

    /// One kind of it.
    pub(super) fn of(&self, kind: Option<Kind>) -> Seen<C> {
        let seen = Seen::new(kind, &self.catalog, &self.view);
        match kind.and_then(|kind| self.pins.of(kind)) {
            Some(pins) => seen.pinned(Arc::clone(pins)),
            None => seen,
        }
    }

    pub(super) fn take_catalog(&mut self, catalog: C) {
        self.catalog = catalog;
        self.check_pins();
    }

    pub(super) fn take_view(&mut self, view: View) {
        self.view = view;
        self.check_pins();
    }

    /// Adds pins. Whether what is shown is another state for it.
    pub(super) fn take_pins(&mut self, pins: impl Iterator<Item = Pin>) -> bool {
        let before = self.pins.clone();
        pins.for_each(|pin| self.take_pin(pin));
        self.pins != before
    }

    fn take_pin(&mut self, pin: Pin) {
        if self.serves(&pin) {
            self.pins.insert(pin);
        } else if pin.revision > self.catalog.revision() {
            self.ahead.insert(pin.id(), pin);
        } else {
            self.over.push(pin.id());
        }
    }

    /// Whether the very version is served that was refused.
    fn serves(&self, pin: &Pin) -> bool {
        let served = self.catalog.get(pin.kind, &self.view, &pin.name);
        let is_kept = planted::is(Fault::PinKept);
        served.is_some_and(|served| is_kept || served.version == pin.refused)
    }

    /// An update or a removal lifts a pin, and so does a view that does not show the resource any more.
    fn check_pins(&mut self) {
        let over: Vec<PinId> = self.pins.iter().filter(|pin| !self.serves(pin)).map(Pin::id).collect();
        over.into_iter().for_each(|id| self.lift(id));
        for pin in std::mem::take(&mut self.ahead).into_values() {
            self.take_pin(pin);
        }
    }

    fn lift(&mut self, id: PinId) {
        self.pins.remove(id.kind, &id.name);
        self.over.push(id);
    }

    /// Ends the pins of which the client holds what it was said to refuse. Whether there were such.
    pub(super) fn lift_held(&mut self, holds: impl Fn(&Pin) -> bool) -> bool {
        let held: Vec<PinId> = self.pins.iter().filter(|pin| holds(pin)).map(Pin::id).collect();
        let is_any = !held.is_empty();
        held.into_iter().for_each(|id| self.lift(id));
        is_any
    }

    /// Pins that ended since this was asked last.
    pub(super) fn take_over(&mut self) -> Vec<PinId> {
        std::mem::take(&mut self.over)
    }

    /// Those that hold.
    pub(super) fn pins(&self) -> &Pins {
        &self.pins
    }

    /// The pin that a refusal of this entry calls for: none where something else is served by now, or where it stood in
    /// for a refused version itself.
    pub(super) fn pin(&self, kind: Kind, entry: &Entry, good: Option<Entry>) -> Option<Pin> {
        let (name, refused) = (entry.name.clone(), entry.version.clone());
        let pin = Pin { kind, name, refused, revision: self.catalog.revision(), good };
        (self.pins.get(kind, &entry.name).is_none() && self.serves(&pin)).then_some(pin)
    }
}

impl<C: Catalog> ServerSession<C> {
    /// Takes what the sink is pinned to, in addition to what this session was told before. Each pin ends by itself
    /// ([`ServerSession::take_ended_pins`]).
    pub fn on_pins<'a>(&mut self, pins: impl IntoIterator<Item = &'a Pin>) {
        let substreams = &self.substreams;
        let as_it_is_here = |pin: &Pin| match substreams.iter().find(|one| one.kind() == Some(pin.kind)) {
            Some(substream) => substream.own_pin(pin),
            None => Some(pin.clone()),
        };
        let is_changed = self.shown.take_pins(pins.into_iter().filter_map(as_it_is_here));
        if self.lift_held() || is_changed {
            self.outdate();
        }
    }

    /// Whoever resumes with a version holds it, whatever was refused on older streams.
    pub(super) fn lift_held(&mut self) -> bool {
        let substreams = &self.substreams;
        self.shown.lift_held(|pin| substreams.iter().any(|substream| substream.resumed_with(pin)))
    }

    /// Pins that ended since this was asked last: their resource was updated or removed, can't be seen any more, or is
    /// held after all.
    pub fn take_ended_pins(&mut self) -> Vec<PinId> {
        self.shown.take_over()
    }

    /// What the sink is pinned to in what this session is shown.
    pub fn pins(&self) -> &Pins {
        self.shown.pins()
    }
}
