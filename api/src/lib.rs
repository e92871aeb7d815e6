//! What mainsheet's things are, and what the protocol says.
//!
//! | module | is |
//! |---|---|
//! | [`kind`], [`key`], [`resource`], [`version`], [`change`], [`verdict`], [`view`], [`node`] | the vocabulary |
//! | [`lease`] | how long a resource lives unless it is renewed |
//! | [`selector`] | which resources, by their labels |
//! | [`wire`] | bytes of discovery messages: an entry encoded once, frames around shared bytes |
//! | [`xds`] | both halves of the protocol as state machines |
//! | `access` (feature) | who somebody is, and what RBAC documents let them do |
//! | `codec` (feature) | YAML and JSON to protobuf and back, by descriptor |
//! | `validate` (feature) | what makes a resource unfit to be served |
//! | `opaque` (feature `validate`) | resources of kinds that are not known here |
//! | `rule` (feature `validate`) | rules of one's own, in CEL |
//! | [`limits`] | every bound, with its reason |
//!
//! Not here: I/O, tasks, clocks. Time comes in as [`time`] values; bytes come in as slices.

#[cfg(feature = "access")]
pub mod access;
pub mod change;
#[cfg(feature = "codec")]
pub mod codec;
pub mod key;
pub mod kind;
pub mod lease;
pub mod limits;
pub mod node;
#[cfg(feature = "validate")]
pub mod opaque;
pub mod planted;
pub mod resource;
#[cfg(feature = "validate")]
pub mod rule;
pub mod selector;
pub mod time;
#[cfg(feature = "validate")]
pub mod validate;
pub mod verdict;
pub mod version;
pub mod view;
pub mod wire;
pub mod xds;

/// Rust types of the .proto files below `api/proto`, made by `UPDATE=1 cargo test -p mainsheet-api generated`.
#[allow(missing_docs, clippy::all, clippy::pedantic, rustdoc::all)]
pub mod generated {
    include!("generated/mod.rs");
}
