//! Sub-streams whose every response is the complete set: SotW of kinds whose absence deletes (rules 42, 44).

use std::{collections::BTreeMap, sync::Arc};

use super::{
    answer::{Answer, Asked},
    leftovers::{Leftovers, Moment},
    seen::{Seen, sotw_resources},
    subscription::Subscription,
    unanswered::Members,
};
use crate::{
    version::VersionSum,
    wire::Entry,
    xds::catalog::{Catalog, Difference},
};

/// Which set was sent, and which comes next.
#[derive(Debug)]
pub(super) struct Complete<C> {
    /// Of the set that was sent last, whether it was applied or refused: neither is sent again as it is (rules 21, 47).
    version: Option<VersionSum>,
    sent: Sent<C>,
    /// What was left to the client in it.
    beside: Vec<Entry>,
    leftovers: Leftovers,
    /// Whether what is gone since may be left to the client for a while.
    keeps: bool,
    plan: Option<Plan<C>>,
}

/// The set that was sent last, without what was left to the client in it.
#[derive(Debug)]
enum Sent<C> {
    State(Seen<C>),
    /// For subscriptions by name, and instead of an old state that nobody else needs any more.
    Entries(BTreeMap<Arc<str>, Entry>),
}

#[derive(Debug)]
struct Plan<C> {
    target: Seen<C>,
    version: VersionSum,
    step: Arc<Difference>,
}

impl<C: Catalog> Complete<C> {
    pub(super) fn new() -> Self {
        Self {
            version: None,
            sent: Sent::Entries(BTreeMap::new()),
            beside: Vec::new(),
            leftovers: Leftovers::default(),
            keeps: true,
            plan: None,
        }
    }

    /// Something is asked for anew, or no longer.
    pub(super) fn shift(&mut self, subscription: &Subscription) {
        self.plan = None;
        if subscription.is_empty() {
            self.version = None;
            self.sent = Sent::Entries(BTreeMap::new());
        }
        self.leftovers.retain(|name| subscription.covers(name));
        self.beside.retain(|entry| subscription.covers(&entry.name));
    }

    /// There is a newer state.
    pub(super) fn outdate(&mut self) {
        self.plan = None;
        if let Sent::State(seen) = &self.sent
            && seen.is_outdated()
        {
            let mut entries = BTreeMap::new();
            seen.for_each(&mut |entry| {
                entries.insert(entry.name.clone(), entry);
            });
            self.sent = Sent::Entries(entries);
        }
    }

    /// The next set holds nothing that is gone: the view is another one, or the last set was refused, perhaps for the
    /// very entry that is gone.
    pub(super) fn keep_nothing(&mut self) {
        self.plan = None;
        self.leftovers.clear();
        self.keeps = false;
    }

    pub(super) fn has_plan(&self) -> bool {
        self.plan.is_some()
    }

    pub(super) fn leftovers(&self) -> &Leftovers {
        &self.leftovers
    }

    pub(super) fn leftovers_mut(&mut self) -> &mut Leftovers {
        &mut self.leftovers
    }

    /// Works out whether there is anything to say.
    pub(super) fn plan(
        &mut self,
        seen: &Seen<C>,
        subscription: &Subscription,
        asked: &mut Asked,
        moment: Moment,
    ) {
        self.plan = None;
        if subscription.is_empty() {
            *asked = Asked::default();
            return;
        }
        let is_whole = subscription.wildcard();
        let without = if is_whole { seen.version() } else { seen.version_of(subscription.names()) };
        if is_whole && self.version == Some(without) && self.leftovers.is_empty() && asked.is_empty() {
            self.sent = Sent::State(seen.clone());
            return;
        }
        let step = self.sent.step(seen, subscription);
        self.leave(&step, seen, moment);
        let version = self.leftovers.kept().fold(without, |sum, entry| sum.plus(version_of(entry)));
        if self.version != Some(version) || !asked.is_empty() {
            self.plan = Some(Plan { target: seen.clone(), version, step });
        } else {
            // The client holds just this, some of it perhaps as what was left to it and came back.
            self.sent = Sent::of(seen, subscription);
            self.leftovers.set_sent();
            self.beside = self.leftovers.kept().cloned().collect();
        }
    }

