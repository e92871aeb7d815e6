//! Sub-streams whose every response is the complete set: SotW of kinds whose absence deletes (rules 42, 44).

use super::{
    answer::{Answer, Asked},
    seen::{Seen, sotw_resources},
    subscription::Subscription,
    unanswered::Members,
};
use crate::{
    version::VersionSum,
    wire::Entry,
    xds::catalog::{Catalog, Shared},
};

/// Which set was sent, and which comes next.
#[derive(Debug)]
pub(super) struct Complete<C> {
    /// Of the set that was sent last, whether it was applied or refused: neither is sent again as it is (rules 21, 47).
    sent: Option<VersionSum>,
    plan: Option<(Seen<C>, VersionSum)>,
}

impl<C: Catalog> Complete<C> {
    pub(super) fn new() -> Self {
        Self { sent: None, plan: None }
    }

    /// Something is asked for anew, or no longer.
    pub(super) fn shift(&mut self, subscription: &Subscription) {
        self.plan = None;
        if subscription.is_empty() {
            self.sent = None;
        }
    }

    /// There is a newer state, or another view.
    pub(super) fn outdate(&mut self) {
        self.plan = None;
    }

    pub(super) fn has_plan(&self) -> bool {
        self.plan.is_some()
    }

    /// Works out whether there is anything to say.
    pub(super) fn plan(&mut self, seen: &Seen<C>, subscription: &Subscription, asked: &mut Asked) {
        self.plan = None;
        if subscription.is_empty() {
            *asked = Asked::default();
            return;
        }
        let version =
            if subscription.wildcard() { seen.version() } else { seen.version_of(subscription.names()) };
        if self.sent != Some(version) || !asked.is_empty() {
            self.plan = Some((seen.clone(), version));
        }
    }

    /// The planned response.
    pub(super) fn next(&mut self, subscription: &Subscription, asked: &mut Asked) -> Option<Answer> {
        let (seen, version) = self.plan.take()?;
        *asked = Asked::default();
        self.sent = Some(version);
        let resources = if subscription.wildcard() { seen.full() } else { named(&seen, subscription) };
        let revision = seen.revision();
        Some(Answer { resources, version, revision, members: Members::default(), starts_step: true })
    }
}

/// All of the names that exist. Names that do not are passed over in silence (rule 37).
fn named<C: Catalog>(seen: &Seen<C>, subscription: &Subscription) -> Shared {
    let entries: Vec<Entry> = subscription.names().iter().filter_map(|name| seen.get(name)).collect();
    sotw_resources(&entries)
}
