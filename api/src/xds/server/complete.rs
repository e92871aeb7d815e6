//! Sub-streams whose every response is the complete set: SotW of kinds whose absence deletes (rules 42, 44).

use std::{collections::BTreeSet, sync::Arc};

use super::{
    accepted::Accepted,
    answer::{Answer, Asked},
    removals::{Moment, Removals},
    seen::{Seen, sotw_resources},
    subscription::Subscription,
    unanswered::Members,
};
use crate::{
    version::VersionSum,
    wire::Entry,
    xds::catalog::{Catalog, Difference, Shared},
};

/// Which set was sent, and which comes next.
#[derive(Debug)]
pub(super) struct Complete<C> {
    /// Of the set that was sent last, whether it was applied or refused: neither is sent again as it is (rules 21, 47).
    version: Option<VersionSum>,
    /// The set that was sent last, as far as it is still known.
    sent: Option<Set<C>>,
    /// Whether what of it is gone may be left in the next, and what is in it kept alive.
    is_kept: bool,
    is_refused: bool,
    plan: Option<Set<C>>,
    /// Whether the client understands times to live.
    carries_ttl: bool,
}

/// What there was to see, and what was gone and left in the set all the same.
#[derive(Debug)]
struct Set<C> {
    seen: Seen<C>,
    /// None: all of it.
    names: Option<BTreeSet<Arc<str>>>,
    left: Vec<Entry>,
    version: VersionSum,
}

impl<C: Catalog> Complete<C> {
    pub(super) fn new(carries_ttl: bool) -> Self {
        Self { version: None, sent: None, is_kept: false, is_refused: false, plan: None, carries_ttl }
    }

    /// Names that are kept for this client alone.
    pub(super) fn kept_len(&self) -> usize {
        let sets = self.sent.iter().chain(&self.plan);
        sets.map(|set| set.names.as_ref().map_or(0, BTreeSet::len) + set.left.len()).sum()
    }

    /// Something is asked for anew, or no longer.
    pub(super) fn shift(&mut self, subscription: &Subscription) {
        self.plan = None;
        if subscription.is_empty() {
            self.version = None;
            self.sent = None;
        }
    }

    /// There is a newer state, or another view. A set of an old state is forgotten: holding on to it would cost memory
    /// that nobody else needs.
    pub(super) fn outdate(&mut self) {
        self.plan = None;
        self.sent.take_if(|sent| sent.seen.is_outdated());
    }

    /// The view is another one: the next set holds nothing that is gone.
    pub(super) fn leave_nothing(&mut self) {
        self.plan = None;
        self.is_kept = false;
    }

    /// The set that was sent last, unless something in it is not to be sent again.
    fn kept(&self) -> Option<&Set<C>> {
        self.sent.as_ref().filter(|_| self.is_kept)
    }

    /// What was new to the client in the set of this version, if it is the last one and still known.
    pub(super) fn news(&self, version: &str, accepted: &Accepted<C>) -> Vec<Entry> {
        let sent = self.sent.as_ref().filter(|sent| sent.version.to_string() == version);
        sent.map(|sent| sent.news(accepted)).unwrap_or_default()
    }

    /// The last set was refused, perhaps for an entry that goes next: the next set holds nothing that is gone.
    pub(super) fn refuse(&mut self) {
        self.leave_nothing();
        self.is_refused = true;
    }

    /// The last set was applied.
    pub(super) fn accept(&mut self) {
        self.is_refused = false;
    }

    /// Whether the client goes on using an older set than the last.
    pub(super) fn is_refused(&self) -> bool {
        self.is_refused
    }

    pub(super) fn has_plan(&self) -> bool {
        self.plan.is_some()
    }

    /// Works out whether there is anything to say.
    pub(super) fn plan(
        &mut self,
        seen: &Seen<C>,
        subscription: &Subscription,
        asked: &mut Asked,
        (removals, moment): (&mut Removals, Moment),
    ) {
        self.plan = None;
        if subscription.is_empty() {
            *asked = Asked::default();
            return;
        }
        let names = (!subscription.wildcard()).then(|| subscription.names().clone());
        let version = match &names {
            None => seen.version(),
            Some(names) => seen.version_of(names),
        };
        let gone = if self.version == Some(version) { Vec::new() } else { self.gone(seen, subscription) };
        removals.look(gone.iter().map(|entry| &entry.name), moment);
        let left: Vec<Entry> = gone.into_iter().filter(|entry| removals.waits(&entry.name)).collect();
        let version = left.iter().fold(version, |sum, entry| sum.plus(version_of(entry)));
        let set = Set { seen: seen.clone(), names, left, version };
        if self.version != Some(version) || !asked.is_empty() {
            self.plan = Some(set);
        } else if !self.is_refused {
            self.keep(set); // it is what was sent, seen in a newer state
        }
    }