    /// Leaves to the client what is gone since it was sent.
    fn leave(&mut self, step: &Difference, seen: &Seen<C>, moment: Moment) {
        self.leftovers.retain(|name| !seen.exists(name));
        if !self.keeps {
            return;
        }
        let removed = step.removed.iter().filter_map(|name| self.sent.get(name));
        // What was left before may have come back and gone again, without a response in between.
        let gone: Vec<_> = removed.chain(self.beside.iter().cloned()).collect();
        for entry in gone.into_iter().filter(|entry| !seen.exists(&entry.name)) {
            self.leftovers.add(entry, moment);
        }
    }

    /// The planned response.
    pub(super) fn next(&mut self, subscription: &Subscription, asked: &mut Asked) -> Option<Answer> {
        let Plan { target, version, step } = self.plan.take()?;
        *asked = Asked::default();
        self.version = Some(version);
        self.keeps = true;
        self.leftovers.set_sent();
        self.beside = self.leftovers.kept().cloned().collect();
        self.sent = Sent::of(&target, subscription);
        let mut resources = match &self.sent {
            Sent::State(seen) => seen.full(),
            Sent::Entries(entries) => sotw_resources(entries.values()),
        };
        resources.append(sotw_resources(&self.beside));
        let revision = target.revision();
        let members = Members { changed: 0..step.changed.len(), step, removed: 0..0 };
        Some(Answer { resources, version, revision, members, starts_step: true })
    }
}

impl<C: Catalog> Sent<C> {
    fn of(seen: &Seen<C>, subscription: &Subscription) -> Self {
        if subscription.wildcard() {
            return Self::State(seen.clone());
        }
        let entries = named(seen, subscription).into_iter();
        Self::Entries(entries.map(|entry| (entry.name.clone(), entry)).collect())
    }

    fn get(&self, name: &str) -> Option<Entry> {
        match self {
            Self::State(seen) => seen.get(name),
            Self::Entries(entries) => entries.get(name).cloned(),
        }
    }

    fn step(&self, seen: &Seen<C>, subscription: &Subscription) -> Arc<Difference> {
        match self {
            Self::State(from) if subscription.wildcard() => seen.difference(Some(from)),
            Self::Entries(sent) if sent.is_empty() && subscription.wildcard() => seen.difference(None),
            Self::State(from) => {
                let sent = subscription.names().iter().filter_map(|name| from.get(name));
                step(sent.map(|entry| (entry.name.clone(), entry)).collect(), seen, subscription)
            }
            Self::Entries(sent) => step(sent.clone(), seen, subscription),
        }
    }
}

fn step<C: Catalog>(
    mut sent: BTreeMap<Arc<str>, Entry>,
    seen: &Seen<C>,
    subscription: &Subscription,
) -> Arc<Difference> {
    let mut changed = Vec::new();
    let mut visit = |entry: Entry| {
        if sent.remove(&entry.name).is_none_or(|before| before.version != entry.version) {
            changed.push(entry);
        }
    };
    if subscription.wildcard() {
        seen.for_each(&mut visit);
    } else {
        named(seen, subscription).into_iter().for_each(visit);
    }
    let removed = sent.into_keys().filter(|name| subscription.covers(name)).collect();
    // Never sent as a difference: it needs no pages.
    Arc::new(Difference { changed, removed, pages: Vec::new() })
}

fn version_of(entry: &Entry) -> VersionSum {
    VersionSum::of_entry(&entry.name, &entry.version)
}

/// All of the names that exist. Names that do not are passed over in silence (rule 37).
fn named<C: Catalog>(seen: &Seen<C>, subscription: &Subscription) -> Vec<Entry> {
    subscription.names().iter().filter_map(|name| seen.get(name)).collect()
}
