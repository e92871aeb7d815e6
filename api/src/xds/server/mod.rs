//! The server's half of one stream.
//!
//! [`ServerSession`] takes requests, newer catalogs, another view and the passing of time; it is *pulled* for what to
//! send: [`ServerSession::render`] is called when the transport has room and returns at most one response, made of the
//! newest state at that moment. So a slow client holds no queue, and always gets the newest.

//!
//! | module | is |
//! |---|---|
//! | `request` | a request of either variant, within limits |
//! | `substream` | one type on one stream |
//! | `subscription` | names, and the wildcard flag |
//! | `complete`, `changes` | what to say next: the complete set, or what changed |
//! | `planned` | one step as responses |
//! | `base`, `refused`, `unanswered` | what was sent, what of it was refused, what awaits an answer |
//! | `heartbeats` | what keeps resources with a time to live alive |
//! | `order` | which type goes next |
//! | `outcome` | what a request meant, and why a stream has to end |
//! | `policy` | what operators decide |
//! | `push` | a response as bytes |
//! | `removals` | which removals wait until nothing refers to what is gone |
//! | `shown` | what a client is to see: the newest state, through a view, with what its sink is pinned to |
//! | `accepted`, `culprit` | what the client took last, and which resource a NACK is about |
//! | `children` | which resources a client needs again after their parent changed |

mod accepted;
mod answer;
mod base;
mod changes;
mod children;
mod complete;
mod culprit;
mod heartbeats;
mod order;
mod outcome;
mod planned;
mod policy;
mod push;
mod refused;
mod removals;
mod request;
mod seen;
mod shown;
mod subscription;
mod substream;
mod unanswered;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::{answer::Answer, order::Next, removals::Moment, request::Ask, shown::Shown, substream::Substream};
pub use self::{
    outcome::{Bound, Outcome, Refusal},
    policy::{EmptyList, GoneEndpoints, Policy},
};
use crate::{
    kind::Kind,
    limits::{NAMES_BYTES_MAX, NODE_BYTES_MAX, TYPES_PER_STREAM_MAX},
    node::Node,
    time::Uptime,
    version::{Nonce, Revision},
    view::View,
    wire::{DeltaDiscoveryRequest, DiscoveryRequest, Entry, Frame},
    xds::{Variant, catalog::Catalog, ttl},
};

/// A request of either variant.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// On `StreamAggregatedResources`.
    Sotw(DiscoveryRequest),
    /// On `DeltaAggregatedResources`.
    Delta(DeltaDiscoveryRequest),
}

/// One response, ready to send.
#[derive(Clone, Debug)]
pub struct Push {
    /// The bytes.
    pub frame: Frame,
    /// What it was, for whoever keeps count.
    pub sent: Sent,
}

/// What was said in one response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// As the client asked for it.
    pub type_url: Arc<str>,
    /// Its nonce.
    pub nonce: Nonce,
    /// `version_info` or `system_version_info`.
    pub version: String,
    /// The state that it was made of.
    pub revision: Revision,
    /// Entries in it.
    pub resources: usize,
    /// Names removed by it.
    pub removed: usize,
    /// Bytes of the whole frame.
    pub bytes: usize,
    /// Whether it said nothing new, but that what the client has is to be used on (rule 73).
    pub is_heartbeat: bool,
}

/// The server's half of one stream.
#[derive(Debug)]
pub struct ServerSession<C> {
    variant: Variant,
    control_plane: Arc<str>,
    policy: Arc<Policy>,
    shown: Shown<C>,
    /// Grows with every newer catalog, other view and other pins.
    state: u64,
    /// In order of rank.
    substreams: Vec<Substream<C>>,
    is_connected: bool,
    /// Bytes that the client's node takes.
    node_bytes: usize,
    /// Whether the client understands times to live (rule 9).
    carries_ttl: bool,
    is_half_closed: bool,
    /// Why the stream has to end; nothing more is taken in.
    refusal: Option<Refusal>,
    responses: u64,
    rendered: Uptime,
}

impl<C: Catalog> ServerSession<C> {
    /// A stream that was just opened. `control_plane` names this server to the client.
    pub fn new(variant: Variant, control_plane: Arc<str>, catalog: C, view: View) -> Self {
        Self {
            variant,
            control_plane,
            policy: Arc::default(),
            shown: Shown::new(catalog, view),
            state: 1,
            substreams: Vec::new(),
            is_connected: false,
            node_bytes: 0,
            carries_ttl: false,
            is_half_closed: false,
            refusal: None,
            responses: 0,
            rendered: Uptime::default(),
        }
    }

