//! Revisions, the newest first.

use std::collections::BTreeSet;

use mainsheet_api::{
    change::Change,
    generated::mainsheet::v1 as pb,
    limits::{HISTORY_CHANGES_LEN_MAX, HISTORY_READ_BYTES_MAX, HISTORY_READ_LEN_MAX, PAGE_BYTES_MAX},
    resource::Record,
    version::Revision,
};
use mainsheet_cache::store::{HistoryQuery, Recorded, Stored};
use prost::Message as _;
use tonic::Status;

use super::{Reads, convert, error, list::page_len, selection::Selected};
use crate::auth::{Sight, sight};

pub(super) async fn history(
    reads: &Reads,
    (sight, request): (Sight, pb::HistoryRequest),
) -> Result<pb::HistoryResponse, Status> {
    let pb::HistoryRequest { selection, before_revision, page_size, author, with_changes } = request;
    let selected = Selected::of(selection)?.seen_by(&sight, sight::HISTORY)?;
    let filter = Filter { selected, author, with_changes, sees_causes: sight.sees_causes() };
    let store = reads.links.cache.store();
    let mut page = Page { len_max: page_len(page_size), bytes: 0, revisions: Vec::new() };
    let mut before = Some(Revision(before_revision)).filter(|before| *before != Revision::ZERO);
    let (mut read, mut next) = (0, None);
    while read < HISTORY_READ_LEN_MAX {
        let len_max = page.len_max.min(HISTORY_READ_LEN_MAX - read);
        let query = HistoryQuery { before, len_max, bytes_max: HISTORY_READ_BYTES_MAX };
        let recorded = store.history(query).await.map_err(|why| error::store(&why))?;
        next = recorded.last().map(|oldest| oldest.committed.revision);
        let Some(oldest) = next else { break };
        read += recorded.len();
        before = Some(oldest);
        if let Some(left) = page.take(&filter, &recorded) {
            next = Some(left);
            break;
        }
    }
    Ok(pb::HistoryResponse {
        revisions: page.revisions,
        next_before_revision: next.map_or(0, |next| next.0),
        oldest: store.oldest().0,
    })
}

/// What of the history is asked for.
struct Filter {
    selected: Selected,
    author: String,
    with_changes: bool,
    /// Also of revisions that change what is not shown.
    sees_causes: bool,
}

/// What goes into one answer.
struct Page {
    len_max: usize,
    bytes: usize,
    revisions: Vec<pb::RevisionInfo>,
}

impl Page {
    /// Takes what is asked for, until there is no more room: then the next page begins before what it gives.
    fn take(&mut self, filter: &Filter, recorded: &[Recorded]) -> Option<Revision> {
        for one in recorded {
            let Some(shown) = filter.shown(one) else { continue };
            let len = shown.encoded_len();
            let has_room = self.revisions.is_empty() || self.bytes + len <= PAGE_BYTES_MAX;
            if self.revisions.len() == self.len_max || !has_room {
                return Some(one.committed.revision.next());
            }
            self.bytes += len;
            self.revisions.push(shown);
        }
        None
    }
}

impl Filter {
    fn shown(&self, recorded: &Recorded) -> Option<pb::RevisionInfo> {
        let committed = &recorded.committed;
        let all = || committed.changes.iter().zip(&recorded.before);
        // What is said of a revision as a whole may be about any of its changes.
        let tells = self.sees_causes || all().all(|(change, _)| self.selected.shows(change.key()));
        if !self.author.is_empty() && (committed.cause.author != self.author || !tells) {
            return None;
        }
        let changes = || all().filter(|(change, _)| self.selected.shows(change.key()));
        let selected = || changes().filter(|(change, before)| self.selects(change, before.as_ref()));
        if !self.selected.is_everything() && selected().next().is_none() {
            return None;
        }
        let sources: BTreeSet<_> = changes().map(|(change, _)| change.source()).collect();
        let count = |wanted: pb::ChangeType| {
            let len = changes().filter(|(change, before)| of_type(change, before.as_ref()) == wanted).count();
            u32::try_from(len).unwrap_or(u32::MAX)
        };
        let listed = selected().take(if self.with_changes { HISTORY_CHANGES_LEN_MAX } else { 0 });
        Some(pb::RevisionInfo {
            revision: committed.revision.0,
            at: Some(convert::timestamp(committed.at)),
            cause: if tells { committed.cause.what.clone() } else { String::new() },
            authorship: tells.then(|| convert::authorship(&committed.cause)),
            sources: sources.into_iter().map(ToString::to_string).collect(),
            added: count(pb::ChangeType::Added),
            changed: count(pb::ChangeType::Changed),
            removed: count(pb::ChangeType::Removed),
            changes: listed.map(|(change, before)| layer_change(change, before.as_ref())).collect(),
        })
    }

    /// Whether a change is of something that is selected, after it or before.
    fn selects(&self, change: &Change, before: Option<&Stored>) -> bool {
        let is_of_source = self.selected.source().is_none_or(|source| source == change.source());
        let has_labels = |record: &Record| self.selected.has_labels(&record.entry.any);
        let after = match change {
            Change::Put(record) => Some(&**record),
            Change::Remove { .. } => None,
        };
        let sides = [after, before.map(|before| &*before.record)];
        is_of_source
            && self.selected.has_key(change.key())
            && (!self.selected.asks_for_labels() || sides.into_iter().flatten().any(has_labels))
    }
}

fn of_type(change: &Change, before: Option<&Stored>) -> pb::ChangeType {
    match (change, before) {
        (Change::Put(_), None) => pb::ChangeType::Added,
        (Change::Put(_), Some(_)) => pb::ChangeType::Changed,
        (Change::Remove { .. }, _) => pb::ChangeType::Removed,
    }
}

fn layer_change(change: &Change, before: Option<&Stored>) -> pb::LayerChange {
    let version = match change {
        Change::Put(record) => record.entry.version.to_string(),
        Change::Remove { .. } => String::new(),
    };
    pb::LayerChange {
        r#type: of_type(change, before).into(),
        key: Some(convert::key(change.key())),
        source: change.source().to_string(),
        version,
    }
}
