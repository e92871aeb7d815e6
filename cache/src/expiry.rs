//! When leases end: told of commits, renewals and the time; pure.
//!
//! Deadlines are kept by uptime, so that a clock that is set, forwards or backwards, neither ends a lease nor makes one
//! immortal. Calendar time counts from one process to the next.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use mainsheet_api::{
    key::Key,
    lease::Renewal,
    planted::{self, Fault},
    resource::{Lease, SourceName},
    time::{Now, Timestamp, Uptime},
};

/// What a source says of a key, as somebody who has a lease.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Leaseholder {
    /// Whose layer.
    pub source: SourceName,
    /// Which resource of it.
    pub key: Key,
}

/// When each lease ends. Finding the next one and moving one cost the logarithm of their number.
#[derive(Debug, Default)]
pub struct Deadlines {
    leases: HashMap<Arc<Leaseholder>, Running>,
    by_due: BTreeSet<(Uptime, Arc<Leaseholder>)>,
}

#[derive(Clone, Copy, Debug)]
struct Running {
    /// As its record has it. Tells a lease from another one of the same holder.
    lease: Lease,
    due: Uptime,
}

impl Deadlines {
    /// A commit gave a lease, just now.
    pub fn begin(&mut self, holder: Leaseholder, lease: Lease, now: Uptime) {
        self.set(holder, lease, now.after(lease.ttl));
    }

    /// A lease that an earlier process left behind. Its newest deadline counts, but no more than a whole term is left of
    /// it: the clock may have been set back.
    pub fn resume(&mut self, holder: Leaseholder, lease: Lease, deadline: Timestamp, now: Now) {
        let left = deadline.since(now.wall).min(lease.ttl);
        self.set(holder, lease, now.uptime.after(left));
    }

    /// A lease was renewed. Nothing, where it is not the one that its holder has.
    pub fn renew(&mut self, renewal: &Renewal, now: Now) {
        let Renewal { source, key, lease, deadline } = renewal;
        let holder = Leaseholder { source: source.clone(), key: key.clone() };
        if self.leases.get(&holder).is_some_and(|running| running.lease == *lease) {
            let left = deadline.since(now.wall).min(lease.ttl);
            self.set(holder, *lease, now.uptime.after(left));
        }
    }

    /// There is no lease any more.
    pub fn end(&mut self, holder: &Leaseholder) {
        if let Some((holder, running)) = self.leases.remove_entry(holder) {
            self.by_due.remove(&(running.due, holder));
        }
    }

    fn set(&mut self, holder: Leaseholder, lease: Lease, due: Uptime) {
        let due = match () {
            () if planted::is(Fault::EarlyEnd) => Uptime(due.0.saturating_sub(lease.ttl / 2)),
            () if planted::is(Fault::LateEnd) => due.after(Duration::from_secs(3600)),
            () => due,
        };
        let holder = match self.leases.remove_entry(&holder) {
            Some((known, running)) => {
                self.by_due.remove(&(running.due, Arc::clone(&known)));
                known
            }
            None => Arc::new(holder),
        };
        self.by_due.insert((due, Arc::clone(&holder)));
        self.leases.insert(holder, Running { lease, due });
    }

    /// When the next one ends.
    #[must_use]
    pub fn next(&self) -> Option<Uptime> {
        self.by_due.first().map(|(due, _)| *due)
    }

    /// Those that have ended by now, the earliest first, `len_max` of them at most.
    #[must_use]
    pub fn due(&self, now: Uptime, len_max: usize) -> Vec<Arc<Leaseholder>> {
        let due = self.by_due.iter().take_while(|(due, _)| *due <= now);
        due.take(len_max).map(|(_, holder)| Arc::clone(holder)).collect()
    }

    /// Whether this lease has ended by now; false for one that is not the holder's any more.
    #[must_use]
    pub fn is_due(&self, holder: &Leaseholder, lease: &Lease, now: Uptime) -> bool {
        self.leases.get(holder).is_some_and(|running| running.lease == *lease && running.due <= now)
    }

    /// When it ends, as the calendar is now.
    #[must_use]
    pub fn deadline(&self, holder: &Leaseholder, now: Now) -> Option<Timestamp> {
        let Running { due, .. } = self.leases.get(holder)?;
        Some(by_calendar(*due, now))
    }

    /// The lease as its record has it, and how long ago it began or was renewed.
    #[must_use]
    pub fn age(&self, holder: &Leaseholder, now: Uptime) -> Option<(Lease, Duration)> {
        let Running { lease, due } = self.leases.get(holder)?;
        Some((*lease, lease.ttl.saturating_sub(due.since(now))))
    }

    /// Whether somebody has a lease.
    #[must_use]
    pub fn has(&self, holder: &Leaseholder) -> bool {
        self.leases.contains_key(holder)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.leases.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.leases.is_empty()
    }

    /// All of them as renewals, with their deadlines as the calendar is now: to be noted where the calendar was set.
    pub fn renewals(&self, now: Now) -> impl Iterator<Item = Renewal> {
        self.leases.iter().map(move |(holder, Running { lease, due })| Renewal {
            source: holder.source.clone(),
            key: holder.key.clone(),
            lease: *lease,
            deadline: by_calendar(*due, now),
        })
    }
}

fn by_calendar(due: Uptime, now: Now) -> Timestamp {
    let ago = now.uptime.since(due);
    let past = Timestamp(now.wall.0.saturating_sub(u64::try_from(ago.as_millis()).unwrap_or(u64::MAX)));
    if ago > Duration::ZERO { past } else { now.wall.after(due.since(now.uptime)) }
}