    /// With other decisions than the default ones.
    #[must_use]
    pub fn with_policy(self, policy: Arc<Policy>) -> Self {
        Self { policy, ..self }
    }

    /// Takes one request.
    ///
    /// # Errors
    /// Where the stream has to end; from then on every request is refused so.
    pub fn on_request(&mut self, request: Request, now: Uptime) -> Result<Vec<Outcome>, Refusal> {
        let _ = now; // what a request means does not depend on when it came
        if let Some(refusal) = &self.refusal {
            return Err(refusal.clone());
        }
        self.take(request).inspect_err(|refusal| self.refusal = Some(refusal.clone()))
    }

    fn take(&mut self, request: Request) -> Result<Vec<Outcome>, Refusal> {
        let ask = Ask::read(request, self.variant)?;
        let mut outcomes = Vec::new();
        self.connect(&ask, &mut outcomes)?;
        let known = self.substreams.iter_mut().find(|substream| **substream.type_url() == *ask.type_url);
        match known {
            Some(substream) => substream.on_ask(ask, &self.shown, &mut outcomes)?,
            None => self.open(ask, &mut outcomes)?,
        }
        self.check_names()?;
        Ok(outcomes)
    }

    fn check_names(&self) -> Result<(), Refusal> {
        let bytes: usize = self.substreams.iter().map(Substream::names_bytes).sum();
        if bytes <= NAMES_BYTES_MAX {
            return Ok(());
        }
        let text = format!(
            "names of {bytes} bytes on one stream: at most {NAMES_BYTES_MAX} are kept; ask for fewer, or on several \
             streams, or for everything (`*`)"
        );
        Err(Refusal::ResourceExhausted(Bound::Names, text))
    }

    /// Bytes that the client makes this server keep: its node, names, what it said it holds and what it was sent name by name.
    /// What is shared with others, as the resources are, does not count.
    pub fn kept_bytes(&self) -> usize {
        self.node_bytes + self.substreams.iter().map(Substream::kept_bytes).sum::<usize>()
    }

    /// The first request must say who asks; later ones need not (rules 4 to 6).
    fn connect(&mut self, ask: &Ask, outcomes: &mut Vec<Outcome>) -> Result<(), Refusal> {
        if self.is_connected {
            return Ok(());
        }
        let node = ask.node.as_ref().filter(|node| !node.id.is_empty());
        let Some(node) = node else {
            return Err(Refusal::InvalidArgument("missing node information".into()));
        };
        let node = Node::from(node);
        let bytes = node.bytes();
        if bytes > NODE_BYTES_MAX {
            let text =
                format!("a node of {bytes} bytes: at most {NODE_BYTES_MAX} are kept; shorten its metadata");
            return Err(Refusal::ResourceExhausted(Bound::Node, text));
        }
        self.node_bytes = bytes;
        self.carries_ttl = ttl::understands_ttl(self.variant, &node.features);
        outcomes.push(Outcome::Connected(Arc::new(node)));
        self.is_connected = true;
        Ok(())
    }

    fn open(&mut self, ask: Ask, outcomes: &mut Vec<Outcome>) -> Result<(), Refusal> {
        if self.substreams.len() >= TYPES_PER_STREAM_MAX {
            let text = format!("more than {TYPES_PER_STREAM_MAX} types on one stream");
            return Err(Refusal::ResourceExhausted(Bound::Types, text));
        }
        let mut substream = Substream::new(&ask.type_url, self.variant, &self.policy, self.carries_ttl);
        substream.open(ask, outcomes)?;
        let place = self.substreams.partition_point(|other| other.rank() <= substream.rank());
        self.substreams.insert(place, substream);
        self.lift_held();
        Ok(())
    }

    /// Takes the newest state. States in between may be skipped.
    pub fn on_catalog(&mut self, catalog: C) {
        if catalog.revision() != self.shown.catalog.revision() && !self.is_half_closed {
            self.shown.take_catalog(catalog);
            self.outdate();
        }
    }

    /// Takes another view. What it no longer shows is removed from the client, what it shows anew is sent.
    pub fn on_view(&mut self, view: View) {
        if view != self.shown.view {
            self.shown.take_view(view);
            self.outdate();
            self.substreams.iter_mut().for_each(Substream::leave_nothing);
        }
    }

    fn outdate(&mut self) {
        self.state += 1;
        self.substreams.iter_mut().for_each(Substream::outdate);
    }

