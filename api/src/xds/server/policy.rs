//! What the specifications leave open, as an operator has decided it (docs/protocol.md, section J).

use std::collections::BTreeSet;

use crate::kind::{Absence, Kind};

/// Decisions that hold for every stream of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Kinds of which a resumed delta client is sent what it asks for by name although it holds that very version (X2).
    /// Those that clients ask for by name, unless told otherwise: Envoy may have forgotten them.
    pub resend_held: BTreeSet<Kind>,
    /// What a first request without names asks for (X3).
    pub empty_list: EmptyList,
}

/// What a first request of a type asks for that names nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmptyList {
    /// Everything of kinds that are sent as complete sets, nothing of those that clients ask for by name: as istiod
    /// understands it.
    #[default]
    CompleteKinds,
    /// Everything, whatever the kind: the letter of the protocol.
    AllKinds,
}

impl Default for Policy {
    fn default() -> Self {
        Self { resend_held: Self::named_kinds().collect(), empty_list: EmptyList::default() }
    }
}

impl Policy {
    /// The kinds that clients ask for by name.
    pub fn named_kinds() -> impl Iterator<Item = Kind> {
        Kind::all().filter(|kind| kind.info().absence == Absence::SaysNothing)
    }
}
