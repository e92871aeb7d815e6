//! What a request meant, and why a stream has to end.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    node::Node,
    version::{Nonce, Revision},
    xds::pin::Pin,
};

/// What a request meant, for whoever watches the sinks.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The client's first request named it; given once a stream.
    Connected(Arc<Node>),
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
        /// The resources that it is about, as far as that is clear.
        blamed: BTreeSet<Arc<str>>,
        /// What its sink is to be pinned to, as far as it is known what goes in the place of those
        /// ([`on_pins`](super::ServerSession::on_pins)).
        pins: Vec<Pin>,
    },
}

/// Why a stream ends by the server's will. The text is for the client's author.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// gRPC `INVALID_ARGUMENT`: the client broke the protocol.
    #[error("{0}")]
    InvalidArgument(String),
    /// gRPC `RESOURCE_EXHAUSTED`: a bound of [`crate::limits`] is reached.
    #[error("{1}")]
    ResourceExhausted(Bound, String),
}

/// Bounds of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Names, or their bytes.
    Names,
    /// Types.
    Types,
    /// Bytes of the node.
    Node,
}
