//! The client's half of one subscription, over any number of streams.
//!
//! [`ClientSession`] outlives connections: it remembers what is held and at which versions, and resumes with them.
//!
//! A client whose node announces that it understands times to live ([`TTL_FEATURES`]) is told by
//! [`ClientSession::next_end`] and [`ClientSession::end`] what to remove because its server went silent.

mod lifetimes;
mod received;
mod subscription;

#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use self::subscription::{Read, Subscription};

use crate::{
    time::Uptime,
    version::{Nonce, ResourceVersion},
    wire::{Any, DeltaDiscoveryResponse, DiscoveryResponse, Node},
    xds::{Variant, server::Request, ttl},
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
    /// What of the response has a time to live from now on, or none any more. The session sees to it.
    pub lifetimes: Vec<(Arc<str>, Option<Duration>)>,
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
    /// Send this: what is held goes on being so (rule 75).
    Answer(Request),
    /// Open another stream: the server keeps something alive that has ended here, and gives it on another one only
    /// (rule 76).
    Reopen,
    /// Nothing: a type that was never asked for.
    Ignore,
}

/// What a node announces that understands times to live, in either variant (rules 9, 74).
pub const TTL_FEATURES: [&str; 2] = [ttl::SUPPORTS_TTL[0], ttl::SUPPORTS_WRAPPERS[1]];

/// The client's half.
#[derive(Debug)]
pub struct ClientSession {
    variant: Variant,
    node: Node,
    subscriptions: Vec<Subscription>,
    is_connected: bool,
    /// Whether this stream's first request, which names the node, is still to be made (rule 4).
    is_first: bool,
}

impl ClientSession {
    /// Nothing held yet.
    pub fn new(variant: Variant, node: Node, wanted: Vec<(Arc<str>, Wanted)>) -> Self {
        let subscriptions = wanted.into_iter().map(|(url, wanted)| Subscription::new(url, wanted)).collect();
        Self { variant, node, subscriptions, is_connected: false, is_first: true }
    }

    /// Notes what is held of a type from before, as a process that kept it says. Nothing is noted of a type that is not
    /// wanted.
    pub fn resume(&mut self, type_url: &str, held: impl IntoIterator<Item = (Arc<str>, ResourceVersion)>) {
        if let Some(subscription) = self.subscription(type_url) {
            subscription.resume(held);
        }
    }

    /// A new stream is open: what to send on it first. The node goes with the first request only. Nothing of an older
    /// stream counts any more but what is held (rule 92).
    pub fn on_connected(&mut self) -> Vec<Request> {
        self.on_disconnected();
        self.is_connected = true;
        let Self { variant, node, subscriptions, is_first, .. } = self;
        let requests = subscriptions.iter_mut().filter_map(|subscription| subscription.open(*variant));
        requests.map(|request| with_node(request, node, is_first)).collect()
    }

    /// The stream is gone. What is held stays held.
    pub fn on_disconnected(&mut self) {
        self.is_connected = false;
        self.is_first = true;
        self.subscriptions.iter_mut().for_each(Subscription::close);
    }

    /// Takes one response.
    pub fn on_response(&mut self, response: Response, now: Uptime) -> Step {
        let type_url = match &response {
            Response::Sotw(response) => response.type_url.clone(),
            Response::Delta(response) => response.type_url.clone(),
        };
        let Some(subscription) = self.subscription(&type_url).filter(|found| found.is_open()) else {
            return Step::Ignore;
        };
        let (nonce, read) = match response {
            Response::Sotw(response) => (response.nonce.clone(), subscription.read_sotw(response)),
            Response::Delta(response) => (response.nonce.clone(), subscription.read_delta(response)),
        };
        match read {
            Ok(Read::Update(update)) => Step::Apply(update),
            Ok(Read::Heartbeat(update)) if subscription.misses(&update) => Step::Reopen,
            Ok(Read::Heartbeat(update)) => Step::Answer(self.accept(&update, now)),
            Err(malformed) => {
                Step::Refuse(self.refuse(&type_url, &Nonce(nonce), &malformed.to_string()), malformed)
            }
        }
    }

    /// When something ends unless the server speaks of it again. To be asked after every response.
    pub fn next_end(&self) -> Option<Uptime> {
        self.subscriptions.iter().filter_map(Subscription::next_end).min()
    }

