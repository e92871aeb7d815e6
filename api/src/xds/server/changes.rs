//! Sub-streams whose responses say what changed: delta, and SotW of kinds whose absence says nothing (rules 43, 61).

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use super::{
    answer::{Answer, Asked},
    base::{Base, Table},
    refused::Refused,
    seen::{Seen, sotw_resources},
    subscription::Subscription,
    unanswered::{Answered, Members},
};
use crate::{
    version::{ResourceVersion, VersionSum},
    wire::Entry,
    xds::{
        Variant,
        catalog::{Catalog, Difference, Shared},
    },
};

/// What was sent, what of that was refused, and what comes next.
#[derive(Debug)]
pub(super) struct Changes<C> {
    variant: Variant,
    base: Base<C>,
    refused: Refused,
    plan: Option<Plan<C>>,
    /// The version of all that could be seen when there was last nothing left to say. As long as it stands, nothing
    /// can have changed.
    settled: Option<VersionSum>,
}

/// Responses that bring the client from its base to a state, and how far that is done.
#[derive(Debug)]
struct Plan<C> {
    target: Seen<C>,
    /// Whether the target is then the base: under a wildcard all of it is sent.
    whole: bool,
    version: VersionSum,
    responses: Vec<Planned>,
    next: usize,
}

/// One response: a page of a difference, removed names of it, or both. Neither makes an empty response.
#[derive(Clone, Debug, Default)]
struct Planned {
    step: Arc<Difference>,
    page: Option<usize>,
    removed: Range<usize>,
}

impl<C: Catalog> Changes<C> {
    pub(super) fn new(variant: Variant) -> Self {
        Self { variant, base: Base::nothing(), refused: Refused::default(), plan: None, settled: None }
    }

    /// What the client says it holds from before (rule 51).
    pub(super) fn resume(&mut self, held: Table) {
        self.base = Base::Table(held);
    }

    /// A response was refused.
    pub(super) fn refuse(&mut self, answered: &Answered, subscription: &Subscription) {
        // What is planned was planned without this, and the base must have what was sent so far.
        self.interrupt();
        self.settled = None;
        let Self { variant, base, refused, .. } = self;
        // In SotW a resource may have gone since without a word.
        let is_there = |name: &Arc<str>| *variant == Variant::Delta || base.has(name);
        let counts =
            |name: &Arc<str>| subscription.covers(name) && !answered.resent.contains(name) && is_there(name);
        refused.add(answered.response.members.names(), counts);
    }

    /// Names that were refused, and not sent anew since.
    pub(super) fn refused_len(&self) -> usize {
        self.refused.len()
    }

    /// Something is asked for anew, or no longer.
    pub(super) fn shift(&mut self, subscription: &Subscription, narrowed: bool) {
        self.interrupt();
        self.settled = None;
        if narrowed {
            self.base.narrow(subscription);
            self.refused.narrow(|name| subscription.covers(name));
        }
    }

