//! What a request is called: in its answer, in logs and in the audit log.

use std::fmt;

use http::{HeaderName, HeaderValue};
use serde::{Serialize, Serializer};

use crate::surroundings::Randomness;

/// Where an answer says what its request is called.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A number that hardly another request has. Given by the server only: what a client chose could be another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RequestId(u64);

impl RequestId {
    pub(crate) fn draw(from: &Randomness) -> Self {
        Self(from.number())
    }

    /// As an answer has it.
    pub(crate) fn header(self) -> HeaderValue {
        HeaderValue::from_str(&self.to_string()).expect("hexadecimal digits are a header's value")
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for RequestId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
