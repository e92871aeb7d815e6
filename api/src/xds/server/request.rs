//! A request of either variant, checked against the limits and brought into one shape.

use std::collections::BTreeMap;

use super::{Bound, Refusal, Request};
use crate::{
    limits::{NACK_MESSAGE_BYTES_MAX, NAME_BYTES_MAX, NAMES_PER_TYPE_MAX},
    wire::{DeltaDiscoveryRequest, DiscoveryRequest, Node, Status},
    xds::Variant,
};

/// What a client said of one type.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) type_url: String,
    pub(super) node: Option<Node>,
    /// Of the response that it answers; empty where it answers none.
    pub(super) nonce: String,
    /// The message of a NACK. Its presence alone makes one (rule 20).
    pub(super) error: Option<String>,
    /// Whether it says that the client has nothing of this type: SotW, without nonce, version or error.
    pub(super) has_nothing: bool,
    /// Whether it says that the client has something of this type from before.
    pub(super) has_something: bool,
    pub(super) names: Names,
}

/// What it says of its subscription.
#[derive(Debug)]
pub(super) enum Names {
    /// The whole of it (SotW, rule 28).
    Whole(Vec<String>),
    /// How it changes (delta, rule 50).
    Change { subscribe: Vec<String>, unsubscribe: Vec<String>, initial_versions: BTreeMap<String, String> },
}

impl Ask {
    pub(super) fn read(request: Request, variant: Variant) -> Result<Self, Refusal> {
        let ask = match (request, variant) {
            (Request::Sotw(request), Variant::Sotw) => Self::sotw(request),
            (Request::Delta(request), Variant::Delta) => Self::delta(request),
            (Request::Sotw(_), Variant::Delta) => return Err(wrong_variant("DiscoveryRequest", "delta")),
            (Request::Delta(_), Variant::Sotw) => return Err(wrong_variant("DeltaDiscoveryRequest", "SotW")),
        };
        ask.check()?;
        Ok(ask)
    }

    fn sotw(request: DiscoveryRequest) -> Self {
        Self {
            has_nothing: request.version_info.is_empty()
                && request.response_nonce.is_empty()
                && request.error_detail.is_none(),
            has_something: !request.version_info.is_empty(),
            type_url: request.type_url,
            node: request.node,
            nonce: request.response_nonce,
            error: request.error_detail.map(message),
            names: Names::Whole(request.resource_names),
        }
    }

    fn delta(request: DeltaDiscoveryRequest) -> Self {
        Self {
            has_nothing: false,
            has_something: !request.initial_resource_versions.is_empty(),
            type_url: request.type_url,
            node: request.node,
            nonce: request.response_nonce,
            error: request.error_detail.map(message),
            names: Names::Change {
                subscribe: request.resource_names_subscribe,
                unsubscribe: request.resource_names_unsubscribe,
                initial_versions: request.initial_resource_versions,
            },
        }
    }

    fn check(&self) -> Result<(), Refusal> {
        if self.type_url.is_empty() {
            let text = "missing type_url: every request of an aggregated stream names its type";
            return Err(Refusal::InvalidArgument(text.into()));
        }
        short("type_url", &self.type_url)?;
        short("response_nonce", &self.nonce)?;
        match &self.names {
            Names::Whole(names) => check_names("resource_names", names),
            Names::Change { subscribe, unsubscribe, initial_versions } => {
                check_names("resource_names_subscribe", subscribe)?;
                check_names("resource_names_unsubscribe", unsubscribe)?;
                few("initial_resource_versions", initial_versions.len())?;
                initial_versions.iter().try_for_each(|(name, version)| {
                    short("initial_resource_versions", name)?;
                    short("initial_resource_versions", version)
                })
            }
        }
    }
}

fn wrong_variant(message: &str, stream: &str) -> Refusal {
    Refusal::InvalidArgument(format!("{message} on a {stream} stream"))
}

/// The text of a NACK, cut to its bound at a character.
fn message(status: Status) -> String {
    let mut text = status.message;
    let mut end = text.len().min(NACK_MESSAGE_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

fn check_names(field: &str, names: &[String]) -> Result<(), Refusal> {
    few(field, names.len())?;
    names.iter().try_for_each(|name| short(field, name))
}

fn short(field: &str, text: &str) -> Result<(), Refusal> {
    if text.len() <= NAME_BYTES_MAX {
        return Ok(());
    }
    let len = text.len();
    Err(Refusal::InvalidArgument(format!("{field} of {len} bytes: at most {NAME_BYTES_MAX} are taken")))
}

/// Refuses more names than one type may have.
pub(super) fn few(field: &str, count: usize) -> Result<(), Refusal> {
    if count <= NAMES_PER_TYPE_MAX {
        return Ok(());
    }
    let text = format!(
        "{count} {field}: at most {NAMES_PER_TYPE_MAX} are taken for one type; ask for fewer, or for everything (`*`)"
    );
    Err(Refusal::ResourceExhausted(Bound::Names, text))
}
