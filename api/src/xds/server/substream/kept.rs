//! What a sub-stream makes the server keep for its client alone.

use super::{Form, Substream};
use crate::{limits::NAME_PLACE_BYTES, xds::catalog::Catalog};

impl<C: Catalog> Substream<C> {
    /// Bytes of names that the client makes this server keep.
    pub(in crate::xds::server) fn names_bytes(&self) -> usize {
        self.subscription.bytes() + self.asked.bytes() + self.held_bytes
    }

    /// Bytes that the client makes this server keep, beside what is shared with others.
    pub(in crate::xds::server) fn kept_bytes(&self) -> usize {
        let sent = match &self.form {
            Form::Complete(complete) => complete.kept_len(),
            Form::Changes(changes) => changes.kept_len(),
        };
        let places = sent + self.removals.len() + self.unanswered.kept_len();
        self.names_bytes() + self.type_url.len() + places * NAME_PLACE_BYTES
    }
}