    /// What the client was sent and can no longer see.
    fn gone(&self, seen: &Seen<C>, subscription: &Subscription) -> Vec<Entry> {
        let Some(sent) = self.kept() else { return Vec::new() };
        let get = |name: &Arc<str>| sent.seen.get(name);
        let mut gone: Vec<Entry> = match &sent.names {
            None => seen.difference(Some(&sent.seen)).removed.iter().filter_map(get).collect(),
            Some(names) => names.iter().filter(|name| seen.get(name).is_none()).filter_map(get).collect(),
        };
        gone.extend(sent.left.iter().filter(|entry| seen.get(&entry.name).is_none()).cloned());
        gone.retain(|entry| subscription.covers(&entry.name));
        gone
    }

    fn keep(&mut self, set: Set<C>) {
        (self.sent, self.is_kept) = (Some(set), true);
    }

    /// The planned response.
    pub(super) fn next(&mut self, asked: &mut Asked, removals: &mut Removals) -> Option<Answer> {
        let set = self.plan.take()?;
        *asked = Asked::default();
        let resources = set.resources(self.carries_ttl);
        removals.said_all_due();
        let step = set.changed_since(self.kept());
        let members = Members { changed: 0..step.changed.len(), step, removed: 0..0 };
        let (version, revision) = (set.version, set.seen.revision());
        self.version = Some(version);
        self.keep(set);
        Some(Answer { resources, version, revision, members, starts_step: true })
    }
}

impl<C: Catalog> Complete<C> {
    /// The set that was sent last, once more, where something in it has a time to live (rule 73). With bodies: clients may
    /// take what a set does not hold for deleted.
    pub(super) fn heartbeat(&self) -> Option<Shared> {
        let sent = self.kept().filter(|_| !self.is_refused)?;
        Some(sent.resources(true)).filter(|resources| resources.count > 0)
    }
}

impl<C: Catalog> Set<C> {
    fn resources(&self, carries_ttl: bool) -> Shared {
        let mut resources = match &self.names {
            None => self.seen.full(carries_ttl),
            // Names that do not exist are passed over in silence (rule 37).
            Some(names) => {
                let entries: Vec<_> = names.iter().filter_map(|name| self.seen.get(name)).collect();
                sotw_resources(&entries, carries_ttl)
            }
        };
        resources.append(sotw_resources(&self.left, carries_ttl));
        resources
    }

    /// What is in it that the client did not take as it is.
    fn news(&self, accepted: &Accepted<C>) -> Vec<Entry> {
        let is_news = |entry: &Entry| accepted.is_news(entry);
        let mut news: Vec<Entry> = self.left.iter().filter(|entry| is_news(entry)).cloned().collect();
        match (&self.names, accepted.state()) {
            (None, Some(state)) => news.extend(self.seen.difference(Some(state)).changed.iter().cloned()),
            (None, None) => self.seen.for_each(&mut |entry| news.extend(Some(entry).filter(is_news))),
            (Some(names), _) => {
                news.extend(names.iter().filter_map(|name| self.seen.get(name)).filter(is_news))
            }
        }
        news
    }

    /// What is new or changed in it, for the sake of its children.
    fn changed_since(&self, sent: Option<&Self>) -> Arc<Difference> {
        if !self.seen.has_children() {
            return Arc::default();
        }
        match &self.names {
            None => self.seen.difference(sent.filter(|sent| sent.names.is_none()).map(|sent| &sent.seen)),
            Some(names) => {
                let is_news = |entry: &Entry| {
                    let before = sent.and_then(|sent| sent.seen.get(&entry.name));
                    before.is_none_or(|before| before.version != entry.version)
                };
                let changed = names.iter().filter_map(|name| self.seen.get(name)).filter(is_news).collect();
                // Never sent as a difference: it needs no pages.
                Arc::new(Difference { changed, removed: Vec::new(), pages: Vec::new() })
            }
        }
    }
}

fn version_of(entry: &Entry) -> VersionSum {
    VersionSum::of_entry(&entry.name, &entry.version)
}
