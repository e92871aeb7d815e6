//! The shrink guard: a resync that would take away most of a kind is held for a while, with an alarm.
//!
//! A folder that was not mounted, an upstream that came back empty and a tool that wrote half its output all look like an
//! order to delete. An order to delete that was seen to be given (an unlink, a call) is never held.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use mainsheet_api::{key::Key, kind::Kind, resource::SourceName, time::Uptime};

/// Resources of a kind below which nothing is held: in a small set, most of it changes easily.
const GUARDED_LEN_MIN: usize = 20;

/// What happens to removals once they were held for their time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuardRule {
    /// They are made.
    Proceed,
    /// They are held until somebody confirms them.
    Stay,
}

/// Removals of one kind that are held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Of which source.
    pub source: SourceName,
    /// Of which kind.
    pub kind: Kind,
    /// Resources of the kind that the source's layer held.
    pub have: usize,
    /// Those of them that are to be removed.
    pub gone: BTreeSet<Key>,
    /// Since when in this run.
    pub since: Uptime,
    /// For how long an earlier run had held them.
    pub held_before: Duration,
    /// Whether somebody said that it is meant.
    pub is_confirmed: bool,
}

/// Whether removals of a kind are held: to zero, or by more than half.
pub(crate) fn is_held(have: usize, gone: usize) -> bool {
    have >= GUARDED_LEN_MIN && gone * 2 > have
}

/// What an earlier hold of the same kind leaves to the next. Nobody confirmed what is gone only since.
fn go_on(hold: &mut Hold, earlier: &Hold) {
    (hold.since, hold.held_before) = (earlier.since, earlier.held_before);
    hold.is_confirmed = earlier.is_confirmed && hold.gone.is_subset(&earlier.gone);
}

/// What is held.
#[derive(Debug)]
pub(crate) struct Guard {
    hold: Duration,
    rule: GuardRule,
    holds: BTreeMap<(SourceName, Kind), Hold>,
}

impl Guard {
    pub(crate) fn new(hold: Duration, rule: GuardRule) -> Self {
        Self { hold, rule, holds: BTreeMap::new() }
    }

    /// Another time and rule, for what is held already, too.
    pub(crate) fn set_rule(&mut self, hold: Duration, rule: GuardRule) {
        (self.hold, self.rule) = (hold, rule);
    }

    /// A whole batch was taken in, and this is what it left held: it replaces what was held of the source. A kind that
    /// is still held goes on waiting from when it first was, and stays confirmed unless more is gone than was confirmed.
    /// Returns what is new.
    pub(crate) fn replace(&mut self, source: &SourceName, holds: Vec<Hold>) -> Vec<Hold> {
        let before: Vec<_> = self.holds.extract_if(.., |(of, _), _| of == source).collect();
        let mut new = Vec::new();
        for mut hold in holds {
            match before.iter().find(|((_, kind), _)| *kind == hold.kind) {
                Some((_, earlier)) => go_on(&mut hold, earlier),
                None => new.push(hold.clone()),
            }
            self.holds.insert((source.clone(), hold.kind), hold);
        }
        new
    }

