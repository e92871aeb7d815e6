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
    /// How a delta client is told that endpoints are gone (X6).
    pub gone_endpoints: GoneEndpoints,
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

/// How a delta client is told that endpoints are gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GoneEndpoints {
    /// As removed: the letter of the protocol.
    #[default]
    Removed,
    /// As an assignment without endpoints, as istiod does: clients that keep what is removed send nothing there any more.
    Empty,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            resend_held: Self::named_kinds().collect(),
            empty_list: EmptyList::default(),
            gone_endpoints: GoneEndpoints::default(),
        }
    }
}

impl Policy {
    /// The kinds that clients ask for by name.
    pub fn named_kinds() -> impl Iterator<Item = Kind> {
        Kind::all().filter(|kind| kind.info().absence == Absence::SaysNothing)
    }
}
