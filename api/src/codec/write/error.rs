//! Why bytes are not the resource that they were taken for.

/// Why bytes are not the resource that they were taken for.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// They say that they are something else.
    #[error("wanted `{wanted}`, found `{found}`")]
    Type {
        /// Full name of the message.
        wanted: String,
        /// Type URL that was found.
        found: String,
    },
    /// They are not what they say.
    #[error("decoding `{type_url}`")]
    Bytes {
        /// What they say they are.
        type_url: String,
        /// How they are not.
        #[source]
        source: prost::DecodeError,
    },
    /// The wrapper holds no metadata or no body.
    #[error("the resource lacks its metadata or its body")]
    Incomplete,
    /// `namespace/name` for Istio's kinds, any text for Envoy's.
    #[error("`{name}` is no name of a resource")]
    Name {
        /// What was found.
        name: String,
    },
}

impl DecodeError {
    pub(super) fn bytes(type_url: &str, source: prost::DecodeError) -> Self {
        Self::Bytes { type_url: type_url.to_owned(), source }
    }
}
