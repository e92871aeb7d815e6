//! Sub-streams whose responses say what changed: delta, and SotW of kinds whose absence says nothing (rules 43, 61).

use std::{collections::BTreeSet, sync::Arc};

use super::{
    answer::{Answer, Asked},
    base::{Base, Table},
    heartbeats::{self, Heartbeat},
    planned::{self, Part, Planned, own_step},
    refused::Refused,
    removals::{Moment, Removals},
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
    /// The version of all that could be seen at the last look, if nothing was left to say. As long as it stands, nothing
    /// can have changed.
    settled: Option<VersionSum>,
    /// Whether the client understands times to live.
    carries_ttl: bool,
}

/// Responses that bring the client from its base to a state, and how far that is done.
#[derive(Debug)]
struct Plan<C> {
    target: Seen<C>,
    reach: Reach,
    version: VersionSum,
    responses: Vec<Planned>,
    next: usize,
}

/// What the client holds once all of a plan is sent.
#[derive(Debug)]
enum Reach {
    /// All that there is to see, as under a wildcard, and these, whose removal waits.
    All(Table),
    /// All that it asks for by name.
    Named,
    /// What was asked for, and not yet what else changed.
    Asked,
}

impl<C: Catalog> Changes<C> {
    pub(super) fn new(variant: Variant, carries_ttl: bool) -> Self {
        let (base, refused) = (Base::nothing(), Refused::default());
        Self { variant, base, refused, plan: None, settled: None, carries_ttl }
    }

    pub(super) fn variant(&self) -> Variant {
        self.variant
    }

    /// What the client says it holds from before (rule 51).
    pub(super) fn resume(&mut self, held: Table) {
        self.base = Base::of_table(held);
    }

    /// Whether the client was sent this version last, or said that it has it.
    pub(super) fn holds(&self, name: &str, version: &ResourceVersion) -> bool {
        self.base.version(name).as_ref() == Some(version)
    }

    /// A response was refused, for the sake of these of its members, as far as that is clear.
    pub(super) fn refuse(
        &mut self,
        answered: &Answered,
        subscription: &Subscription,
        blamed: &BTreeSet<Arc<str>>,
    ) {
        // What is planned was planned without this, and the base must have what was sent so far.
        self.interrupt();
        self.settled = None;
        let Self { variant, base, refused, .. } = self;
        // In SotW a resource may have gone since without a word.
        let is_there = |name: &Arc<str>| *variant == Variant::Delta || base.has(name);
        let counts =
            |name: &Arc<str>| subscription.covers(name) && !answered.resent.contains(name) && is_there(name);
        refused.add(answered.response.members.names(), counts, blamed);
    }

    /// Names that were refused, and not sent anew since.
    pub(super) fn refused_len(&self) -> usize {
        self.refused.len()
    }

