//! What a sub-stream says next, and why it must.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    subscription::{Shift, Subscription, place},
    unanswered::Members,
};
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
    /// Bytes of those that are no names of the subscription.
    bytes: usize,
}

impl Asked {
    pub(super) fn is_empty(&self) -> bool {
        !self.any && self.names.is_empty()
    }

    /// Bytes that names take which the subscription does not have; too many rather than too few.
    pub(super) fn bytes(&self) -> usize {
        if self.names.is_empty() { 0 } else { self.bytes }
    }

    /// Adds what a request asks for. `names` that are no longer wanted are left out by the caller.
    pub(super) fn add(&mut self, shift: Shift, subscription: &Subscription) {
        self.any |= shift.asked_any;
        self.bytes = self.bytes();
        for name in shift.asked {
            let bytes = if subscription.names().contains(&name) { 0 } else { place(&name) };
            if self.names.insert(name) {
                self.bytes += bytes;
            }
        }
    }
}

/// Of which state the last response was that said anything.
#[derive(Clone, Debug)]
pub(super) struct LastSent {
    pub(super) version: String,
    pub(super) revision: Revision,
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
