//! What has a lease ends after it, unless it is renewed or written again, and not before.

use std::collections::BTreeMap;

use mainsheet_api::{change::Change, key::Key, resource::SourceName, time::Timestamp};

use crate::sim::{model::Model, timeline::wall};

/// How long after its deadline a lease may still be seen, where nothing goes wrong: renewals have moved it by a term at most.
const LATE: u64 = 20_000;

/// What the expiry task says of its commits.
const ENDED: &str = "expiry";

/// Whether nothing is there any more that should have ended.
pub(in crate::sim) fn are_over(model: &Model, now: u64) -> Result<(), String> {
    for ((source, key), record) in &model.records {
        let Some(lease) = record.terms.lease else { continue };
        if wall(now).0 > lease.deadline.0 + LATE {
            return Err(format!("{key} of {source} is there long after its lease"));
        }
    }
    Ok(())
}

/// Whether nothing was ended before the deadline that it was committed with.
pub(in crate::sim) fn end_in_time(commits: &[(u64, mainsheet_api::change::Committed)]) -> Result<(), String> {
    let mut deadlines: BTreeMap<(SourceName, Key), Option<Timestamp>> = BTreeMap::new();
    for (at, committed) in commits {
        for change in &committed.changes {
            let place = (change.source().clone(), change.key().clone());
            match change {
                Change::Put(record) => {
                    deadlines.insert(place, record.terms.lease.map(|lease| lease.deadline));
                }
                // A rollback over what has ended ends with it.
                Change::Remove { source, .. }
                    if committed.cause.what == ENDED && *source != SourceName::hold() =>
                {
                    let deadline = deadlines.remove(&place).flatten();
                    if deadline.is_none_or(|deadline| wall(*at) < deadline) {
                        let (_, key) = place;
                        return Err(format!(
                            "{key} ended at revision {} before its time",
                            committed.revision
                        ));
                    }
                }
                Change::Remove { .. } => drop(deadlines.remove(&place)),
            }
        }
    }
    Ok(())
}
