//! What a client was sent, against which the next step is worked out (rule 68).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{seen::Seen, subscription::Subscription};
use crate::{
    planted::{self, Fault},
    version::ResourceVersion,
    wire::Entry,
    xds::catalog::{Catalog, Difference},
};

/// Names and versions.
pub(super) type Table = BTreeMap<Arc<str>, ResourceVersion>;

/// What was sent, and not said to be gone since: not what is subscribed to, and not what was applied.
#[derive(Debug)]
pub(super) struct Base<C> {
    sent: Sent<C>,
    /// Held beside a state: gone from it, but the client was not told yet. None of it is in the state.
    beside: Table,
}

#[derive(Debug)]
enum Sent<C> {
    /// All that there was to see. Costs a handle, and steps from it are shared between streams.
    State(Seen<C>),
    /// These. For subscriptions by name, after a resume, within an unfinished step, and instead of an old state that
    /// nobody else needs any more.
    Table(Table),
}

impl<C: Catalog> Base<C> {
    pub(super) fn nothing() -> Self {
        Self::of_table(Table::new())
    }

    pub(super) fn of_table(table: Table) -> Self {
        Self { sent: Sent::Table(table), beside: Table::new() }
    }

    /// Everything that is seen, and these beside it.
    pub(super) fn of_state(seen: Seen<C>, beside: Table) -> Self {
        if planted::is(Fault::SentForgotten) {
            return Self::nothing();
        }
        Self { sent: Sent::State(seen), beside }
    }

    /// What the holder of this base lacks of what it subscribed to, and has too much.
    pub(super) fn step(&self, seen: &Seen<C>, subscription: &Subscription) -> Arc<Difference> {
        let step = match &self.sent {
            Sent::State(from) => seen.difference(Some(from)),
            Sent::Table(table) if !subscription.wildcard() => {
                named_step(table, seen, seen.touched().unwrap_or(subscription.names()))
            }
            Sent::Table(table) if table.is_empty() => seen.difference(None),
            Sent::Table(table) => whole_step(table, seen),
        };
        if self.beside.is_empty() { step } else { self.with_beside(&step, seen) }
    }

    /// What is held beside the state is gone for good, or is back: then it is only sent if it changed meanwhile.
    fn with_beside(&self, step: &Difference, seen: &Seen<C>) -> Arc<Difference> {
        let is_held = |entry: &&Entry| self.beside.get(&entry.name) == Some(&entry.version);
        let changed = step.changed.iter().filter(|entry| !is_held(entry)).cloned().collect();
        let gone = self.beside.keys().filter(|name| seen.get(name).is_none());
        let removed = step.removed.iter().chain(gone).cloned().collect();
        Arc::new(seen.own_difference(changed, removed))
    }

    /// Whether it has this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.version(name).is_some()
    }

    /// The version in which it has this name.
    pub(super) fn version(&self, name: &str) -> Option<ResourceVersion> {
        let sent = || match &self.sent {
            Sent::State(seen) => seen.get(name).map(|entry| entry.version),
            Sent::Table(table) => table.get(name).cloned(),
        };
        self.beside.get(name).cloned().or_else(sent)
    }

    /// Its table, unless it is a state.
    pub(super) fn as_table(&mut self) -> Option<&mut Table> {
        match &mut self.sent {
            Sent::Table(table) => Some(table),
            Sent::State(_) => None,
        }
    }

    /// This base as a table, to be changed name by name.
    pub(super) fn table(&mut self) -> &mut Table {
        if let Sent::State(seen) = &self.sent {
            let mut table = std::mem::take(&mut self.beside);
            seen.for_each(&mut |entry| {
                table.insert(entry.name, entry.version);
            });
            self.sent = Sent::Table(table);
        }
        match &mut self.sent {
            Sent::Table(table) => table,
            Sent::State(_) => unreachable!("a state was just made a table"),
        }
    }

    /// Forgets what is no longer subscribed to: if it is again, it must be sent again (rules 29, 56).
    pub(super) fn narrow(&mut self, subscription: &Subscription) {
        if subscription.wildcard() {
            return;
        }
        if let Sent::State(seen) = &self.sent {
            let entries = subscription.names().iter().filter_map(|name| seen.get(name));
            let mut table: Table = entries.map(|entry| (entry.name, entry.version)).collect();
            table.append(&mut self.beside);
            self.sent = Sent::Table(table);
        }
        self.table().retain(|name, _| subscription.covers(name));
    }

    /// Names with versions, beside those of a state that is shared.
    pub(super) fn kept_len(&self) -> usize {
        let sent = match &self.sent {
            Sent::State(_) => 0,
            Sent::Table(table) => table.len(),
        };
        sent + self.beside.len()
    }

    pub(super) fn is_outdated(&self) -> bool {
        matches!(&self.sent, Sent::State(seen) if seen.is_outdated())
    }
}

fn named_step<C: Catalog>(table: &Table, seen: &Seen<C>, names: &BTreeSet<Arc<str>>) -> Arc<Difference> {
    let (mut changed, mut removed) = (Vec::new(), Vec::new());
    for name in names {
        match (seen.get(name), table.get(name)) {
            (Some(entry), sent) if is_new(&entry, sent) => changed.push(entry),
            (None, Some(_)) => removed.push(name.clone()),
            _ => {}
        }
    }
    Arc::new(seen.own_difference(changed, removed))
}

fn whole_step<C: Catalog>(table: &Table, seen: &Seen<C>) -> Arc<Difference> {
    let mut changed = Vec::new();
    let mut gone: BTreeSet<&Arc<str>> = table.keys().collect();
    seen.for_each(&mut |entry| {
        gone.remove(&entry.name);
        if is_new(&entry, table.get(&entry.name)) {
            changed.push(entry);
        }
    });
    Arc::new(seen.own_difference(changed, gone.into_iter().cloned().collect()))
}

fn is_new(entry: &Entry, sent: Option<&ResourceVersion>) -> bool {
    if planted::is(Fault::StaleBase) && sent.is_some() {
        return false;
    }
    sent != Some(&entry.version)
}
