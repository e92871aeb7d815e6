//! What was written to each key and answered, and what may be found of it after a crash. Each key has one writer, who waits
//! for an answer before the next write; so of each key one write at most was not answered.

use std::collections::{BTreeMap, BTreeSet, HashSet};

/// What a key has: the number of the write that set it, or nothing.
pub(super) type Content = Option<u64>;

/// What was found of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) number: u64,
    /// That set it.
    pub(super) revision: u64,
}

/// What is known of one key.
#[derive(Clone, Debug, Default)]
struct Entry {
    content: Content,
    /// That brought it about; 0 where nobody said.
    revision: u64,
    under_way: Option<Write>,
}

/// A write that was not answered yet.
#[derive(Clone, Copy, Debug)]
struct Write {
    /// Keys that are written together have the same.
    group: u64,
    content: Content,
}

/// Of all keys.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    entries: BTreeMap<String, Entry>,
    revisions: HashSet<u64>,
    groups: u64,
    /// The newest that was answered, or found.
    newest: u64,
    pub(super) acknowledged: usize,
    pub(super) unknown: usize,
    pub(super) made: usize,
}

impl Ledger {
    /// These are being written, all or none.
    pub(super) fn begin(&mut self, keys: &[String], content: Content) {
        self.groups += 1;
        let write = Write { group: self.groups, content };
        for key in keys {
            self.entries.entry(key.clone()).or_default().under_way = Some(write);
        }
    }

    /// It was answered that they were written.
    pub(super) fn acknowledge(&mut self, keys: &[String], revision: u64) -> Result<(), String> {
        let mut changes = false;
        for key in keys {
            let entry = self.entries.entry(key.clone()).or_default();
            let Some(write) = entry.under_way.take() else { continue };
            if write.content.is_none() && entry.content.is_none() {
                continue;
            }
            changes = true;
            if revision <= entry.revision {
                return Err(format!("{key}: revision {} was followed by {revision}", entry.revision));
            }
            (entry.content, entry.revision) = (write.content, revision);
        }
        if changes && !self.revisions.insert(revision) {
            return Err(format!("revision {revision} was given twice"));
        }
        self.newest = self.newest.max(revision);
        self.acknowledged += 1;
        Ok(())
    }

    /// It was answered that nothing was written.
    pub(super) fn refuse(&mut self, keys: &[String]) {
        for key in keys {
            self.entries.entry(key.clone()).or_default().under_way = None;
        }
    }

    /// Compares with what is there after a crash, and goes on from that. `head` is the newest revision.
    pub(super) fn check(&mut self, found: &BTreeMap<String, Found>, head: u64) -> Result<(), String> {
        if head < self.newest {
            return Err(format!("revision {} was told, {head} is the newest", self.newest));
        }
        self.newest = head;
        let mut fates: BTreeMap<u64, BTreeSet<bool>> = BTreeMap::new();
        for (key, entry) in &mut self.entries {
            let Entry { content, revision, under_way } = entry.clone();
            let there = found.get(key);
            let is_made = entry.settle(there).map_err(|wrong| {
                format!("{key}: {wrong}; acknowledged was {content:?} by revision {revision}, under way {under_way:?}, found {there:?}")
            })?;
            if let (Some(write), Some(is_made)) = (under_way, is_made) {
                fates.entry(write.group).or_default().insert(is_made);
            }
        }
        if let Some(stranger) = found.keys().find(|key| !self.entries.contains_key(*key)) {
            return Err(format!("{stranger} is there, and nobody wrote it"));
        }
        if fates.values().any(|fates| fates.len() > 1) {
            return Err("half of a write was made".to_owned());
        }
        self.unknown += fates.len();
        self.made += fates.values().filter(|fates| fates.contains(&true)).count();
        Ok(())
    }
}

impl Entry {
    /// Takes over what is there. Whether what was under way was made; none where that can't be told.
    fn settle(&mut self, found: Option<&Found>) -> Result<Option<bool>, &'static str> {
        let under_way = self.under_way.take();
        let number = found.map(|found| found.number);
        if number == self.content {
            if found.is_some_and(|found| found.revision != self.revision && self.revision > 0) {
                return Err("another revision set it");
            }
            // Deleting what was not there leaves no trace.
            return Ok(under_way.map(|write| write.content == number).filter(|is_same| !is_same));
        }
        if under_way.is_none_or(|write| write.content != number) {
            return Err("lost");
        }
        if let Some(found) = found {
            if found.revision <= self.revision {
                return Err("a revision went back");
            }
            self.revision = found.revision;
        }
        self.content = number;
        Ok(Some(true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn found(all: &[(&str, u64, u64)]) -> BTreeMap<String, Found> {
        all.iter().map(|&(key, number, revision)| (key.to_owned(), Found { number, revision })).collect()
    }

    /// `a` was set to 1 by revision 5.
    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        ledger.begin(&keys(&["a"]), Some(1));
        ledger.acknowledge(&keys(&["a"]), 5).unwrap();
        ledger
    }

    #[test]
    fn what_was_acknowledged_must_be_there() {
        assert_eq!(ledger().check(&found(&[("a", 1, 5)]), 5), Ok(()));
        assert!(ledger().check(&found(&[]), 5).unwrap_err().starts_with("a: lost"));
        assert!(ledger().check(&found(&[("a", 0, 4)]), 5).unwrap_err().starts_with("a: lost"));
        assert!(ledger().check(&found(&[("a", 1, 6)]), 6).unwrap_err().starts_with("a: another revision"));
        assert!(ledger().check(&found(&[("a", 1, 5), ("b", 1, 5)]), 5).unwrap_err().contains("nobody"));
        assert!(ledger().check(&found(&[("a", 1, 5)]), 4).unwrap_err().contains("newest"));
    }

    #[test]
    fn what_was_under_way_may_be_there_whole_or_not_at_all() {
        let begun = |content| {
            let mut ledger = ledger();
            ledger.begin(&keys(&["a", "b"]), content);
            ledger
        };
        for (left, made) in [(found(&[("a", 1, 5)]), 0), (found(&[("a", 2, 6), ("b", 2, 6)]), 1)] {
            let mut ledger = begun(Some(2));
            assert_eq!(ledger.check(&left, 6), Ok(()));
            assert_eq!((ledger.unknown, ledger.made), (1, made));
            assert_eq!(ledger.check(&left, 6), Ok(()));
            assert!(ledger.check(&found(&[("a", 3, 7)]), 7).is_err());
        }
        let half = begun(Some(2)).check(&found(&[("a", 2, 6)]), 6);
        assert_eq!(half.unwrap_err(), "half of a write was made");
        let back = begun(Some(2)).check(&found(&[("a", 2, 5), ("b", 2, 5)]), 6);
        assert!(back.unwrap_err().starts_with("a: a revision went back"));
        assert_eq!(begun(None).check(&found(&[]), 6), Ok(()));
    }

    #[test]
    fn what_was_refused_must_not_be_there() {
        let mut ledger = ledger();
        ledger.begin(&keys(&["a"]), Some(2));
        ledger.refuse(&keys(&["a"]));
        assert!(ledger.check(&found(&[("a", 2, 6)]), 6).is_err());
    }

    #[test]
    fn revisions_are_given_once_and_grow() {
        let mut ledger = ledger();
        ledger.begin(&keys(&["b"]), Some(2));
        assert!(ledger.acknowledge(&keys(&["b"]), 5).unwrap_err().contains("twice"));
        ledger.begin(&keys(&["a"]), Some(2));
        assert!(ledger.acknowledge(&keys(&["a"]), 4).unwrap_err().contains("followed"));
    }
}
