//! How long it takes from the commit of a revision until those who were sent it have acknowledged it.

use std::{collections::VecDeque, time::Duration};

use mainsheet_api::{
    time::{Timestamp, Uptime},
    version::Revision,
};

use super::Moment;

/// Revisions whose time of publishing is remembered. An answer to an older one came minutes late, and is not counted.
const REVISIONS_MAX: usize = 256;

/// The newest revisions, each with when it was published and how many responses of it await an ACK.
#[derive(Debug, Default)]
pub(super) struct CommitTimes(VecDeque<Published>);

#[derive(Debug)]
struct Published {
    revision: Revision,
    /// When its commit was begun; its publishing, where nobody knows: it was loaded with all before it.
    committed: Uptime,
    published: Uptime,
    awaiting: usize,
}

/// What an ACK says about the revision that it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answered {
    /// From the commit to this ACK.
    pub(super) after: Duration,
    /// Whether nobody else's is awaited.
    pub(super) is_last: bool,
}

impl CommitTimes {
    /// Commits are dated by the calendar, which another server may have made.
    pub(super) fn published(&mut self, revision: Revision, committed: Option<Timestamp>, now: Moment) {
        if self.0.back().is_some_and(|newest| newest.revision >= revision) {
            return;
        }
        if self.0.len() == REVISIONS_MAX {
            self.0.pop_front();
        }
        let age = committed.map_or(0, |committed| now.wall.0.saturating_sub(committed.0));
        let committed = Uptime(now.uptime.since(Uptime(Duration::from_millis(age))));
        self.0.push_back(Published { revision, committed, published: now.uptime, awaiting: 0 });
    }

    /// A response of `revision` was sent to somebody who was subscribed since `since`. Whether it counts: who
    /// subscribed after the publishing was not waiting for it.
    pub(super) fn sent(&mut self, revision: Revision, since: Uptime) -> bool {
        match self.find(revision) {
            Some(published) if published.published > since => {
                published.awaiting += 1;
                true
            }
            _ => false,
        }
    }

    /// A response that counted was acknowledged.
    pub(super) fn acked(&mut self, revision: Revision, now: Uptime) -> Option<Answered> {
        let published = self.find(revision)?;
        published.awaiting = published.awaiting.saturating_sub(1);
        Some(Answered { after: now.since(published.committed), is_last: published.awaiting == 0 })
    }

    /// A response that counted will not be acknowledged: it was refused, or its stream is over.
    pub(super) fn abandoned(&mut self, revision: Revision) {
        if let Some(published) = self.find(revision) {
            published.awaiting = published.awaiting.saturating_sub(1);
        }
    }

    fn find(&mut self, revision: Revision) -> Option<&mut Published> {
        let place = self.0.binary_search_by_key(&revision, |published| published.revision).ok()?;
        self.0.get_mut(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Uptime {
        Uptime(Duration::from_secs(seconds))
    }

    /// Of a process that began at 1,000 s of the calendar.
    fn moment(seconds: u64) -> Moment {
        Moment { uptime: at(seconds), wall: Timestamp((1000 + seconds) * 1000) }
    }

    #[test]
    fn time_runs_from_the_commit_whoever_made_it() {
        // An ordinary one, one of a server whose clock is ahead, and one that was made before this process began.
        for (committed, after) in [(1_007_500, 3500), (1_011_000, 1000), (900_000, 11_000)] {
            let mut times = CommitTimes::default();
            times.published(Revision(7), Some(Timestamp(committed)), moment(10));
            assert!(times.sent(Revision(7), at(8)), "it was committed before, and published after");
            let answered = times.acked(Revision(7), at(11)).unwrap();
            assert_eq!(answered.after, Duration::from_millis(after), "committed at {committed}");
        }
    }

    #[test]
    fn last_ack_is_the_one_after_which_none_is_awaited() {
        let mut times = CommitTimes::default();
        times.published(Revision(7), None, moment(10));
        assert!(times.sent(Revision(7), at(1)) && times.sent(Revision(7), at(2)));
        let first = times.acked(Revision(7), at(11)).unwrap();
        assert_eq!(first, Answered { after: Duration::from_secs(1), is_last: false });
        let second = times.acked(Revision(7), at(13)).unwrap();
        assert_eq!(second, Answered { after: Duration::from_secs(3), is_last: true });
    }

    #[test]
    fn who_subscribed_after_the_publishing_does_not_count() {
        let mut times = CommitTimes::default();
        times.published(Revision(7), None, moment(10));
        assert!(!times.sent(Revision(7), at(10)));
        assert!(!times.sent(Revision(6), at(1)));
    }

    #[test]
    fn abandoned_response_is_not_awaited() {
        let mut times = CommitTimes::default();
        times.published(Revision(7), None, moment(10));
        assert!(times.sent(Revision(7), at(1)) && times.sent(Revision(7), at(1)));
        times.abandoned(Revision(7));
        assert!(times.acked(Revision(7), at(12)).unwrap().is_last);
    }

    #[test]
    fn oldest_revisions_are_forgotten() {
        let mut times = CommitTimes::default();
        (1..=REVISIONS_MAX as u64 + 1)
            .for_each(|revision| times.published(Revision(revision), None, moment(revision)));
        assert!(!times.sent(Revision(1), at(0)));
        assert!(times.sent(Revision(2), at(0)));
    }
}
