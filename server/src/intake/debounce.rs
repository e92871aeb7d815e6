//! When changes that came one by one are taken in: once their namespace has been quiet, or has waited long enough.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use mainsheet_api::time::Uptime;

/// One window a namespace, so that one that never rests delays no other.
#[derive(Debug)]
pub(crate) struct Debounce {
    quiet: Duration,
    delay_max: Duration,
    windows: BTreeMap<Arc<str>, Window>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    first: Uptime,
    last: Uptime,
    is_cut_short: bool,
}

impl Debounce {
    pub(crate) fn new(quiet: Duration, delay_max: Duration) -> Self {
        Self { quiet, delay_max, windows: BTreeMap::new() }
    }

    /// Other times, for what waits already, too.
    pub(crate) fn set_times(&mut self, quiet: Duration, delay_max: Duration) {
        (self.quiet, self.delay_max) = (quiet, delay_max);
    }

    /// Something of this namespace changed.
    pub(crate) fn touch(&mut self, namespace: &Arc<str>, now: Uptime) {
        let window = Window { first: now, last: now, is_cut_short: false };
        self.windows.entry(Arc::clone(namespace)).or_insert(window).last = now;
    }

    /// This namespace is due whatever the time: it takes up too much room.
    pub(crate) fn cut_short(&mut self, namespace: &Arc<str>) {
        if let Some(window) = self.windows.get_mut(namespace) {
            window.is_cut_short = true;
        }
    }

    /// Takes the namespaces that are due.
    pub(crate) fn take_due(&mut self, now: Uptime) -> Vec<Arc<str>> {
        let (quiet, delay_max) = (self.quiet, self.delay_max);
        let is_due = |_: &Arc<str>, window: &mut Window| window.due(quiet, delay_max) <= now;
        self.windows.extract_if(.., is_due).map(|(namespace, _)| namespace).collect()
    }

    /// What waits of this namespace was taken.
    pub(crate) fn forget(&mut self, namespace: &Arc<str>) {
        self.windows.remove(namespace);
    }

    /// Everything was taken.
    pub(crate) fn clear(&mut self) {
        self.windows.clear();
    }

    /// When the next namespace is due.
    pub(crate) fn next(&self) -> Option<Uptime> {
        self.windows.values().map(|window| window.due(self.quiet, self.delay_max)).min()
    }
}

impl Window {
    fn due(self, quiet: Duration, delay_max: Duration) -> Uptime {
        if self.is_cut_short {
            return Uptime::default();
        }
        self.last.after(quiet).min(self.first.after(delay_max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Uptime {
        Uptime(Duration::from_millis(millis))
    }

    fn debounce() -> (Debounce, Arc<str>, Arc<str>) {
        (
            Debounce::new(Duration::from_millis(100), Duration::from_secs(1)),
            Arc::from("noisy"),
            Arc::from("quiet"),
        )
    }

    /// rule 91: bursts are merged
    #[test]
    fn namespace_is_due_once_it_was_quiet() {
        let (mut debounce, noisy, _) = debounce();
        debounce.touch(&noisy, at(0));
        debounce.touch(&noisy, at(60));
        assert_eq!(debounce.next(), Some(at(160)));
        assert!(debounce.take_due(at(159)).is_empty());
        assert_eq!(debounce.take_due(at(160)), [noisy]);
        assert_eq!(debounce.next(), None);
    }

    /// rule 91: up to a bound
    #[test]
    fn namespace_that_never_rests_is_due_after_the_longest_delay() {
        let (mut debounce, noisy, _) = debounce();
        for now in (0..1000).step_by(50) {
            debounce.touch(&noisy, at(now));
            assert!(debounce.take_due(at(now)).is_empty());
        }
        assert_eq!(debounce.take_due(at(1000)), [noisy]);
    }

    #[test]
    fn noisy_namespace_delays_no_other() {
        let (mut debounce, noisy, quiet) = debounce();
        debounce.touch(&quiet, at(0));
        for now in (0..=100).step_by(10) {
            debounce.touch(&noisy, at(now));
        }
        assert_eq!(debounce.take_due(at(100)), [quiet]);
    }

    #[test]
    fn namespace_that_takes_too_much_room_is_due_at_once() {
        let (mut debounce, noisy, quiet) = debounce();
        debounce.touch(&noisy, at(5));
        debounce.touch(&quiet, at(5));
        debounce.cut_short(&noisy);
        assert_eq!(debounce.take_due(at(5)), [noisy]);
    }
}
