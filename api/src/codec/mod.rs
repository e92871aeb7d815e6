//! Documents to resources and back, by descriptor: YAML or JSON in Kubernetes form for Istio's kinds, as Envoy writes
//! them for Envoy's.

//!
//! | module | is |
//! |---|---|
//! | `yaml` | a text as a tree of nodes that know their line and column |
//! | `document`, `kubernetes`, `envoy` | what a document is, and what stands around its body |
//! | `decoder`, `message`, `scalar`, `well_known` | a tree to protobuf bytes, by descriptor, with every error at once |
//! | `typed` | messages, read as the documents that say the same |
//! | `write` | the way back: entries and bodies as documents |
//!
//! The same document always gives the same bytes, and one that is written reads as what it was written from.

mod base64;
mod decoder;
mod descriptors;
mod document;
mod encode;
mod envoy;
mod kubernetes;
mod message;
mod moment;
mod scalar;
mod source_map;
mod suggest;
mod typed;
mod unknown_fields;
mod well_known;
mod write;
mod yaml;

pub use source_map::SourceMap;
pub use suggest::{nearest, remedy as suggestion};
pub use typed::{Typed, typed};
pub use unknown_fields::UnknownFields;
#[cfg(feature = "validate")]
pub(crate) use write::object;
pub use write::{DecodeError, Received, decode_entry, spec_json, write_json, write_json_list, write_yaml};
#[cfg(feature = "validate")]
pub(crate) use {
    descriptors::{body as body_descriptor, envoy_message},
    document::cut,
};

use crate::{key::Key, kind::TYPE_URL_PREFIX, resource::Resource, verdict::Finding};

/// What a document that doesn't say gets, and how strictly it is read.
#[derive(Clone, Copy, Debug)]
pub struct Defaults<'a> {
    /// The namespace of documents without one.
    pub namespace: &'a str,
    /// The scope of every key.
    pub scope: &'a str,
    /// What becomes of a document with fields that its kind does not have.
    pub unknown_fields: UnknownFields,
}

/// One YAML or JSON document of a file.
#[derive(Clone, Debug)]
pub struct Document {
    /// Line of its first content, from 1.
    pub line: u32,
    /// What it turned out to be.
    pub content: Content,
}

/// What a document turned out to be.
#[derive(Clone, Debug)]
pub enum Content {
    /// A resource that decodes.
    Resource {
        /// The resource.
        resource: Box<Resource>,
        /// Path to position, for findings of validation.
        map: SourceMap,
        /// What was left out of it ([`UnknownFields::Warn`]).
        warnings: Vec<Finding>,
    },
    /// A document of a kind that is served, which does not decode; or text that is not YAML at all.
    Rejected {
        /// Whose it is, as far as it can be told. `None`: nobody knows which resources the text was to hold.
        key: Option<Key>,
        /// At least one error, then the warnings.
        findings: Vec<Finding>,
    },
    /// Of a kind that is not served: `v1/ConfigMap`.
    Ignored {
        /// `apiVersion/kind`, or `@type`.
        what: String,
    },
}

/// Reads every document of a text. Never fails as a whole: what can't be read is a [`Content::Rejected`], and what
/// stands before it counts.
///
/// Findings list all that is wrong with a document, not only the first thing. Where the text stops being YAML, the rest
/// is one rejected document without a key: it may have held any resource.
#[must_use]
pub fn read(text: &str, defaults: Defaults<'_>) -> Vec<Document> {
    let mut documents = Vec::new();
    let broken = yaml::parse(text, |node| document::read(&node, defaults, &mut documents));
    if let Some((position, reason)) = broken {
        let reason = format!("not YAML from here on: {reason}");
        let content = document::rejected(None, position, ["not-yaml", &reason, ""]);
        documents.push(Document { line: position.line, content });
    }
    documents
}
