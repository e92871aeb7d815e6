//! When leases may end, after what was answered.

use std::{collections::BTreeMap, time::Duration};

/// What calendars, and looking at them, may differ by.
const SLACK: Duration = Duration::from_secs(1);

/// A moment of the calendar, since 1970.
pub(super) type Moment = Duration;

/// When a lease was begun or renewed: after the one, before the other.
#[derive(Clone, Copy, Debug)]
struct Renewal {
    after: Moment,
    before: Moment,
}

impl Renewal {
    fn explains(self, ttl: Duration, deadline: Moment) -> bool {
        (self.after + ttl).saturating_sub(SLACK) <= deadline && deadline <= self.before + ttl + SLACK
    }
}

/// The leases of one length.
#[derive(Debug)]
pub(super) struct Leases {
    pub(super) ttl: Duration,
    /// The last that was answered, and one that was not.
    of: BTreeMap<String, (Option<Renewal>, Option<Renewal>)>,
    pub(super) compared: usize,
}

impl Leases {
    pub(super) fn new(ttl: Duration) -> Self {
        Self { ttl, of: BTreeMap::new(), compared: 0 }
    }

    pub(super) fn begin(&mut self, key: &str, now: Moment) {
        let until_answered = Renewal { after: now, before: Moment::MAX / 2 };
        self.of.entry(key.to_owned()).or_default().1 = Some(until_answered);
    }

    pub(super) fn acknowledge(&mut self, key: &str, now: Moment) {
        let Some((last, under_way)) = self.of.get_mut(key) else { return };
        *last = under_way.take().map(|renewal| Renewal { before: now, ..renewal });
    }

    /// What was not answered until now can't have been made later.
    pub(super) fn killed(&mut self, now: Moment) {
        for (_, under_way) in self.of.values_mut() {
            if let Some(renewal) = under_way {
                renewal.before = renewal.before.min(now);
            }
        }
    }

    /// Compares with when those that are there end. Those that should have ended may take a moment.
    pub(super) fn check(
        &mut self,
        found: &BTreeMap<String, Moment>,
        now: Moment,
    ) -> Result<Vec<String>, String> {
        let ttl = self.ttl;
        let mut overdue = Vec::new();
        for (key, (last, under_way)) in &mut self.of {
            let possible: Vec<Renewal> = last.iter().chain(&*under_way).copied().collect();
            match found.get(key) {
                Some(deadline) => {
                    let Some(renewal) = possible.iter().find(|renewal| renewal.explains(ttl, *deadline))
                    else {
                        if last.is_some_and(|last| last.after + ttl <= now + SLACK) {
                            // It ends just now, and who lists it no longer knows of its renewals.
                            overdue.push(key.clone());
                            continue;
                        }
                        return Err(format!(
                            "{key}: ends at {deadline:?}, which none of {possible:?} explains at {now:?}"
                        ));
                    };
                    (*last, *under_way) = (Some(*renewal), None);
                    self.compared += 1;
                    if now > *deadline + SLACK {
                        overdue.push(key.clone());
                    }
                }
                None if last.is_some_and(|last| now + SLACK < last.after + ttl) => {
                    return Err(format!("{key}: ended before its time, {last:?} at {now:?}"));
                }
                None => (*last, *under_way) = (None, None),
            }
        }
        Ok(overdue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Duration::from_secs(seconds)
    }

    /// `a` was begun at 100, for a minute; a renewal at 130 was under way when the server was killed at 131.
    fn leases() -> Leases {
        let mut leases = Leases::new(at(60));
        leases.begin("a", at(100));
        leases.acknowledge("a", at(101));
        leases.begin("a", at(130));
        leases.killed(at(131));
        leases
    }

    fn found(deadline: u64) -> BTreeMap<String, Moment> {
        BTreeMap::from([("a".to_owned(), at(deadline))])
    }

    #[test]
    fn lease_ends_when_it_was_told_or_as_the_renewal_has_it_that_was_under_way() {
        for (deadline, is_right) in
            [(158, false), (160, true), (161, true), (175, false), (190, true), (193, false)]
        {
            let checked = leases().check(&found(deadline), at(132));
            assert_eq!(checked.is_ok(), is_right, "{deadline}: {checked:?}");
        }
        let mut renewed = leases();
        renewed.check(&found(191), at(132)).unwrap();
        assert!(renewed.check(&found(160), at(133)).is_err(), "it is known now");
    }

    #[test]
    fn lease_does_not_end_early_and_not_never() {
        assert!(leases().check(&BTreeMap::new(), at(140)).is_err());
        assert_eq!(leases().check(&BTreeMap::new(), at(170)), Ok(Vec::new()));
        assert_eq!(leases().check(&found(160), at(170)), Ok(vec!["a".to_owned()]));
        // As it was when it was written, because it is ending.
        assert_eq!(leases().check(&found(150), at(170)), Ok(vec!["a".to_owned()]));
    }
}
