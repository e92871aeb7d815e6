//! What a sub-stream says next, and why it must.

use std::{collections::BTreeSet, sync::Arc};

use super::{subscription::Shift, unanswered::Members};
use crate::{
    version::{Revision, VersionSum},
    xds::catalog::Shared,
};

/// What requests asked for and no response has answered yet.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// An answer, even if there is nothing to say.
    pub(super) any: bool,
    /// These, whatever was sent before.
    pub(super) names: BTreeSet<Arc<str>>,
}

impl Asked {
    pub(super) fn is_empty(&self) -> bool {
        !self.any && self.names.is_empty()
    }

    /// Adds what a request asks for. `names` that are no longer wanted are left out by the caller.
    pub(super) fn add(&mut self, shift: Shift) {
        self.any |= shift.asked_any;
        self.names.extend(shift.asked);
    }
}

/// One response, but for its nonce.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) resources: Shared,
    pub(super) version: VersionSum,
    pub(super) revision: Revision,
    pub(super) members: Members,
    /// Whether it is the first of the responses that belong together.
    pub(super) starts_step: bool,
}