    /// The client will send nothing more. What it asked for so far is still answered, of the state of this moment and
    /// without waiting for ACKs.
    pub fn on_half_close(&mut self) {
        self.is_half_closed = true;
        self.substreams.iter_mut().for_each(Substream::give_up_waiting);
    }

    /// The next response, if there is anything to say now. Called when the transport has room.
    pub fn render(&mut self, now: Uptime) -> Option<Push> {
        self.rendered = now;
        let moment = Moment { state: self.state, now, reached: 0 };
        loop {
            self.refresh(moment);
            if let Some(push) = self.heartbeat(now) {
                return Some(push);
            }
            let Next { index, is_held } = order::next(&self.substreams, self.is_half_closed, now)?;
            if is_held {
                self.substreams[index].narrow_plan(&self.shown);
            }
            // Perhaps nothing can be said of what was asked for: then others may speak.
            if let Some(answer) = self.substreams[index].next() {
                return Some(self.push(index, answer, now));
            }
        }
    }

    /// Plans what to say of the newest state, and removes what nothing refers to any more.
    fn refresh(&mut self, moment: Moment) {
        for substream in &mut self.substreams {
            substream.refresh(moment, &self.shown);
        }
        for index in 0..self.substreams.len() {
            if self.substreams[index].has_removals() {
                let reached = self.referrers_reached(self.substreams[index].kind());
                let substream = &mut self.substreams[index];
                if substream.let_go(reached, moment.now) {
                    substream.refresh(moment, &self.shown);
                }
            }
        }
    }

    /// Up to which state nothing refers to what is gone of this kind (rule 79).
    fn referrers_reached(&self, target: Option<Kind>) -> u64 {
        let Some(target) = target else { return self.state };
        let may_refer = |other: &&Substream<C>| {
            other.is_held() && other.kind().is_some_and(|kind| kind.may_refer_to(target))
        };
        self.substreams.iter().filter(may_refer).map(Substream::reached).min().unwrap_or(self.state)
    }

    fn push(&mut self, index: usize, answer: Answer, now: Uptime) -> Push {
        self.responses += 1;
        let nonce = Nonce(self.responses.to_string());
        let substream = &mut self.substreams[index];
        let says_empty = self.policy.gone_endpoints == GoneEndpoints::Empty
            && substream.kind() == Some(Kind::ENDPOINTS)
            && self.variant == Variant::Delta;
        let of = (substream.type_url(), &nonce, &answer);
        let push = match says_empty {
            true => push::emptied(&self.control_plane, of),
            false => push::push(self.variant, &self.control_plane, of),
        };
        if let Some(parent) = substream.kind() {
            self.bring_children(parent, answer.members.entries());
        }
        self.substreams[index].sent(answer, nonce, now);
        push
    }

    /// Sends the children of changed parents again, changed or not (rule 81).
    fn bring_children(&mut self, parent: Kind, changed: &[Entry]) {
        let Some(kind) = children::kind_of(parent) else { return };
        let mut substreams = self.substreams.iter_mut();
        if let Some(substream) = substreams.find(|other| other.kind() == Some(kind) && other.is_named()) {
            substream.ask_again(children::names(parent, changed));
        }
    }

    /// When to call [`ServerSession::render`] again even if nothing happens: the end of a grace time, or a heartbeat.
    pub fn next_deadline(&self) -> Option<Uptime> {
        let beats =
            self.substreams.iter().filter(|_| !self.is_half_closed).filter_map(Substream::heartbeat_due);
        beats.filter(|due| *due > self.rendered).chain(self.next_grace_end()).min()
    }

    /// The end of a grace time.
    pub(crate) fn next_grace_end(&self) -> Option<Uptime> {
        order::next_deadline(&self.substreams, self.rendered)
    }

    /// The state of which nothing is left to be said: a client that took all that it was sent has all of it. `None` while there
    /// is something, be it that its time has not come yet. Holds after [`ServerSession::render`] had nothing to say.
    pub fn told(&self) -> Option<Revision> {
        let is_left = |substream: &Substream<C>| substream.has_plan() || substream.has_removals();
        let is_told = !self.is_half_closed && !self.substreams.iter().any(is_left);
        is_told.then(|| self.shown.catalog.revision())
    }

    /// After a half-close: whether everything that was asked for has been answered, so that the stream may end.
    pub fn is_finished(&self) -> bool {
        self.is_half_closed && !self.substreams.iter().any(Substream::is_owed)
    }
}