    /// The client asks for everything again while these were still on their way to it: it may come to hold them, in a
    /// version that does not matter, and has to be told if they are gone.
    pub(super) fn suppose_held<'a>(&mut self, names: impl IntoIterator<Item = &'a Arc<str>>) {
        if let Base::Table(table) = &mut self.base {
            for name in names {
                table.entry(name.clone()).or_insert_with(|| ResourceVersion::new(""));
            }
        }
    }

    /// There is a newer state, or another view.
    pub(super) fn outdate(&mut self) {
        self.interrupt();
        if self.base.is_outdated() {
            self.base.table();
        }
    }

    pub(super) fn has_plan(&self) -> bool {
        self.plan.is_some()
    }

    /// Whether nothing is left to say of the state that was last looked at.
    pub(super) fn is_settled(&self) -> bool {
        self.plan.is_none() && self.settled.is_some()
    }

    pub(super) fn is_started(&self) -> bool {
        self.plan.as_ref().is_some_and(|plan| plan.next > 0)
    }

    /// Drops the plan, and remembers what was sent of it.
    fn interrupt(&mut self) {
        let Some(plan) = self.plan.take() else { return };
        if !plan.whole || plan.next == 0 {
            return; // nothing was sent, or each response was noted as it went
        }
        let table = self.base.table();
        plan.responses[..plan.next].iter().for_each(|response| note(table, &response.members()));
    }

    /// Works out what to say, if anything.
    pub(super) fn plan(&mut self, seen: &Seen<C>, subscription: &Subscription, asked: &mut Asked) {
        self.interrupt();
        let version = seen.version();
        let nothing_new = self.settled == Some(version) && asked.is_empty() && !self.refused.is_touched();
        let responses = if nothing_new { Vec::new() } else { self.responses(seen, subscription, asked) };
        let whole = subscription.wildcard();
        if responses.is_empty() {
            self.settle(seen.clone(), whole, asked);
        } else {
            // What SotW calls the version of a response is that of all that is subscribed to.
            let is_named = self.variant == Variant::Sotw && !whole;
            let version = if is_named { seen.version_of(subscription.names()) } else { version };
            self.plan = Some(Plan { target: seen.clone(), whole, version, responses, next: 0 });
        }
    }

    /// The client was sent all of this state that it asks for.
    fn settle(&mut self, seen: Seen<C>, whole: bool, asked: &mut Asked) {
        *asked = Asked::default();
        self.settled = Some(seen.version());
        if whole {
            self.base = Base::State(seen);
        }
    }

    fn responses(&mut self, seen: &Seen<C>, subscription: &Subscription, asked: &Asked) -> Vec<Planned> {
        let step = if subscription.is_empty() { Arc::default() } else { self.base.step(seen, subscription) };
        if self.variant == Variant::Sotw {
            self.forget_removed(&step);
        }
        let steps = self.with_asked_and_refused(step, seen, asked);
        let mut responses: Vec<Planned> =
            steps.into_iter().flat_map(|step| cut(&step, self.variant)).collect();
        // A delta client waits for an answer to what it asked, even if there is nothing to say (rules 59, 60). A SotW
        // client that asks by name does not: an empty response would mean nothing to it (rules 37, 38).
        if responses.is_empty() && asked.any && (self.variant == Variant::Delta || subscription.wildcard()) {
            responses.push(Planned::default());
        }
        responses
    }

    /// SotW has no way to say that such a resource is gone (rule 44). Should it come back, it is new.
    fn forget_removed(&mut self, step: &Difference) {
        for name in &step.removed {
            self.refused.sent(name);
            if let Base::Table(table) = &mut self.base {
                table.remove(name);
            }
        }
    }

    /// Adds what is to be sent although it did not change: names that were asked for (rules 28, 53, 57), and what was
    /// refused together with something that is sent again (rule 65). The latter goes apart, so that a client that
    /// refuses it again does not refuse anything else with it.
    fn with_asked_and_refused(
        &self,
        step: Arc<Difference>,
        seen: &Seen<C>,
        asked: &Asked,
    ) -> Vec<Arc<Difference>> {
        if asked.names.is_empty() && self.refused.is_empty() {
            return vec![step];
        }
        let mut alone: BTreeMap<Arc<str>, Option<Entry>> =
            step.changed.iter().map(|entry| (entry.name.clone(), Some(entry.clone()))).collect();
        alone.extend(step.removed.iter().map(|name| (name.clone(), None)));
        for name in &asked.names {
            alone.entry(name.clone()).or_insert_with(|| seen.get(name));
        }
        let again = self.refused.touched_by(|name| alone.contains_key(name));
        if again.is_empty() && alone.len() == step.changed.len() + step.removed.len() {
            return vec![step];
        }
        let again: BTreeMap<_, _> = again
            .into_iter()
            .map(|name| {
                let current = alone.remove(&name).unwrap_or_else(|| seen.get(&name));
                (name, current)
            })
            .collect();
        [alone, again].into_iter().map(|part| own_step(part, seen)).collect()
    }

    /// The next response of the plan.
    pub(super) fn next(&mut self, asked: &mut Asked) -> Option<Answer> {
        let plan = self.plan.as_mut()?;
        let response = plan.responses.get(plan.next)?.clone();
        let starts_step = plan.next == 0;
        plan.next += 1;
        self.settled = None; // until all of it is sent
        let answer = Answer {
            resources: response.resources(self.variant),
            version: plan.version,
            revision: plan.target.revision(),
            members: response.members(),
            starts_step,
        };
        self.note_sent(&answer.members, asked);
        Some(answer)
    }

    fn note_sent(&mut self, members: &Members, asked: &mut Asked) {
        asked.any = false;
        if !asked.names.is_empty() || !self.refused.is_empty() {
            for name in members.names() {
                asked.names.remove(name);
                self.refused.sent(name);
            }
        }
        let Some(plan) = &self.plan else { return };
        if !plan.whole {
            note(self.base.table(), members);
        }
        if plan.next == plan.responses.len()
            && let Some(plan) = self.plan.take()
        {
            self.settle(plan.target, plan.whole, asked);
        }
    }
}

impl Planned {
    fn members(&self) -> Members {
        let changed = self.page.map_or(0..0, |page| self.step.pages[page].range.clone());
        Members { step: self.step.clone(), changed, removed: self.removed.clone() }
    }

    fn resources(&self, variant: Variant) -> Shared {
        let Some(page) = self.page.map(|page| &self.step.pages[page]) else { return Shared::default() };
        match variant {
            Variant::Delta => page.bytes.clone(),
            Variant::Sotw => sotw_resources(&self.step.changed[page.range.clone()]),
        }
    }
}

/// Notes in a table what one response said.
fn note(table: &mut Table, members: &Members) {
    for entry in &members.step.changed[members.changed.clone()] {
        table.insert(entry.name.clone(), entry.version.clone());
    }
    for name in &members.step.removed[members.removed.clone()] {
        table.remove(name);
    }
}

fn own_step<C: Catalog>(part: BTreeMap<Arc<str>, Option<Entry>>, seen: &Seen<C>) -> Arc<Difference> {
    let (mut changed, mut removed) = (Vec::new(), Vec::new());
    for (name, current) in part {
        match current {
            Some(entry) => changed.push(entry),
            None => removed.push(name),
        }
    }
    Arc::new(seen.own_difference(changed, removed))
}

/// Bytes of removed names in one response, beside a page of resources: together less than the 4 MiB that many clients
/// take.
const REMOVED_BYTES_MAX: usize = 1 << 20;

/// One response for each page of a difference. Removed names go with the first pages.
fn cut(step: &Arc<Difference>, variant: Variant) -> Vec<Planned> {
    let removed = match variant {
        Variant::Delta => cut_names(&step.removed),
        Variant::Sotw => Vec::new(),
    };
    (0..step.pages.len().max(removed.len()))
        .map(|index| Planned {
            step: step.clone(),
            page: (index < step.pages.len()).then_some(index),
            removed: removed.get(index).cloned().unwrap_or_default(),
        })
        .collect()
}

fn cut_names(names: &[Arc<str>]) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut bytes = 0;
    for (index, name) in names.iter().enumerate() {
        bytes += name.len();
        match ranges.last_mut() {
            Some(range) if bytes <= REMOVED_BYTES_MAX => range.end = index + 1,
            _ => {
                ranges.push(index..index + 1);
                bytes = name.len();
            }
        }
    }
    ranges
}
