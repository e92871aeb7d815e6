//! What became of each resource of a write.

use mainsheet_api::{
    generated::mainsheet::v1::{self as pb, WriteOutcome},
    key::Key,
    resource::SourceName,
    version::ResourceVersion,
};
use mainsheet_cache::snapshot::{Held, Snapshot};

use crate::v1::convert;

/// A result of this outcome.
pub(super) fn result(key: Option<&Key>, outcome: WriteOutcome) -> pb::WriteResult {
    pb::WriteResult { key: key.map(convert::key), outcome: outcome.into(), ..pb::WriteResult::default() }
}

/// Why a write conflicts, and with whom.
pub(super) fn conflict(reason: String, held: Option<&Held>) -> pb::Conflict {
    let Some(held) = held else { return pb::Conflict { reason, ..pb::Conflict::default() } };
    pb::Conflict {
        reason,
        revision: held.changed.0,
        version: held.version.to_string(),
        author: held.provenance.origin.clone(),
        set: held.terms.set.as_deref().unwrap_or_default().to_owned(),
        at: None,
    }
}

/// Whether an outcome refuses a write that is all or nothing.
pub(in crate::v1) fn refuses(outcome: WriteOutcome) -> bool {
    matches!(outcome, WriteOutcome::Rejected | WriteOutcome::Conflicted)
}

/// Says of everything that would have been done that it was not.
pub(super) fn unmake<'r>(results: impl IntoIterator<Item = &'r mut pb::WriteResult>) {
    for result in results {
        match result.outcome() {
            WriteOutcome::Created
            | WriteOutcome::Changed
            | WriteOutcome::Unchanged
            | WriteOutcome::Removed => result.set_outcome(WriteOutcome::NotMade),
            WriteOutcome::Unspecified
            | WriteOutcome::Rejected
            | WriteOutcome::Conflicted
            | WriteOutcome::NotFound
            | WriteOutcome::NotMade => {}
        }
    }
}

/// What of a name comes from elsewhere than the API, and whether a rollback hides what the API has of it.
pub(super) struct Surroundings {
    pub(super) hides: Vec<String>,
    pub(super) is_hidden: bool,
}

impl Surroundings {
    /// Once the API's layer has this version of a key, or nothing of it.
    pub(super) fn of(state: &Snapshot, key: &Key, version: Option<&ResourceVersion>) -> Self {
        let all = state.contestants(key.kind, &key.wire_name());
        let of = |held: &Held, source: &str| &*held.source.0 == source;
        let is_own = |held: &Held| of(held, SourceName::API) && held.key == *key;
        let others = || all.iter().filter(|held| !of(held, SourceName::HOLD) && !is_own(held));
        let below = version.or_else(|| others().next().map(|held| &held.version));
        // A rollback that was put over something else ends with the write.
        let lasts = |held: &Held| held.terms.over.as_ref().is_none_or(|over| over.version.as_ref() == below);
        Self {
            hides: others().map(|held| held.source.to_string()).collect(),
            is_hidden: all.iter().any(|held| of(held, SourceName::HOLD) && lasts(held)),
        }
    }

    /// With this said of it.
    pub(super) fn told(self, result: pb::WriteResult) -> pb::WriteResult {
        pb::WriteResult { hides: self.hides, is_hidden: self.is_hidden, ..result }
    }
}
