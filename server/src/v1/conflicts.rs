//! When what is in the way of a write was written.

use std::collections::{BTreeMap, BTreeSet};

use mainsheet_api::{generated::mainsheet::v1 as pb, version::Revision};

use super::{Links, convert};

/// Says it of each conflict, as far as the store still knows. What became of the write is told either way.
pub(super) async fn date(links: &Links, results: &mut [pb::WriteResult]) {
    let conflicts = || results.iter().filter_map(|result| result.conflict.as_ref());
    let revisions: BTreeSet<Revision> = conflicts().map(|conflict| Revision(conflict.revision)).collect();
    if revisions.is_empty() {
        return;
    }
    let revisions: Vec<_> = revisions.into_iter().collect();
    let times = match links.cache.store().committed_at(revisions.clone()).await {
        Ok(times) => times,
        Err(error) => {
            tracing::warn!(error = error.with_causes(), "look up when conflicting writes were made");
            return;
        }
    };
    let times: BTreeMap<u64, _> = revisions.iter().map(|revision| revision.0).zip(times).collect();
    for conflict in results.iter_mut().filter_map(|result| result.conflict.as_mut()) {
        conflict.at = times.get(&conflict.revision).copied().flatten().map(convert::timestamp);
    }
}
