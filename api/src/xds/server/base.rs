//! What a client was sent, against which the next step is worked out (rule 68).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{seen::Seen, subscription::Subscription};
use crate::{
    version::ResourceVersion,
    wire::Entry,
    xds::catalog::{Catalog, Difference},
};

/// Names and versions.
pub(super) type Table = BTreeMap<Arc<str>, ResourceVersion>;

/// What was sent: not what is subscribed to, and not what was applied.
#[derive(Debug)]
pub(super) enum Base<C> {
    /// All that there was to see. Costs a handle, and steps from it are shared between streams.
    State(Seen<C>),
    /// These. For subscriptions by name, after a resume, within an unfinished step, and instead of an old state that
    /// nobody else needs any more.
    Table(Table),
}

impl<C: Catalog> Base<C> {
    pub(super) fn nothing() -> Self {
        Self::Table(Table::new())
    }

    /// What the holder of this base lacks of what it subscribed to.
    pub(super) fn step(&self, seen: &Seen<C>, subscription: &Subscription) -> Arc<Difference> {
        match self {
            Self::State(from) => seen.difference(Some(from)),
            Self::Table(table) if !subscription.wildcard() => {
                named_step(table, seen, seen.touched().unwrap_or(subscription.names()))
            }
            Self::Table(table) if table.is_empty() => seen.difference(None),
            Self::Table(table) => whole_step(table, seen),
        }
    }

    /// Whether it has this name.
    pub(super) fn has(&self, name: &str) -> bool {
        match self {
            Self::State(seen) => seen.get(name).is_some(),
            Self::Table(table) => table.contains_key(name),
        }
    }

    /// This base as a table, to be changed name by name.
    pub(super) fn table(&mut self) -> &mut Table {
        if let Self::State(seen) = self {
            let mut table = Table::new();
            seen.for_each(&mut |entry| {
                table.insert(entry.name, entry.version);
            });
            *self = Self::Table(table);
        }
        match self {
            Self::Table(table) => table,
            Self::State(_) => unreachable!("a state was just made a table"),
        }
    }

    /// Forgets what is no longer subscribed to: if it is again, it must be sent again (rules 29, 56).
    pub(super) fn narrow(&mut self, subscription: &Subscription) {
        if subscription.wildcard() {
            return;
        }
        match self {
            Self::Table(table) => table.retain(|name, _| subscription.covers(name)),
            Self::State(seen) => {
                let entries = subscription.names().iter().filter_map(|name| seen.get(name));
                *self = Self::Table(entries.map(|entry| (entry.name, entry.version)).collect());
            }
        }
    }

    pub(super) fn is_outdated(&self) -> bool {
        matches!(self, Self::State(seen) if seen.is_outdated())
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
    sent != Some(&entry.version)
}
