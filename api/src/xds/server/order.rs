//! Which type goes next.
//!
//! Types are kept in order of rank, what is referred to before what refers (rules 77, 78), and each response is chosen
//! anew from the start: so a newer state begins again with the lowest rank (rule 80). What changed waits for the ACKs of
//! lower ranks: a new cluster is of no use to a route before the client has asked for its endpoints and got them.

use super::{substream::Substream, unanswered::Unanswered};
use crate::{time::Uptime, xds::catalog::Catalog};

/// The sub-stream that may speak now.
pub(super) struct Next {
    pub(super) index: usize,
    /// It only answers what was asked for, which waits for no other type (rules 2, 83). What changed has to wait.
    pub(super) is_held: bool,
}

/// `draining`: only what was asked for is still answered.
pub(super) fn next<C: Catalog>(substreams: &[Substream<C>], draining: bool, now: Uptime) -> Option<Next> {
    let mut held_above = None;
    for (index, substream) in substreams.iter().enumerate() {
        let unanswered = substream.unanswered();
        let speaks = substream.has_plan() && (!draining || substream.is_owed());
        let is_waiting = !substream.is_started() && is_ahead(unanswered.blocks_until(), now);
        let is_held = held_above.is_some_and(|rank| rank < substream.rank());
        if speaks && !is_waiting && (!is_held || substream.is_owed()) {
            return Some(Next { index, is_held });
        }
        if is_ahead(unanswered.holds_others_until(), now) {
            held_above = held_above.or(Some(substream.rank()));
        }
    }
    None
}

/// The next moment after `now` at which [`next`] may choose differently although nothing happened.
pub(super) fn next_deadline<C: Catalog>(substreams: &[Substream<C>], now: Uptime) -> Option<Uptime> {
    let mut deadlines: Vec<Uptime> = substreams.iter().filter_map(Substream::removal_deadline).collect();
    if substreams.iter().any(Substream::has_plan) {
        let unanswered = || substreams.iter().map(Substream::unanswered);
        deadlines.extend(unanswered().filter_map(Unanswered::holds_others_until));
        deadlines.extend(unanswered().filter_map(Unanswered::blocks_until));
    }
    deadlines.into_iter().filter(|&deadline| deadline > now).min()
}

fn is_ahead(deadline: Option<Uptime>, now: Uptime) -> bool {
    deadline.is_some_and(|deadline| now < deadline)
}
