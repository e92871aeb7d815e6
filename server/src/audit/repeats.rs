//! Equal events that come one after the other: pure.
//!
//! Whoever is refused tries again, some of them a thousand times a second, and would fill the log with it until what matters is
//! rotated away. The first one is told at once; those like it within a minute are one line, with how many they were.

use std::{collections::HashMap, net::IpAddr, time::Duration};

use mainsheet_api::time::Uptime;

use super::event::{Action, Event, Verdict};

/// What makes two events equal. Not the reason, which may hold what the client made up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Like {
    action: Action,
    verdict: Verdict,
    code: &'static str,
    user: String,
    ip: Option<IpAddr>,
}

impl Like {
    fn of(event: &Event) -> Self {
        let Event { action, verdict, code, who, .. } = event;
        let ip = who.peer.map(|peer| peer.ip());
        Self { action: *action, verdict: *verdict, code, user: who.user.clone(), ip }
    }

    /// The same whoever it is: for those for whom there is no room.
    fn of_anybody(self) -> Self {
        Self { user: String::new(), ip: None, ..self }
    }
}

/// A minute of one kind of event.
#[derive(Debug)]
struct Window {
    since: Uptime,
    /// The last one that was not told, and how many there were.
    untold: Option<(Event, u64)>,
}

/// Events that were told lately.
#[derive(Debug)]
pub(crate) struct Repeats {
    window: Duration,
    len_max: usize,
    seen: HashMap<Like, Window>,
}

impl Repeats {
    pub(crate) fn new(window: Duration, len_max: usize) -> Self {
        Self { window, len_max, seen: HashMap::new() }
    }

    /// What to tell of an event now: itself, if it is the first one of its kind in a while.
    pub(crate) fn admit(&mut self, event: Event, now: Uptime) -> Option<Event> {
        let mut like = Like::of(&event);
        if !self.seen.contains_key(&like) && self.seen.len() >= self.len_max {
            like = like.of_anybody();
        }
        match self.seen.get_mut(&like) {
            Some(window) => {
                let count = window.untold.as_ref().map_or(0, |(_, count)| *count);
                window.untold = Some((event, count + 1));
                None
            }
            None => {
                self.seen.insert(like, Window { since: now, untold: None });
                Some(event)
            }
        }
    }

    /// What is to be told of minutes that are over. Where something came in one, the next one begins.
    pub(crate) fn due(&mut self, now: Uptime) -> Vec<Event> {
        let over = self.window;
        self.take(now, |window| now.since(window.since) >= over)
    }

    /// What is left to be told at the end.
    pub(crate) fn rest(&mut self, now: Uptime) -> Vec<Event> {
        self.take(now, |_| true)
    }

    fn take(&mut self, now: Uptime, is_over: impl Fn(&Window) -> bool) -> Vec<Event> {
        let mut told = Vec::new();
        self.seen.retain(|_, window| {
            if !is_over(window) {
                return true;
            }
            let Some((event, count)) = window.untold.take() else { return false };
            let times = (count > 1).then_some(count);
            told.push(Event { times, ..event });
            window.since = now;
            true
        });
        told
    }
}

#[cfg(test)]
mod tests {
    use mainsheet_api::time::Timestamp;

    use super::*;
    use crate::audit::event::Who;

    const MINUTE: Duration = Duration::from_secs(60);

    fn refusal(user: &str) -> Event {
        let who = Who { user: user.into(), peer: Some("192.0.2.1:7".parse().unwrap()), ..Who::default() };
        Event::new(Action::Login, Verdict::Unauthenticated, (who, Timestamp(0)))
    }

    fn at(seconds: u64) -> Uptime {
        Uptime(Duration::from_secs(seconds))
    }

    fn times(told: &[Event]) -> Vec<Option<u64>> {
        told.iter().map(|event| event.times).collect()
    }

    #[test]
    fn first_is_told_at_once_and_those_like_it_with_their_number() {
        let mut repeats = Repeats::new(MINUTE, 10);
        assert!(repeats.admit(refusal("ana"), at(0)).is_some());
        assert!(repeats.admit(refusal("bob"), at(0)).is_some(), "another one is another one");
        (0..5).for_each(|_| assert!(repeats.admit(refusal("ana"), at(30)).is_none()));
        assert!(repeats.due(at(59)).is_empty());
        assert_eq!(times(&repeats.due(at(60))), [Some(5)]);
        // It went on: the next one belongs to the next minute.
        assert!(repeats.admit(refusal("ana"), at(61)).is_none());
        assert_eq!(times(&repeats.due(at(120))), [None]);
        assert!(repeats.due(at(180)).is_empty());
        assert!(repeats.admit(refusal("ana"), at(181)).is_some(), "after a quiet minute it is news");
    }

    #[test]
    fn whoever_invents_users_gets_one_line_for_those_without_room() {
        let mut repeats = Repeats::new(MINUTE, 3);
        let told = (0..1000).filter_map(|n| repeats.admit(refusal(&n.to_string()), at(0))).count();
        assert_eq!(told, 4);
        assert_eq!(times(&repeats.rest(at(1))), [Some(996)]);
    }
}
