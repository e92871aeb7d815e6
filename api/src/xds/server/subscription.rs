//! What a client asks for of one type: names, and a wildcard that is a flag of its own.
//!
//! The wildcard is never worked out from "no names": a client that named something and then unsubscribed from it wants
//! nothing (rules 32 to 35, 58).

use std::{collections::BTreeSet, sync::Arc};

use crate::limits::NAME_PLACE_BYTES;

/// The name that stands for everything.
const WILDCARD: &str = "*";

/// What is subscribed to.
#[derive(Debug, Default)]
pub(super) struct Subscription {
    names: BTreeSet<Arc<str>>,
    /// Bytes that the names take.
    bytes: usize,
    wildcard: bool,
    /// Whether any name was ever given, be it `*`: an empty SotW list then means nothing, not everything (rule 33).
    named: bool,
}

/// What a request did to a subscription, and what it wants answered for that.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Shift {
    /// To be answered whatever was sent before (rules 28, 53, 57).
    pub(super) asked: BTreeSet<Arc<str>>,
    /// Asked for by name from now on, and not before.
    pub(super) added: BTreeSet<Arc<str>>,
    /// To be answered even if there is nothing to say.
    pub(super) asked_any: bool,
    /// Something is no longer subscribed to: what was sent of it is to be forgotten (rules 29, 56).
    pub(super) narrowed: bool,
    /// Whether the subscription is another one than before.
    pub(super) changed: bool,
}

impl Subscription {
    pub(super) fn wildcard(&self) -> bool {
        self.wildcard
    }

    pub(super) fn names(&self) -> &BTreeSet<Arc<str>> {
        &self.names
    }

    /// Bytes that the names take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether this name is subscribed to, by itself or by the wildcard.
    pub(super) fn covers(&self, name: &str) -> bool {
        self.wildcard || self.names.contains(name)
    }

    /// Whether anything is subscribed to at all.
    pub(super) fn is_empty(&self) -> bool {
        !self.wildcard && self.names.is_empty()
    }

    /// A SotW request, which names the whole set. `legacy`: whether no names at all mean everything, as long as none
    /// was given (rule 32).
    pub(super) fn replace(&mut self, given: Vec<String>, legacy: bool) -> Shift {
        self.named |= !given.is_empty();
        let mut names: BTreeSet<Arc<str>> = given.into_iter().map(Arc::from).collect();
        let wildcard = names.remove(WILDCARD) || (!self.named && legacy);
        let asked: BTreeSet<_> = names.difference(&self.names).cloned().collect();
        let lost = self.names.difference(&names).next().is_some();
        let shift = Shift {
            asked_any: wildcard && !self.wildcard,
            narrowed: lost || (self.wildcard && !wildcard),
            changed: lost || !asked.is_empty() || wildcard != self.wildcard,
            added: asked.clone(),
            asked,
        };
        self.bytes = names.iter().map(|name| place(name)).sum();
        (self.names, self.wildcard) = (names, wildcard);
        shift
    }

    /// The first delta request of a type on a stream: without names to subscribe to, it means everything (rule 58).
    pub(super) fn open(&mut self, subscribe: Vec<String>, unsubscribe: Vec<String>, legacy: bool) -> Shift {
        self.wildcard = legacy && subscribe.is_empty();
        let mut shift = self.change(subscribe, unsubscribe);
        shift.asked_any = true;
        shift
    }

    /// A later delta request. Subscribes first, then unsubscribes (rule 59).
    pub(super) fn change(&mut self, subscribe: Vec<String>, unsubscribe: Vec<String>) -> Shift {
        let mut shift = Shift::default();
        for name in subscribe {
            if name == WILDCARD {
                shift.asked_any = true;
                shift.changed |= !std::mem::replace(&mut self.wildcard, true);
            } else {
                let name: Arc<str> = name.into();
                if self.names.insert(name.clone()) {
                    self.bytes += place(&name);
                    shift.added.insert(name.clone());
                    shift.changed = true;
                }
                shift.asked.insert(name);
            }
        }
        self.unsubscribe(unsubscribe, &mut shift);
        shift
    }

    fn unsubscribe(&mut self, names: Vec<String>, shift: &mut Shift) {
        if names.iter().any(|name| name == WILDCARD) {
            shift.narrowed |= std::mem::take(&mut self.wildcard);
        }
        for name in names.into_iter().filter(|name| name != WILDCARD) {
            if self.names.remove(name.as_str()) {
                self.bytes -= place(&name);
                shift.narrowed = true;
            }
            // Under the wildcard the client can't know whether it still gets the name (rule 57).
            if self.wildcard {
                shift.asked.insert(name.into());
            } else {
                shift.asked.remove(name.as_str());
            }
        }
        shift.changed |= shift.narrowed;
    }
}

/// Bytes that a name takes.
pub(super) fn place(name: &str) -> usize {
    name.len() + NAME_PLACE_BYTES
}

#[cfg(test)]
#[path = "subscription/tests.rs"]
mod tests;
