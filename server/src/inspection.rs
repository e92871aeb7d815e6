//! Questions about the server itself that come on a discovery stream, as istioctl asks them: what a question is, and what
//! whoever answers it has to be. The streams know no more of it than this.

use futures_util::future::BoxFuture;
use mainsheet_api::{kind::INSPECTION_PREFIX, wire::Any};
use tonic::Status;

use crate::auth::Caller;

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Who asks.
    pub caller: Caller,
    /// What about.
    pub type_url: String,
    /// What about, more closely.
    pub names: Vec<String>,
}

/// The answer to one question.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// `control_plane.identifier`, in the form that istioctl reads.
    pub identity: String,
    /// What istioctl shows.
    pub resources: Vec<Any>,
}

/// Whoever answers.
pub trait Inspector: Send + Sync + 'static {
    /// Answers from what is known here, without waiting for others.
    ///
    /// # Errors
    /// Where the stream has to end with the reason.
    fn answer(&self, question: Question) -> BoxFuture<'static, Result<Answer, Status>>;
}

/// Whether a type is about the server itself.
#[must_use]
pub fn is_inspection(type_url: &str) -> bool {
    type_url.strip_prefix(INSPECTION_PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_told_from_kinds() {
        for type_url in ["istio.io/debug", "istio.io/debug/syncz", "istio.io/debug/anything"] {
            assert!(is_inspection(type_url), "{type_url}");
        }
        for type_url in ["istio.io/debugger", "networking.istio.io/v1/VirtualService", ""] {
            assert!(!is_inspection(type_url), "{type_url}");
        }
    }
}