#[cfg(test)]
mod tests {
    use mainsheet_api::kind::Kind;
    use proptest::{collection::vec, prelude::*};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn holder(number: u8) -> Leaseholder {
        let key = Key::new(Kind::VIRTUAL_SERVICE, "shop", format!("r{number}"));
        Leaseholder { source: SourceName::api(), key }
    }

    fn seconds(number: u64) -> Uptime {
        Uptime(SECOND * u32::try_from(number).unwrap())
    }

    /// Of a process that began at 1,000 s of the calendar.
    fn at(number: u64) -> Now {
        Now { uptime: seconds(number), wall: Timestamp((1000 + number) * 1000) }
    }

    fn lease(ttl: u32, began: Now) -> Lease {
        Lease::beginning(SECOND * ttl, began.wall)
    }

    fn renewal(number: u8, lease: Lease, now: Now) -> Renewal {
        let Leaseholder { source, key } = holder(number);
        Renewal::now(source, key, lease, now.wall)
    }

    /// A clock that is set while the process runs changes nothing.
    #[test]
    fn clock_that_is_set_neither_ends_a_lease_nor_makes_it_immortal() {
        for wall in [0, 500_000, 4_000_000_000_000] {
            let set = |now: Now| Now { wall: Timestamp(wall), ..now };
            let mut deadlines = Deadlines::default();
            deadlines.begin(holder(0), lease(60, at(0)), seconds(0));
            assert!(!deadlines.is_due(&holder(0), &lease(60, at(0)), set(at(59)).uptime), "{wall}");
            deadlines.renew(&renewal(0, lease(60, at(0)), set(at(59))), set(at(59)));
            assert!(!deadlines.is_due(&holder(0), &lease(60, at(0)), seconds(118)), "{wall}");
            assert!(deadlines.is_due(&holder(0), &lease(60, at(0)), seconds(119)), "{wall}");
            assert!(!deadlines.is_due(&holder(0), &lease(60, at(7)), seconds(119)), "another one");
            assert_eq!(deadlines.deadline(&holder(0), set(at(59))), Some(Timestamp(wall + 60_000)));
        }
    }

    #[test]
    fn restart_neither_forgets_nor_extends() {
        let left = |deadline: u64, now: Now| {
            let mut deadlines = Deadlines::default();
            deadlines.resume(holder(0), lease(60, at(0)), Timestamp(deadline * 1000), now);
            deadlines.next().unwrap().since(now.uptime).as_secs()
        };
        assert_eq!(left(1060, at(20)), 40);
        assert_eq!(left(1060, at(90)), 0, "it ended while nothing ran");
        assert_eq!(left(9999, at(20)), 60, "the clock was set back: no more than a whole term");
    }

    #[test]
    fn renewal_of_another_lease_is_none() {
        let mut deadlines = Deadlines::default();
        deadlines.begin(holder(0), lease(60, at(5)), seconds(5));
        deadlines.renew(&renewal(0, lease(60, at(0)), at(30)), at(30));
        assert_eq!(deadlines.next(), Some(seconds(65)));
        deadlines.renew(&renewal(1, lease(60, at(5)), at(30)), at(30));
        assert_eq!(deadlines.len(), 1);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Begin(u8, u32),
        Renew(u8),
        End(u8),
        Pass(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..6_u8, 1..40_u32).prop_map(|(number, ttl)| Step::Begin(number, ttl)),
            (0..6_u8).prop_map(Step::Renew),
            (0..6_u8).prop_map(Step::End),
            (0..20_u64).prop_map(Step::Pass),
        ]
    }

    proptest! {
        #[test]
        fn deadlines_are_those_of_a_plain_list(steps in vec(step(), 0..60)) {
            let mut deadlines = Deadlines::default();
            let mut model: Vec<(u8, Lease, u64)> = Vec::new();
            let mut now = 0;
            for step in steps {
                match step {
                    Step::Begin(number, ttl) => {
                        let lease = lease(ttl, at(now));
                        deadlines.begin(holder(number), lease, seconds(now));
                        model.retain(|(of, ..)| *of != number);
                        model.push((number, lease, now + u64::from(ttl)));
                    }
                    Step::Renew(number) => {
                        for (of, lease, due) in model.iter_mut().filter(|(of, ..)| *of == number) {
                            deadlines.renew(&renewal(*of, *lease, at(now)), at(now));
                            *due = now + lease.ttl.as_secs();
                        }
                    }
                    Step::End(number) => {
                        deadlines.end(&holder(number));
                        model.retain(|(of, ..)| *of != number);
                    }
                    Step::Pass(time) => now += time,
                }
                let mut due: Vec<_> = model.iter().filter(|(.., due)| *due <= now).collect();
                due.sort_by_key(|(number, _, due)| (*due, *number));
                let due: Vec<_> = due.into_iter().map(|(number, ..)| holder(*number)).collect();
                let found = deadlines.due(seconds(now), usize::MAX);
                prop_assert_eq!(found.iter().map(|holder| (**holder).clone()).collect::<Vec<_>>(), due);
                prop_assert_eq!(deadlines.next(), model.iter().map(|(.., due)| seconds(*due)).min());
                prop_assert_eq!((deadlines.len(), deadlines.by_due.len()), (model.len(), model.len()));
                for (number, _, due) in &model {
                    let deadline = Timestamp((1000 + due) * 1000);
                    prop_assert_eq!(deadlines.deadline(&holder(*number), at(now)), Some(deadline));
                }
                prop_assert_eq!(deadlines.renewals(at(now)).count(), model.len());
            }
        }
    }
}