    /// Names that are kept for this client alone.
    pub(super) fn kept_len(&self) -> usize {
        let waiting = self.plan.as_ref().map_or(0, |plan| match &plan.reach {
            Reach::All(beside) => beside.len(),
            Reach::Named | Reach::Asked => 0,
        });
        self.base.kept_len() + self.refused.len() + waiting
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
        if let Some(table) = self.base.as_table() {
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
        if !matches!(plan.reach, Reach::All(_)) || plan.next == 0 {
            return; // nothing was sent, or each response was noted as it went
        }
        let table = self.base.table();
        plan.responses[..plan.next].iter().for_each(|response| note(table, &response.members()));
    }

    /// Works out what to say, if anything.
    pub(super) fn plan(
        &mut self,
        seen: &Seen<C>,
        subscription: &Subscription,
        asked: &mut Asked,
        (removals, moment): (&mut Removals, Moment),
    ) {
        self.interrupt();
        let version = seen.version();
        let nothing_new = self.settled == Some(version)
            && asked.is_empty()
            && !self.refused.is_touched()
            && removals.is_empty();
        let is_whole = subscription.wildcard();
        let reach = |waiting| if is_whole { Reach::All(waiting) } else { Reach::Named };
        if nothing_new {
            return self.settle(seen.clone(), reach(Table::new()), asked, removals);
        }
        self.settled = None;
        let step = if subscription.is_empty() { Arc::default() } else { self.base.step(seen, subscription) };
        let waiting = match self.variant {
            Variant::Delta => self.waiting(&step, asked, (removals, moment)),
            Variant::Sotw => self.forget_removed(&step),
        };
        let mut responses = self.responses(&step, &waiting, seen, asked);
        if responses.is_empty() && self.answers_nothing(subscription, asked) {
            responses.push(Planned::default());
        }
        if responses.is_empty() {
            self.settle(seen.clone(), reach(waiting), asked, removals);
        } else {
            // What SotW calls the version of a response is that of all that is subscribed to.
            let is_named = self.variant == Variant::Sotw && !is_whole;
            let version = if is_named { seen.version_of(subscription.names()) } else { version };
            self.plan =
                Some(Plan { target: seen.clone(), reach: reach(waiting), version, responses, next: 0 });
        }
    }

    /// Plans an answer to what was asked for, and nothing else: what changed has to wait for other types.
    pub(super) fn plan_asked(&mut self, seen: &Seen<C>, subscription: &Subscription, asked: &mut Asked) {
        if asked.any && subscription.wildcard() {
            return; // all of it was asked for
        }
        self.interrupt();
        self.settled = None;
        let part = asked.names.iter().map(|name| (name.clone(), self.current(name, seen))).collect();
        let mut responses = self.cut(&own_step(part, seen));
        if responses.is_empty() && self.answers_nothing(subscription, asked) {
            responses.push(Planned::default());
        }
        if responses.is_empty() {
            *asked = Asked::default();
        } else {
            let version = seen.version();
            self.plan = Some(Plan { target: seen.clone(), reach: Reach::Asked, version, responses, next: 0 });
        }
    }

    /// A delta client waits for an answer to what it asked, even if there is nothing to say (rules 59, 60). A SotW
    /// client that asks by name does not: an empty response would mean nothing to it (rules 37, 38).
    fn answers_nothing(&self, subscription: &Subscription, asked: &Asked) -> bool {
        asked.any && (self.variant == Variant::Delta || subscription.wildcard())
    }

    /// All that the client asks for was sent, or what it was sent says that there is nothing new.
    fn settle(&mut self, seen: Seen<C>, reach: Reach, asked: &mut Asked, removals: &mut Removals) {
        if matches!(reach, Reach::Asked) {
            return; // what else changed is planned now
        }
        *asked = Asked::default();
        removals.calm();
        self.settled = Some(seen.version());
        if let Reach::All(waiting) = reach {
            self.base = Base::of_state(seen, waiting);
        }
    }

    /// Which removals of a step wait (rule 79), and what is held of them. Not those of which the client wants to know,
    /// and not those which it refused: it may well not hold them, and others may follow their removal (rule 65).
    fn waiting(
        &self,
        step: &Difference,
        asked: &Asked,
        (removals, moment): (&mut Removals, Moment),
    ) -> Table {
        removals.look(&step.removed, moment);
        let waits = |name: &&Arc<str>| {
            removals.waits(name) && !asked.names.contains(*name) && !self.refused.has(name)
        };
        let waiting = step.removed.iter().filter(waits);
        waiting.filter_map(|name| Some((name.clone(), self.base.version(name)?))).collect()
    }

    /// SotW has no way to say that such a resource is gone (rule 44). Should it come back, it is new. None of them waits.
    fn forget_removed(&mut self, step: &Difference) -> Table {
        for name in &step.removed {
            self.refused.sent(name);
            if let Some(table) = self.base.as_table() {
                table.remove(name);
            }
        }
        Table::new()
    }

    /// A step, without the removals that wait. Adds what is to be sent although it did not change: names that were asked
    /// for (rules 28, 53, 57), and what was refused together with something that is sent again (rule 65). The latter
    /// goes apart, so that a client that refuses it again does not refuse anything else with it.
    fn responses(
        &self,
        step: &Arc<Difference>,
        waiting: &Table,
        seen: &Seen<C>,
        asked: &Asked,
    ) -> Vec<Planned> {
        if asked.names.is_empty() && self.refused.is_empty() {
            return self.without(step, waiting, seen);
        }
        let mut alone: Part =
            step.changed.iter().map(|entry| (entry.name.clone(), Some(entry.clone()))).collect();
        let removed = step.removed.iter().filter(|name| !waiting.contains_key(*name));
        alone.extend(removed.map(|name| (name.clone(), None)));
        let news = alone.len();
        for name in &asked.names {
            let current = alone.entry(name.clone()).or_default();
            *current = current.take().or_else(|| self.current(name, seen));
        }
        let again = self.refused.touched_by(|name| alone.contains_key(name));
        if again.is_empty() && alone.len() == news && asked.names.is_empty() {
            return self.without(step, waiting, seen);
        }
        let again: Part = again
            .into_iter()
            .map(|name| {
                let current = alone.remove(&name).unwrap_or_else(|| seen.get(&name));
                (name, current)
            })
            .collect();
        [alone, again].into_iter().flat_map(|part| self.cut(&own_step(part, seen))).collect()
    }

    /// A step as it is shared with others, but for the removals that wait.
    fn without(&self, step: &Arc<Difference>, waiting: &Table, seen: &Seen<C>) -> Vec<Planned> {
        if waiting.is_empty() {
            return self.cut(step);
        }
        let due = step.removed.iter().filter(|name| !waiting.contains_key(*name));
        let removed = own_step(due.map(|name| (name.clone(), None)).collect(), seen);
        planned::changed(step).chain(self.cut(&removed)).collect()
    }

    fn cut(&self, step: &Arc<Difference>) -> Vec<Planned> {
        match self.variant {
            Variant::Delta => planned::all(step),
            Variant::Sotw => planned::changed(step).collect(),
        }
    }

    /// What there is to say of a name that was asked for.
    fn current(&self, name: &str, seen: &Seen<C>) -> Option<Entry> {
        let stand_in = || (self.variant == Variant::Sotw).then(|| seen.stand_in(name)).flatten();
        seen.get(name).or_else(stand_in)
    }

    /// What keeps these alive, as far as the client has them (rule 73): in delta without bodies. In SotW with them, because
    /// there it is the version of the response by which a client would have to know a heartbeat.
    pub(super) fn heartbeats(&self, timed: &[&Entry], page_bytes_max: usize) -> Vec<Shared> {
        let held = timed.iter().filter(|entry| !self.refused.has(&entry.name));
        let held = held.filter_map(|entry| Some((*entry, self.base.version(&entry.name)?)));
        match self.variant {
            Variant::Delta => {
                let beat = |(entry, version): (&Entry, ResourceVersion)| {
                    Some(Heartbeat { name: entry.name.clone(), version, ttl: entry.ttl? })
                };
                heartbeats::pages(&held.filter_map(beat).collect::<Vec<_>>(), page_bytes_max)
            }
            Variant::Sotw => {
                let same: Vec<_> = held.filter(|(entry, version)| entry.version == *version).collect();
                let resources = sotw_resources(same.iter().map(|(entry, _)| *entry), true);
                Some(resources).filter(|resources| resources.count > 0).into_iter().collect()
            }
        }
    }

    /// The next response of the plan.
    pub(super) fn next(&mut self, asked: &mut Asked, removals: &mut Removals) -> Option<Answer> {
        let plan = self.plan.as_mut()?;
        let response = plan.responses.get(plan.next)?.clone();
        let starts_step = plan.next == 0;
        plan.next += 1;
        self.settled = None; // until all of it is sent
        let answer = Answer {
            resources: response.resources(self.variant, self.carries_ttl),
            version: plan.version,
            revision: plan.target.revision(),
            members: response.members(),
            starts_step,
        };
        self.note_sent(&answer.members, asked, removals);
        Some(answer)
    }

    fn note_sent(&mut self, members: &Members, asked: &mut Asked, removals: &mut Removals) {
        asked.any = false;
        members.removed().iter().for_each(|name| removals.said(name));
        if !asked.names.is_empty() || !self.refused.is_empty() {
            for name in members.names() {
                asked.names.remove(name);
                self.refused.sent(name);
            }
        }
        let Some(plan) = &self.plan else { return };
        if !matches!(plan.reach, Reach::All(_)) {
            note(self.base.table(), members);
        }
        if plan.next == plan.responses.len()
            && let Some(plan) = self.plan.take()
        {
            self.settle(plan.target, plan.reach, asked, removals);
        }
    }
}

/// Notes in a table what one response said.
fn note(table: &mut Table, members: &Members) {
    for entry in members.entries() {
        table.insert(entry.name.clone(), entry.version.clone());
    }
    for name in members.removed() {
        table.remove(name);
    }
}
