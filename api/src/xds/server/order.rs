//! Which type goes next.
//!
//! Types are kept in order of rank, what is referred to before what refers (rules 77, 78), and each response is chosen
//! anew from the start: so a newer state begins again with the lowest rank (rule 80).

use super::substream::Substream;
use crate::{time::Uptime, xds::catalog::Catalog};

/// The sub-stream that may speak now. `draining`: only what was asked for is still answered.
pub(super) fn next<C: Catalog>(substreams: &[Substream<C>], draining: bool, now: Uptime) -> Option<usize> {
    let mut held_above = None;
    for (index, substream) in substreams.iter().enumerate() {
        if !substream.has_plan() || (draining && !substream.is_owed()) {
            continue;
        }
        let unanswered = substream.unanswered();
        let is_waiting = !substream.is_started() && is_ahead(unanswered.blocks_until(), now);
        if is_waiting {
            if is_ahead(unanswered.holds_others_until(), now) {
                held_above = held_above.or(Some(substream.rank()));
            }
            continue;
        }
        // What was asked for does not wait for other types (rules 2, 83).
        let is_held = held_above.is_some_and(|rank| rank < substream.rank()) && !substream.is_owed();
        if !is_held {
            return Some(index);
        }
    }
    None
}

/// The next moment after `now` at which [`next`] may choose differently although nothing happened.
pub(super) fn next_deadline<C: Catalog>(substreams: &[Substream<C>], now: Uptime) -> Option<Uptime> {
    let waiting = substreams.iter().filter(|substream| substream.has_plan()).map(Substream::unanswered);
    let deadlines =
        waiting.flat_map(|unanswered| [unanswered.holds_others_until(), unanswered.blocks_until()]);
    deadlines.flatten().filter(|&deadline| deadline > now).min()
}

fn is_ahead(deadline: Option<Uptime>, now: Uptime) -> bool {
    deadline.is_some_and(|deadline| now < deadline)
}
