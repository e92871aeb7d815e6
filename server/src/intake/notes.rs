//! Notes of holds in the status area: a restart goes on holding for the time that is left, and not from the start.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;
use mainsheet_api::{kind::Kind, resource::SourceName, time::Timestamp};

use super::{Now, guard::Hold, verdicts::escaped};

const PREFIX: &str = "hold/";

/// What the status area says of holds, and what of it is left from an earlier run.
#[derive(Debug, Default)]
pub(super) struct HoldNotes {
    /// Since when, by key of the status area.
    stored: BTreeMap<String, Timestamp>,
    /// Keys from an earlier run whose source has not told everything since.
    left: BTreeSet<String>,
}

impl HoldNotes {
    /// As an earlier run left them.
    pub(super) fn of(status: &[(String, Bytes)]) -> Self {
        let notes = status.iter().filter(|(key, _)| key.starts_with(PREFIX));
        let stored: BTreeMap<_, _> = notes.map(|(key, value)| (key.clone(), parsed(value))).collect();
        Self { left: stored.keys().cloned().collect(), stored }
    }

    /// A source has told everything, and these holds came of it: says how long earlier runs had held them. Where the time
    /// ran out while nothing ran, it begins anew: nobody could have said anything against it.
    pub(super) fn resume(
        &mut self,
        source: &SourceName,
        holds: &mut [Hold],
        wall: Timestamp,
        time: Duration,
    ) {
        for hold in holds {
            let key = key_of(source, hold.kind);
            let Some(since) = self.stored.get(&key).filter(|_| self.left.contains(&key)) else { continue };
            let held = Duration::from_millis(wall.0.saturating_sub(since.0));
            if held < time {
                hold.held_before = held;
            } else {
                self.stored.remove(&key);
            }
        }
        let of_source = prefix_of(source);
        self.left.retain(|key| !key.starts_with(&of_source));
    }

    /// What is to be written so that the status area says what is held.
    pub(super) fn unsaved<'a>(
        &self,
        holds: impl IntoIterator<Item = &'a Hold>,
        now: Now,
    ) -> Vec<(String, Option<Timestamp>)> {
        let held: BTreeMap<String, Timestamp> =
            holds.into_iter().map(|hold| (key_of(&hold.source, hold.kind), began(hold, now))).collect();
        let is_over = |key: &&String| !held.contains_key(*key) && !self.left.contains(*key);
        let over: Vec<_> = self.stored.keys().filter(is_over).map(|key| (key.clone(), None)).collect();
        let is_new = |(key, _): &(String, Timestamp)| !self.stored.contains_key(key);
        let new = held.into_iter().filter(is_new).map(|(key, since)| (key, Some(since)));
        over.into_iter().chain(new).collect()
    }

    /// It was written.
    pub(super) fn saved(&mut self, notes: Vec<(String, Option<Timestamp>)>) {
        for (key, since) in notes {
            match since {
                Some(since) => drop(self.stored.insert(key, since)),
                None => drop(self.stored.remove(&key)),
            }
        }
    }
}

/// As it is written.
pub(super) fn stored_form((key, since): &(String, Option<Timestamp>)) -> (String, Option<Bytes>) {
    (key.clone(), since.map(|since| Bytes::from(since.0.to_string())))
}

fn parsed(value: &[u8]) -> Timestamp {
    Timestamp(str::from_utf8(value).ok().and_then(|text| text.parse().ok()).unwrap_or_default())
}

fn began(hold: &Hold, now: Now) -> Timestamp {
    let held = now.uptime.since(hold.since).saturating_add(hold.held_before).as_millis();
    Timestamp(now.wall.0.saturating_sub(u64::try_from(held).unwrap_or(u64::MAX)))
}

fn prefix_of(source: &SourceName) -> String {
    format!("{PREFIX}{}/", escaped(source))
}

fn key_of(source: &SourceName, kind: Kind) -> String {
    format!("{}{}", prefix_of(source), kind.type_url())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mainsheet_api::time::Uptime;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn files() -> SourceName {
        SourceName(Arc::from("files"))
    }

    /// Of a process that began at 1,000 s of the calendar.
    fn at(seconds: u64) -> Now {
        Now { wall: Timestamp((1000 + seconds) * 1000), uptime: Uptime(Duration::from_secs(seconds)) }
    }

    fn hold(now: Now) -> Hold {
        Hold {
            source: files(),
            kind: Kind::VIRTUAL_SERVICE,
            have: 20,
            gone: BTreeSet::new(),
            since: now.uptime,
            held_before: Duration::ZERO,
            is_confirmed: false,
        }
    }

    /// What the status area holds after a run in which a hold began at 5 s.
    fn left() -> Vec<(String, Bytes)> {
        let mut notes = HoldNotes::default();
        let unsaved = notes.unsaved(&[hold(at(5))], at(7));
        let status = unsaved.iter().map(stored_form).map(|(key, value)| (key, value.unwrap())).collect();
        notes.saved(unsaved);
        assert!(notes.unsaved(&[hold(at(5))], at(9)).is_empty(), "written once");
        assert_eq!(notes.unsaved(&[], at(9)).len(), 1, "and taken away");
        status
    }

    #[test]
    fn restart_goes_on_holding_for_the_time_that_is_left() {
        let mut notes = HoldNotes::of(&left());
        assert!(notes.unsaved(&[], at(40)).is_empty(), "its source has not said anything yet");
        let mut holds = [Hold { since: Uptime::default(), ..hold(at(0)) }];
        notes.resume(&files(), &mut holds, at(45).wall, MINUTE);
        assert_eq!(holds[0].held_before, Duration::from_secs(40));
        assert!(notes.unsaved(&holds, at(45)).is_empty(), "the note stays as it is");
        let mut later = [hold(at(50))];
        notes.resume(&files(), &mut later, at(50).wall, MINUTE);
        assert_eq!(later[0].held_before, Duration::ZERO, "only what an earlier run held counts");
    }

    #[test]
    fn hold_that_ran_out_while_nothing_ran_begins_anew() {
        let mut notes = HoldNotes::of(&left());
        let mut holds = [hold(at(65))];
        notes.resume(&files(), &mut holds, at(65).wall, MINUTE);
        assert_eq!(holds[0].held_before, Duration::ZERO);
        let unsaved = notes.unsaved(&holds, at(65));
        assert_eq!(unsaved[0].1, Some(at(65).wall), "noted anew: {unsaved:?}");
    }

    #[test]
    fn note_goes_when_its_source_has_told_that_nothing_is_missing() {
        let mut notes = HoldNotes::of(&left());
        notes.resume(&files(), &mut [], at(20).wall, MINUTE);
        assert!(matches!(&notes.unsaved(&[], at(20))[..], [(_, None)]));
    }
}
