//! The server's half of one stream.
//!
//! [`ServerSession`] takes requests, newer catalogs, another view and the passing of time; it is *pulled* for what to
//! send: [`ServerSession::render`] is called when the transport has room and returns at most one response, made of the
//! newest state at that moment. So a slow client holds no queue, and always gets the newest.

use std::sync::Arc;

use crate::{
    node::Node,
    time::Uptime,
    version::{Nonce, Revision},
    view::View,
    wire::{DeltaDiscoveryRequest, DiscoveryRequest, Frame},
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
    /// What it was, for whoever keeps count; the same as the [`Outcome::Sent`] that follows once it is written.
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
    catalog: C,
    view: View,
}

impl<C: Catalog> ServerSession<C> {
    /// A stream that was just opened. `control_plane` names this server to the client.
    pub fn new(variant: Variant, control_plane: Arc<str>, catalog: C, view: View) -> Self {
        Self { variant, control_plane, catalog, view }
    }

    /// Takes one request.
    ///
    /// # Errors
    /// Where the stream has to end.
    pub fn on_request(&mut self, request: Request, now: Uptime) -> Result<Vec<Outcome>, Refusal> {
        let _ = (request, now);
        Err(Refusal::InvalidArgument("not built".into()))
    }

    /// Takes the newest state. States in between may be skipped.
    pub fn on_catalog(&mut self, catalog: C) {
        self.catalog = catalog;
    }

    /// Takes another view. What it no longer shows is removed from the client, what it shows anew is sent.
    pub fn on_view(&mut self, view: View) {
        self.view = view;
    }

    /// The client will send nothing more. What it asked for so far is still answered.
    pub fn on_half_close(&mut self) {}

    /// The next response, if there is anything to say now. Called when the transport has room.
    pub fn render(&mut self, now: Uptime) -> Option<Push> {
        let _ = (now, &self.variant, &self.control_plane, &self.view);
        None
    }

    /// When to call [`ServerSession::render`] again even if nothing happens: the end of a grace time.
    pub fn next_deadline(&self) -> Option<Uptime> {
        None
    }

    /// After a half-close: whether everything that was asked for has been answered, so that the stream may end.
    pub fn is_finished(&self) -> bool {
        true
    }
}
