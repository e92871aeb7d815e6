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
//! | `base`, `refused`, `unanswered` | what was sent, what of it was refused, what awaits an answer |
//! | `order` | which type goes next |
//! | `policy` | what operators decide |

mod answer;
mod base;
mod changes;
mod complete;
mod order;
mod policy;
mod refused;
mod request;
mod seen;
mod subscription;
mod substream;
mod unanswered;

#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use self::policy::{EmptyList, Policy};
use self::{answer::Answer, request::Ask, substream::Substream};
use crate::{
    limits::{NAMES_BYTES_MAX, NODE_BYTES_MAX, TYPES_PER_STREAM_MAX},
    node::Node,
    time::Uptime,
    version::{Nonce, Revision},
    view::View,
    wire::{DeltaDiscoveryRequest, DiscoveryRequest, Frame, Head, delta_frame, sotw_frame},
    xds::{Variant, catalog::Catalog},
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
}

/// What a request meant, for whoever watches the sinks.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The client's first request named it; given once a stream.
    Connected(Box<Node>),
    /// What the client asks for of a type changed. No names and no wildcard: it wants nothing any more.
    Subscribed {
        /// As the client asked for it.
        type_url: Arc<str>,
        /// Whether it wants all that there is.
        wildcard: bool,
        /// How many names it gave.
        names: usize,
    },
    /// The client applied a response.
    Acked {
        /// Names of the type that it refused before and was not sent anew since: what it holds of them is older.
        still_refused: usize,
        /// As the client asked for it.
        type_url: Arc<str>,
        /// Of the response.
        nonce: Nonce,
        /// Of the response.
        version: String,
        /// Of the response.
        revision: Revision,
    },
    /// The client refused a response.
    Nacked {
        /// As the client asked for it.
        type_url: Arc<str>,
        /// Of the response.
        nonce: Nonce,
        /// Of the response.
        version: String,
        /// Of the response.
        revision: Revision,
        /// What the client said, cut to [`crate::limits::NACK_MESSAGE_BYTES_MAX`].
        message: String,
    },
}

/// Why a stream ends by the server's will. The text is for the client's author.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// gRPC `INVALID_ARGUMENT`: the client broke the protocol.
    #[error("{0}")]
    InvalidArgument(String),
    /// gRPC `RESOURCE_EXHAUSTED`: a bound of [`crate::limits`] is reached.
    #[error("{0}")]
    ResourceExhausted(String),
}

/// The server's half of one stream.
#[derive(Debug)]
pub struct ServerSession<C> {
    variant: Variant,
    control_plane: Arc<str>,
    policy: Arc<Policy>,
    catalog: C,
    view: View,
    /// Grows with every newer catalog and other view.
    state: u64,
    /// In order of rank.
    substreams: Vec<Substream<C>>,
    is_connected: bool,
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
            catalog,
            view,
            state: 0,
            substreams: Vec::new(),
            is_connected: false,
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
            Some(substream) => substream.on_ask(ask, &mut outcomes)?,
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
        Err(Refusal::ResourceExhausted(format!(
            "names of {bytes} bytes on one stream: at most {NAMES_BYTES_MAX} are kept; ask for fewer, or on several \
             streams, or for everything (`*`)"
        )))
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
            return Err(Refusal::ResourceExhausted(text));
        }
        outcomes.push(Outcome::Connected(Box::new(node)));
        self.is_connected = true;
        Ok(())
    }

    fn open(&mut self, ask: Ask, outcomes: &mut Vec<Outcome>) -> Result<(), Refusal> {
        if self.substreams.len() >= TYPES_PER_STREAM_MAX {
            let text = format!("more than {TYPES_PER_STREAM_MAX} types on one stream");
            return Err(Refusal::ResourceExhausted(text));
        }
        let mut substream = Substream::new(&ask.type_url, self.variant, &self.policy);
        substream.open(ask, outcomes)?;
        let place = self.substreams.partition_point(|other| other.rank() <= substream.rank());
        self.substreams.insert(place, substream);
        Ok(())
    }

    /// Takes the newest state. States in between may be skipped.
    pub fn on_catalog(&mut self, catalog: C) {
        if catalog.revision() != self.catalog.revision() && !self.is_half_closed {
            self.catalog = catalog;
            self.outdate();
        }
    }

    /// Takes another view. What it no longer shows is removed from the client, what it shows anew is sent.
    pub fn on_view(&mut self, view: View) {
        if view != self.view {
            self.view = view;
            self.outdate();
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
        for substream in &mut self.substreams {
            substream.refresh(self.state, &self.catalog, &self.view);
        }
        let index = order::next(&self.substreams, self.is_half_closed, now)?;
        let substream = &mut self.substreams[index];
        let answer = substream.next()?;
        self.responses += 1;
        let nonce = Nonce(self.responses.to_string());
        let push = push(self.variant, &self.control_plane, substream.type_url(), (&nonce, &answer));
        substream.sent(answer, nonce, now);
        Some(push)
    }

    /// When to call [`ServerSession::render`] again even if nothing happens: the end of a grace time.
    pub fn next_deadline(&self) -> Option<Uptime> {
        order::next_deadline(&self.substreams, self.rendered)
    }

    /// After a half-close: whether everything that was asked for has been answered, so that the stream may end.
    pub fn is_finished(&self) -> bool {
        self.is_half_closed && !self.substreams.iter().any(Substream::is_owed)
    }
}

fn push(
    variant: Variant,
    control_plane: &str,
    type_url: &Arc<str>,
    (nonce, answer): (&Nonce, &Answer),
) -> Push {
    let version = answer.version.to_string();
    let head = Head { version: &version, type_url, nonce, control_plane };
    let removed = &answer.members.step.removed[answer.members.removed.clone()];
    let frame = match variant {
        Variant::Sotw => sotw_frame(head, &answer.resources),
        Variant::Delta => delta_frame(head, &answer.resources, removed.iter().map(AsRef::as_ref)),
    };
    let sent = Sent {
        type_url: type_url.clone(),
        nonce: nonce.clone(),
        version,
        revision: answer.revision,
        resources: answer.resources.count,
        removed: removed.len(),
        bytes: frame.len,
    };
    Push { frame, sent }
}