    /// What has ended by now, by type: to be applied like any removal, and then told by [`ClientSession::ended`]. There is
    /// nobody to answer. What is not told so ends again a term later.
    pub fn end(&mut self, now: Uptime) -> Vec<Update> {
        self.subscriptions.iter_mut().filter_map(|subscription| subscription.end(now)).collect()
    }

    /// What had ended was removed: it is no longer held.
    pub fn ended(&mut self, update: &Update) {
        if let Some(subscription) = self.subscription(&update.type_url) {
            subscription.ended(update);
        }
    }

    /// The update was applied: it is held from now on. Returns the ACK.
    pub fn accept(&mut self, update: &Update, now: Uptime) -> Request {
        let variant = self.variant;
        match self.subscription(&update.type_url) {
            Some(subscription) => {
                subscription.hold_but(update, &BTreeSet::new(), now);
                subscription.ack(variant, update)
            }
            None => nothing(variant),
        }
    }

    /// The ACK of an update, without holding it. For tests of servers.
    #[cfg(feature = "testing")]
    pub(crate) fn peek_ack(&self, update: &Update) -> Request {
        let found = self.subscriptions.iter().find(|subscription| subscription.type_url == update.type_url);
        found.map_or_else(
            || nothing(self.variant),
            |subscription| subscription.answer(self.variant, &update.nonce, None),
        )
    }

    /// The update was not applied: what was held stays. Returns the NACK.
    pub fn reject(&mut self, update: &Update, reason: &str) -> Request {
        if let Some(subscription) = self.subscription(&update.type_url) {
            subscription.keep(&update.changed);
        }
        self.refuse(&update.type_url, &update.nonce, reason)
    }

    /// The update was applied but for these of its changed resources, of which what was held stays. The rest is held from
    /// now on. Returns the NACK.
    pub fn reject_some(
        &mut self,
        update: &Update,
        (refused, reason): (&BTreeSet<&str>, &str),
        now: Uptime,
    ) -> Request {
        if let Some(subscription) = self.subscription(&update.type_url) {
            subscription.hold_but(update, refused, now);
        }
        self.refuse(&update.type_url, &update.nonce, reason)
    }

    fn refuse(&mut self, type_url: &str, nonce: &Nonce, reason: &str) -> Request {
        let variant = self.variant;
        let found = self.subscription(type_url);
        found.map_or_else(|| nothing(variant), |subscription| subscription.nack(variant, nonce, reason))
    }

    /// Changes what is wanted of a type. What is no longer wanted is no longer held. Returns what to send, where a
    /// stream is open and something changed.
    pub fn want(&mut self, type_url: &str, wanted: Wanted) -> Option<Request> {
        let index = self.subscriptions.iter().position(|subscription| &*subscription.type_url == type_url);
        let index = index.unwrap_or_else(|| {
            self.subscriptions.push(Subscription::new(type_url.into(), Wanted::Names(BTreeSet::new())));
            self.subscriptions.len() - 1
        });
        let request = self.subscriptions[index].want(self.variant, wanted, self.is_connected)?;
        Some(with_node(request, &self.node, &mut self.is_first))
    }

    /// What is held of a type: names and versions.
    pub fn held(&self, type_url: &str) -> Vec<(Arc<str>, ResourceVersion)> {
        let found = self.subscriptions.iter().find(|subscription| &*subscription.type_url == type_url);
        found.map_or_else(Vec::new, |subscription| {
            subscription.held.iter().map(|(name, version)| (name.clone(), version.clone())).collect()
        })
    }

    fn subscription(&mut self, type_url: &str) -> Option<&mut Subscription> {
        self.subscriptions.iter_mut().find(|subscription| &*subscription.type_url == type_url)
    }
}

/// Adds the node to the first request of a stream.
fn with_node(mut request: Request, node: &Node, is_first: &mut bool) -> Request {
    let node = std::mem::take(is_first).then(|| node.clone());
    match &mut request {
        Request::Sotw(request) => request.node = node,
        Request::Delta(request) => request.node = node,
    }
    request
}

/// The answer to an update that this session never gave out.
fn nothing(variant: Variant) -> Request {
    match variant {
        Variant::Sotw => Request::Sotw(Default::default()),
        Variant::Delta => Request::Delta(Default::default()),
    }
}
