//! Every state that was written, when, and when clients had it. A client that holds none of these holds something wrong.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{held::State, times::Times};

/// What went wrong is told for the first few clients only.
const WRONG_TOLD_MAX: usize = 5;

/// What was written, and who has it. The first state is that which clients find when they connect.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Of a state that was written twice, the later change.
    numbers: HashMap<State, usize>,
    changes: Vec<Change>,
    wrong_len: usize,
    wrong: Vec<String>,
}

#[derive(Debug)]
struct Change {
    state: State,
    begun: Instant,
    /// When the write was answered.
    answered: Option<Duration>,
    /// How long after its beginning each client had it, or what came after it.
    had: Vec<Duration>,
}

/// What a client has of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// The first change that it did not have yet.
    next: usize,
    /// Its times do not count.
    is_untimed: bool,
}

impl Seen {
    /// Of a client that is late because it means to be.
    pub(super) fn untimed() -> Self {
        Self { is_untimed: true, ..Self::default() }
    }
}

impl Ledger {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A write begins that leads to this state. Says which change it is.
    pub(super) fn begin(&self, state: State, now: Instant) -> usize {
        let mut inner = self.lock();
        let number = inner.changes.len();
        inner.numbers.insert(state, number);
        inner.changes.push(Change { state, begun: now, answered: None, had: Vec::new() });
        number
    }

    /// The write was answered: the change is durable and published.
    pub(super) fn answer(&self, number: usize, now: Instant) {
        let mut inner = self.lock();
        let change = &mut inner.changes[number];
        change.answered = Some(now.saturating_duration_since(change.begun));
    }

    /// A client that connects again does not have to have what was written while it was away.
    pub(super) fn skip(&self, seen: &mut Seen) {
        seen.next = seen.next.max(self.lock().changes.len());
    }

    /// A client has this state.
    pub(super) fn see(&self, seen: &mut Seen, state: State, now: Instant) -> Sight {
        let mut inner = self.lock();
        let Some(&number) = inner.numbers.get(&state) else { return Sight::Unknown };
        let untimed = if seen.is_untimed { usize::MAX } else { 0 };
        for change in inner.changes.iter_mut().take(number + 1).skip(seen.next.max(untimed)) {
            change.had.push(now.saturating_duration_since(change.begun));
        }
        seen.next = seen.next.max(number + 1);
        Sight::Known
    }

    /// A client has what nobody wrote.
    pub(super) fn wrong(&self, told: String) {
        let mut inner = self.lock();
        inner.wrong_len += 1;
        if inner.wrong.len() < WRONG_TOLD_MAX {
            inner.wrong.push(told);
        }
    }

    /// How many clients had what nobody wrote, and what is said of the first of them.
    pub(super) fn all_wrong(&self) -> (usize, Vec<String>) {
        let inner = self.lock();
        (inner.wrong_len, inner.wrong.clone())
    }

    /// How many clients had a change, of those whose times count.
    pub(super) fn had_by(&self, number: usize) -> usize {
        self.lock().changes[number].had.len()
    }

    /// The newest state.
    pub(super) fn newest(&self) -> State {
        self.lock().changes.last().map(|change| change.state).unwrap_or_default()
    }

    /// How long clients took to have the first state, from its beginning.
    pub(super) fn first_times(&self) -> Times {
        self.lock().changes.first().map(|change| change.had.iter().copied().collect()).unwrap_or_default()
    }

    /// How long they took to have later ones, from the commit: the answer to the write, or the first client's having it,
    /// whichever came first.
    pub(super) fn delivery_times(&self) -> Times {
        let inner = self.lock();
        let of = |change: &Change| {
            let first = change.had.iter().min().copied().unwrap_or_default();
            let committed = change.answered.map_or(first, |answered| answered.min(first));
            change.had.iter().map(move |had| *had - committed).collect::<Vec<_>>()
        };
        inner.changes.iter().skip(1).flat_map(of).collect()
    }

    /// How long writes took to be answered.
    pub(super) fn write_times(&self) -> Times {
        self.lock().changes.iter().skip(1).filter_map(|change| change.answered).collect()
    }
}

/// Whether a state was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    Known,
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(digests: &[u64]) -> State {
        let mut state = State::default();
        digests.iter().for_each(|digest| state.add(*digest));
        state
    }

    fn ms(times: &[u64]) -> Times {
        times.iter().map(|time| Duration::from_millis(*time)).collect()
    }

    #[test]
    fn later_state_brings_the_earlier_ones_along() {
        let (ledger, start) = (Ledger::default(), crate::process::now());
        let at = |millis: u64| start + Duration::from_millis(millis);
        let states = [&[1][..], &[1, 2], &[1, 2, 3]].map(state);
        let (mut quick, mut slow) = (Seen::default(), Seen::default());
        ledger.begin(states[0], start);
        for seen in [&mut quick, &mut slow] {
            assert_eq!(ledger.see(seen, states[0], at(5)), Sight::Known);
        }
        assert_eq!(ledger.begin(states[1], at(100)), 1);
        assert_eq!(ledger.see(&mut quick, states[1], at(110)), Sight::Known);
        ledger.answer(1, at(130));
        assert_eq!(ledger.begin(states[2], at(200)), 2);
        ledger.answer(2, at(210));
        assert_eq!(ledger.see(&mut quick, states[2], at(230)), Sight::Known);
        assert_eq!(ledger.see(&mut slow, states[2], at(250)), Sight::Known);
        assert_eq!(ledger.first_times(), ms(&[5, 5]));
        // The first change was committed at 110 at the latest, when a client had it; the second at 210.
        assert_eq!(ledger.delivery_times(), ms(&[0, 140, 20, 40]));
        assert_eq!(ledger.write_times(), ms(&[30, 10]));
        assert_eq!((ledger.had_by(1), ledger.newest()), (2, states[2]));
    }

    #[test]
    fn what_nobody_wrote_is_unknown() {
        let (ledger, now) = (Ledger::default(), crate::process::now());
        ledger.begin(state(&[1, 2]), now);
        let mut late = Seen::untimed();
        assert_eq!(ledger.see(&mut late, state(&[1, 2]), now), Sight::Known);
        assert_eq!(ledger.had_by(0), 0, "it knows what it has, and its time does not count");
        for other in [&[][..], &[1], &[1, 2, 2], &[3]] {
            assert_eq!(ledger.see(&mut Seen::default(), state(other), now), Sight::Unknown);
        }
        assert_eq!(ledger.see(&mut Seen::default(), state(&[2, 1]), now), Sight::Known);
    }

    #[test]
    fn client_that_was_away_is_not_late() {
        let (ledger, now) = (Ledger::default(), crate::process::now());
        ledger.begin(state(&[1]), now);
        let mut seen = Seen::default();
        ledger.see(&mut seen, state(&[1]), now);
        ledger.begin(state(&[2]), now);
        ledger.skip(&mut seen);
        ledger.see(&mut seen, state(&[2]), now + Duration::from_secs(9));
        assert_eq!(ledger.had_by(1), 0);
    }
}
