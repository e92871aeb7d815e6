//! What a sub-stream has to do with others: which state its client has reached, what of it is left, what follows a parent.

use std::sync::Arc;

use super::{super::shown::Shown, Form, Substream};
use crate::{kind::Kind, time::Uptime, xds::catalog::Catalog};

impl<C: Catalog> Substream<C> {
    /// There is another view: what it does not show goes at once.
    pub(in crate::xds::server) fn leave_nothing(&mut self) {
        match &mut self.form {
            Form::Complete(complete) => complete.leave_nothing(),
            Form::Changes(_) => self.removals.hurry(),
        }
    }

    /// Plans to say only what was asked for. A complete set can't be divided.
    pub(in crate::xds::server) fn narrow_plan(&mut self, shown: &Shown<C>) {
        if let Form::Changes(changes) = &mut self.form
            && !changes.is_started()
        {
            let seen = shown.of(self.kind);
            changes.plan_asked(&seen, &self.subscription, &mut self.asked);
            self.plan_rest();
        }
    }

    /// Asks for these names on behalf of the client, as far as it subscribes to them by name (rule 81).
    pub(in crate::xds::server) fn ask_again(&mut self, names: impl IntoIterator<Item = Arc<str>>) {
        let subscribed = names.into_iter().filter(|name| self.subscription.names().contains(name));
        let before = self.asked.names.len();
        self.asked.names.extend(subscribed);
        if self.asked.names.len() > before {
            self.planned = None;
        }
    }

    pub(in crate::xds::server) fn is_named(&self) -> bool {
        !self.subscription.names().is_empty()
    }

    pub(in crate::xds::server) fn kind(&self) -> Option<Kind> {
        self.kind
    }

    /// Whether something that is gone is still held.
    pub(in crate::xds::server) fn has_removals(&self) -> bool {
        !self.removals.is_empty()
    }

    /// When something goes, whoever still refers to it.
    pub(in crate::xds::server) fn removal_deadline(&self) -> Option<Uptime> {
        self.removals.deadline()
    }

    /// Whether any of it can be held at all.
    pub(in crate::xds::server) fn is_held(&self) -> bool {
        self.kind.is_some() && !self.subscription.is_empty()
    }

    /// The newest state of the session that the client has of this type, as far as it said so or nothing had to be said:
    /// nothing that it holds refers to what was gone by then.
    pub(in crate::xds::server) fn reached(&self) -> u64 {
        let is_settled = !self.has_plan() && !self.unanswered.waits() && !self.is_refused() && !self.is_kept;
        if is_settled { self.reached.max(self.planned_reach()) } else { self.reached }
    }

    /// What the client has reached once it has all that was planned.
    pub(super) fn planned_reach(&self) -> u64 {
        self.removals.reached(self.planned.unwrap_or_default())
    }

    /// Whatever may refer to this type has reached a state: what was gone then need not be left any longer.
    pub(in crate::xds::server) fn let_go(&mut self, reached: u64, now: Uptime) -> bool {
        let is_due = self.removals.clear(reached, now);
        if is_due {
            self.planned = None;
        }
        is_due
    }
}
