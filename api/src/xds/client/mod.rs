//! The client's half of one subscription, over any number of streams.
//!
//! [`ClientSession`] outlives connections: it remembers what is held and at which versions, and resumes with them.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    version::{Nonce, ResourceVersion},
    wire::{Any, DeltaDiscoveryResponse, DiscoveryResponse, Node},
    xds::{Variant, server::Request},
};

/// What is wanted of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All that the server shows.
    Everything,
    /// These names.
    Names(BTreeSet<String>),
}

/// A response of either variant.
#[derive(Clone, Debug, PartialEq)]
pub enum Response {
    /// On `StreamAggregatedResources`.
    Sotw(DiscoveryResponse),
    /// On `DeltaAggregatedResources`.
    Delta(DeltaDiscoveryResponse),
}

/// One resource that a response brought.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    /// As the server names it.
    pub name: Arc<str>,
    /// As the server versions it; a digest of the bytes where it does not.
    pub version: ResourceVersion,
    /// The resource.
    pub any: Any,
}

/// What a response changes for one type, against what is held. To be applied, then answered by
/// [`ClientSession::accept`] or [`ClientSession::reject`].
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// Of the response.
    pub type_url: Arc<str>,
    /// Of the response.
    pub nonce: Nonce,
    /// Of the response.
    pub version: String,
    /// New or changed, in the order of the response.
    pub changed: Vec<Received>,
    /// Gone.
    pub removed: Vec<Arc<str>>,
}

/// Why a response can't even be offered for applying; the client NACKs it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A resource without a body, of another type, or that does not decode.
    #[error("resource `{name}`: {reason}")]
    Resource {
        /// Its name, as far as known.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// Two resources of one name (rule 45).
    #[error("resource `{0}` appears twice")]
    Duplicate(String),
}

/// What a response led to.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Apply this, then accept or reject it.
    Apply(Update),
    /// Send this: the response was malformed and is refused.
    Refuse(Request, Malformed),
    /// Nothing: a type that was never asked for.
    Ignore,
}

/// The client's half.
#[derive(Debug)]
pub struct ClientSession {
    variant: Variant,
    node: Node,
    wanted: Vec<(Arc<str>, Wanted)>,
}

impl ClientSession {
    /// Nothing held yet.
    pub fn new(variant: Variant, node: Node, wanted: Vec<(Arc<str>, Wanted)>) -> Self {
        Self { variant, node, wanted }
    }

    /// A new stream is open: what to send on it first. The node goes with the first request only.
    pub fn on_connected(&mut self) -> Vec<Request> {
        let _ = (&self.variant, &self.node, &self.wanted);
        Vec::new()
    }

    /// Takes one response.
    pub fn on_response(&mut self, response: Response) -> Step {
        let _ = response;
        Step::Ignore
    }

    /// The update was applied: it is held from now on. Returns the ACK.
    pub fn accept(&mut self, update: &Update) -> Request {
        let _ = update;
        Request::Sotw(Default::default())
    }

    /// The update was not applied: what was held stays. Returns the NACK.
    pub fn reject(&mut self, update: &Update, reason: &str) -> Request {
        let _ = (update, reason);
        Request::Sotw(Default::default())
    }

    /// Changes what is wanted of a type. Returns what to send, where a stream is open and something changed.
    pub fn want(&mut self, type_url: &str, wanted: Wanted) -> Option<Request> {
        let _ = (type_url, wanted);
        None
    }

    /// What is held of a type: names and versions.
    pub fn held(&self, type_url: &str) -> Vec<(Arc<str>, ResourceVersion)> {
        let _ = type_url;
        Vec::new()
    }
}
