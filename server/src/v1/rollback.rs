//! What was served is served again.

use mainsheet_api::{generated::mainsheet::v1 as pb, key::Key};
use tonic::{Code, Status};

use super::{
    Reads,
    asking::Asking,
    convert,
    error::{bad_request, because},
    permitted::Named,
    plan::rollback::{RollbackPlanner, RolledBack},
    selection::Selected,
    write::{Run, cause, perform},
};
use crate::intake::Written;

/// Resources that are named where a rollback is refused.
const NAMED_MAX: usize = 10;

pub(super) async fn rollback(
    (reads, asking): (&Reads, &Asking),
    request: pb::RollbackRequest,
) -> Result<pb::RollbackResponse, Status> {
    let links = &reads.links;
    let pb::RollbackRequest { to_revision, selection, dry_run, authorship, form, expected_revision } =
        request;
    let form = convert::form(form)?;
    if to_revision == 0 {
        return Err(bad_request("to_revision", "is missing"));
    }
    let selected = Selected::of(selection)?;
    if selected.source().is_some() {
        return Err(bad_request("selection.source", "a rollback is of what is served; leave it out"));
    }
    let cause = cause(asking, format!("rollback to {to_revision}"), authorship)?;
    let to = reads.at(to_revision).await?;
    let expected = match expected_revision {
        0 => None,
        revision => Some(reads.at(revision).await?),
    };
    let planner = RollbackPlanner { to, selected, expected, rights: asking.rights().clone() };
    let Written { revision, answer } =
        perform((links, asking), Run::of(dry_run), (cause, Named::default()), planner).await?;
    match answer {
        RolledBack::Conflict(keys) => Err(changed(expected_revision, &keys)),
        RolledBack::Done { differences, skipped } => {
            let skip = |(key, reason): (Key, &str)| pb::Skipped {
                key: Some(convert::key(&key)),
                reason: reason.to_owned(),
            };
            Ok(pb::RollbackResponse {
                revision: revision.0,
                changes: differences.iter().map(|difference| difference.told(form)).collect(),
                skipped: skipped.into_iter().map(skip).collect(),
            })
        }
    }
}

fn changed(expected: u64, keys: &[Key]) -> Status {
    let named: Vec<_> = keys.iter().take(NAMED_MAX).map(ToString::to_string).collect();
    let rest = keys.len() - named.len();
    let rest = if rest == 0 { String::new() } else { format!(" and {rest} more") };
    let message =
        format!("nothing was rolled back: changed since revision {expected}: {}{rest}", named.join(", "));
    because(Code::FailedPrecondition, "CONFLICT", message, [("expected", expected.to_string())])
}
