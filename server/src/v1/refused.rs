//! What a write that is refused as a whole is answered: how many resources, and which of them, with why.

use std::collections::HashMap;

use mainsheet_api::{
    generated::mainsheet::v1::{self as pb, WriteOutcome},
    limits::REFUSAL_BYTES_MAX,
};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::{convert, error::DOMAIN, plan::outcome::refuses};
use crate::auth::Denied;

/// A refusal in the making: as much of it as a client takes.
struct Refusal {
    details: ErrorDetails,
    bytes: usize,
    listed: usize,
}

/// The refusal of a write with these results. `field` says which field of the request one of them is about.
pub(super) fn refused(
    verb: &str,
    results: &[pb::WriteResult],
    field: impl Fn(usize) -> Option<String>,
) -> Status {
    let count = |outcome| results.iter().filter(|result| result.outcome() == outcome).count();
    let (rejected, conflicted) = (count(WriteOutcome::Rejected), count(WriteOutcome::Conflicted));
    let mut refusal = Refusal { details: ErrorDetails::new(), bytes: 0, listed: 0 };
    for (index, result) in results.iter().enumerate().filter(|(_, result)| refuses(result.outcome())) {
        if !refusal.list(result, field(index)) {
            break;
        }
    }
    let counts = [(rejected, "rejected"), (conflicted, "in conflict")];
    let counts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    let (all, counts) = (results.len(), counts.join(", "));
    let mut message = format!("nothing was {verb}: of {all} resources {counts}");
    let left_out = rejected + conflicted - refusal.listed;
    if left_out > 0 {
        message += &format!("; {left_out} of them are not listed here: a dry run tells all");
    }
    let (code, reason) = match rejected {
        0 => (Code::FailedPrecondition, "CONFLICT"),
        _ => (Code::InvalidArgument, "REJECTED"),
    };
    let metadata = [("rejected", rejected), ("conflicted", conflicted)];
    let metadata: HashMap<_, _> =
        metadata.into_iter().map(|(name, count)| (name.to_owned(), count.to_string())).collect();
    let mut details = refusal.details;
    details.set_error_info(reason, DOMAIN, metadata);
    Status::with_error_details(code, message, details)
}

impl Refusal {
    /// Whether there was room for it.
    fn list(&mut self, result: &pb::WriteResult, field: Option<String>) -> bool {
        let key = result.key.clone().unwrap_or_default();
        let (name, subject) = (name(&key), subject(&key));
        if let Some(conflict) = &result.conflict {
            let description = described(conflict);
            if !self.has_room(subject.len() + description.len()) {
                return false;
            }
            if self.details.resource_info().is_none() {
                self.bytes += subject.len() + description.len();
                self.details.set_resource_info(&key.kind, &name, &conflict.author, &description);
            }
            let sort = if conflict.set.is_empty() { "CONDITION" } else { "SET" };
            self.details.add_precondition_failure_violation(sort, subject, description);
        }
        let errors = result.findings.iter().filter(|finding| finding.severity() == pb::Severity::Error);
        for finding in errors {
            let field = placed(field.as_deref().unwrap_or_default(), finding);
            let about = if result.key.is_some() {
                format!("{subject_}: ", subject_ = self::subject(&key))
            } else {
                String::new()
            };
            let description = about + &worded(finding);
            if !self.has_room(field.len() + description.len()) {
                return false;
            }
            self.details.add_bad_request_violation(field, description);
        }
        self.listed += 1;
        true
    }

    fn has_room(&mut self, bytes: usize) -> bool {
        // Tags, lengths, and the sort of a violation.
        self.bytes += bytes + 32;
        self.bytes <= REFUSAL_BYTES_MAX
    }
}

/// The refusal of what may not be done, of so many resources that were named: all of it is told, as far as there is room.
pub(super) fn forbidden(verb: &str, denied: Vec<Denied>, named: usize) -> Status {
    let mut refusal = Refusal { details: ErrorDetails::new(), bytes: 0, listed: 0 };
    let mut message = match &*denied {
        [only] if named <= 1 => only.reason.clone(),
        all => format!("nothing was {verb}: {} of it may not be", all.len()),
    };
    for Denied { key, reason } in &denied {
        let subject = key.as_ref().map(|key| subject(&convert::key(key))).unwrap_or_default();
        let line = format!("{subject}: {reason}");
        if denied.len() > 1 || named > 1 {
            if !refusal.has_room(2 * line.len() + reason.len()) {
                message += &format!("\n... and {} more", denied.len() - refusal.listed);
                break;
            }
            message += &format!("\n{line}");
        }
        refusal.details.add_precondition_failure_violation("FORBIDDEN", subject, reason.clone());
        refusal.listed += 1;
    }
    let metadata = HashMap::from([("forbidden".to_owned(), denied.len().to_string())]);
    refusal.details.set_error_info("FORBIDDEN", DOMAIN, metadata);
    Status::with_error_details(Code::PermissionDenied, message, refusal.details)
}

fn subject(key: &pb::ResourceKey) -> String {
    format!("{} {}", key.kind, name(key))
}

/// `shop/reviews`; the bare name where there are no namespaces.
fn name(key: &pb::ResourceKey) -> String {
    match &*key.namespace {
        "" => key.name.clone(),
        namespace => format!("{namespace}/{}", key.name),
    }
}

/// Why, and who is in the way.
fn described(conflict: &pb::Conflict) -> String {
    let pb::Conflict { reason, revision, author, .. } = conflict;
    match (revision, &**author) {
        (0, _) => reason.clone(),
        (revision, "") => format!("{reason} (revision {revision})"),
        (revision, author) => format!("{reason} (revision {revision} by {author})"),
    }
}

/// `manifests[2].text:14:7 spec.http[0].route`
fn placed(field: &str, finding: &pb::Finding) -> String {
    let mut placed = field.to_owned();
    if finding.line > 0 {
        placed += &format!(":{}:{}", finding.line, finding.column);
    }
    if !finding.path.is_empty() {
        placed += &format!(" {}", finding.path);
    }
    placed
}

fn worded(finding: &pb::Finding) -> String {
    let pb::Finding { reason, remedy, code, .. } = finding;
    let remedy = if remedy.is_empty() { String::new() } else { format!("; {remedy}") };
    format!("{reason}{remedy} [{code}]")
}