    /// These keys are there again.
    pub(crate) fn forget<'a>(&mut self, source: &SourceName, keys: impl IntoIterator<Item = &'a Key>) {
        if self.holds.is_empty() {
            return;
        }
        for key in keys {
            if let Some(hold) = self.holds.get_mut(&(source.clone(), key.kind)) {
                hold.gone.remove(key);
            }
        }
        self.holds.retain(|_, hold| !hold.gone.is_empty());
    }

    /// Takes the removals of one source that were held for their time.
    pub(crate) fn take_due(&mut self, now: Uptime) -> Option<(SourceName, BTreeSet<Key>)> {
        let is_due = |hold: &&Hold| self.due(hold).is_some_and(|due| due <= now);
        let source = self.holds.values().find(is_due)?.source.clone();
        let due: Vec<Kind> = self
            .holds
            .values()
            .filter(is_due)
            .filter(|hold| hold.source == source)
            .map(|hold| hold.kind)
            .collect();
        let taken = due.into_iter().filter_map(|kind| self.holds.remove(&(source.clone(), kind)));
        let keys = taken.flat_map(|hold| hold.gone).collect();
        Some((source, keys))
    }

    /// Somebody says that what is held of a source is meant: it is due now.
    pub(crate) fn confirm(&mut self, source: &SourceName) {
        self.holds
            .values_mut()
            .filter(|hold| hold.source == *source)
            .for_each(|hold| hold.is_confirmed = true);
    }

    /// Whether something of a source is confirmed, and not made yet.
    pub(crate) fn has_confirmed(&self, source: &SourceName) -> bool {
        self.holds.values().any(|hold| hold.source == *source && hold.is_confirmed)
    }

    fn due(&self, hold: &Hold) -> Option<Uptime> {
        match (hold.is_confirmed, self.rule) {
            (true, _) => Some(Uptime::default()),
            (false, GuardRule::Proceed) => Some(hold.since.after(self.hold.saturating_sub(hold.held_before))),
            (false, GuardRule::Stay) => None,
        }
    }

    /// When the next hold ends by itself.
    pub(crate) fn next(&self) -> Option<Uptime> {
        self.holds.values().filter_map(|hold| self.due(hold)).min()
    }

    /// How long removals are held.
    pub(crate) fn time(&self) -> Duration {
        self.hold
    }

    /// What is held.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Hold> {
        self.holds.values()
    }

    /// What is held, for whoever inspects.
    pub(crate) fn holds(&self) -> Vec<Hold> {
        self.holds.values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const HOLD: Duration = Duration::from_secs(60);

    fn files() -> SourceName {
        SourceName(Arc::from("files"))
    }

    fn at(seconds: u64) -> Uptime {
        Uptime(Duration::from_secs(seconds))
    }

    fn keys(range: std::ops::Range<usize>) -> BTreeSet<Key> {
        range.map(|n| Key::new(Kind::VIRTUAL_SERVICE, "shop", format!("r{n}"))).collect()
    }

    fn hold(gone: BTreeSet<Key>, since: Uptime) -> Hold {
        Hold {
            source: files(),
            kind: Kind::VIRTUAL_SERVICE,
            have: 20,
            gone,
            since,
            held_before: Duration::ZERO,
            is_confirmed: false,
        }
    }

    #[test]
    fn more_than_half_of_twenty_or_more_is_held() {
        assert!(is_held(20, 11) && is_held(20, 20) && is_held(10_000, 5001));
        assert!(!is_held(20, 10) && !is_held(19, 19) && !is_held(20, 0));
    }

    #[test]
    fn hold_ends_after_its_time() {
        let mut guard = Guard::new(HOLD, GuardRule::Proceed);
        assert_eq!(guard.replace(&files(), vec![hold(keys(0..11), at(5))]).len(), 1);
        assert_eq!(guard.next(), Some(at(65)));
        assert_eq!(guard.take_due(at(64)), None);
        assert_eq!(guard.take_due(at(65)), Some((files(), keys(0..11))));
        assert!(guard.holds().is_empty());
    }

    #[test]
    fn hold_of_an_earlier_run_ends_after_the_time_that_is_left() {
        let mut guard = Guard::new(HOLD, GuardRule::Proceed);
        let held_before = Duration::from_secs(40);
        guard.replace(&files(), vec![Hold { held_before, ..hold(keys(0..11), at(5)) }]);
        guard.replace(&files(), vec![hold(keys(0..11), at(10))]);
        assert_eq!(guard.next(), Some(at(25)));
    }

    #[test]
    fn hold_stays_by_setting_until_it_is_confirmed() {
        let mut guard = Guard::new(HOLD, GuardRule::Stay);
        guard.replace(&files(), vec![hold(keys(0..11), at(0))]);
        assert_eq!((guard.next(), guard.take_due(at(10_000))), (None, None));
        guard.confirm(&files());
        assert_eq!(guard.take_due(at(0)), Some((files(), keys(0..11))));
        assert!(guard.holds().is_empty());
    }

    #[test]
    fn hold_that_is_told_again_stays_confirmed_unless_it_grew() {
        for (again, is_confirmed) in [(0..11, true), (1..11, true), (0..12, false)] {
            let mut guard = Guard::new(HOLD, GuardRule::Stay);
            guard.replace(&files(), vec![hold(keys(0..11), at(0))]);
            guard.confirm(&files());
            guard.replace(&files(), vec![hold(keys(again.clone()), at(5))]);
            assert_eq!(guard.has_confirmed(&files()), is_confirmed);
            assert_eq!(guard.take_due(at(5)), is_confirmed.then(|| (files(), keys(again))));
        }
    }

    #[test]
    fn rule_that_changes_is_that_of_what_is_held_already() {
        let mut guard = Guard::new(HOLD, GuardRule::Stay);
        guard.replace(&files(), vec![hold(keys(0..11), at(5))]);
        guard.set_rule(HOLD / 2, GuardRule::Proceed);
        assert_eq!(guard.next(), Some(at(35)));
        guard.set_rule(HOLD, GuardRule::Stay);
        assert_eq!(guard.next(), None);
    }

    #[test]
    fn batch_that_shrinks_no_longer_cancels_the_hold() {
        let mut guard = Guard::new(HOLD, GuardRule::Proceed);
        guard.replace(&files(), vec![hold(keys(0..11), at(0))]);
        assert!(guard.replace(&files(), Vec::new()).is_empty());
        assert_eq!(guard.take_due(at(100)), None);
    }

    #[test]
    fn batches_that_go_on_shrinking_do_not_put_the_end_off() {
        let mut guard = Guard::new(HOLD, GuardRule::Proceed);
        guard.replace(&files(), vec![hold(keys(0..11), at(0))]);
        assert!(
            guard.replace(&files(), vec![hold(keys(0..15), at(30))]).is_empty(),
            "the alarm is given once"
        );
        assert_eq!(guard.take_due(at(60)), Some((files(), keys(0..15))));
    }

    #[test]
    fn key_that_comes_back_is_not_removed() {
        let mut guard = Guard::new(HOLD, GuardRule::Proceed);
        guard.replace(&files(), vec![hold(keys(0..11), at(0))]);
        guard.forget(&files(), &keys(0..1));
        assert_eq!(guard.take_due(at(60)), Some((files(), keys(1..11))));
        guard.replace(&files(), vec![hold(keys(0..1), at(0))]);
        guard.forget(&files(), &keys(0..1));
        assert!(guard.holds().is_empty());
    }
}
