//! How a write of the API is made: planned by the intake, or only looked at.

use std::sync::{Arc, PoisonError};

use mainsheet_api::{
    change::Cause,
    generated::mainsheet::v1 as pb,
    limits::{AUTHOR_BYTES_MAX, WRITE_MESSAGE_BYTES_MAX},
};
use mainsheet_cache::{StoreError, blocking};
use tonic::{Code, Status};

use super::{
    Links,
    asking::Asking,
    error::{bad_request, because, internal, not_ready, stopping},
    permitted::{Named, Permitted},
    refused::forbidden,
};
use crate::{
    auth::Denied,
    intake::{Planner, WriteError, Written},
};

/// Whether something is done or only said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Run {
    Real,
    Dry,
}

impl Run {
    pub(super) fn of(is_dry: bool) -> Self {
        if is_dry { Self::Dry } else { Self::Real }
    }
}

/// Refuses to write while it is not known what the sources have: what would be hidden, and by which rules.
pub(super) fn check_ready(links: &Links) -> Result<(), Status> {
    let awaited = links.readiness.awaited();
    if awaited.is_empty() { Ok(()) } else { Err(not_ready(&awaited)) }
}

/// What causes a write, and who.
pub(super) fn cause(
    asking: &Asking,
    what: impl Into<String>,
    authorship: Option<pb::Authorship>,
) -> Result<Cause, Status> {
    let cause = claimed(what, authorship)?;
    Ok(Cause { author: asking.author(cause.author), ..cause })
}

/// The same, as the client says it.
pub(super) fn claimed(what: impl Into<String>, authorship: Option<pb::Authorship>) -> Result<Cause, Status> {
    let pb::Authorship { author, message } = authorship.unwrap_or_default();
    check_len("authorship.author", &author, AUTHOR_BYTES_MAX)?;
    check_len("authorship.message", &message, WRITE_MESSAGE_BYTES_MAX)?;
    Ok(Cause { what: what.into(), author, message })
}

pub(super) fn check_len(field: &str, text: &str, bytes_max: usize) -> Result<(), Status> {
    if text.len() <= bytes_max {
        return Ok(());
    }
    Err(bad_request(field, format!("has {} bytes, of {bytes_max} at most", text.len())))
}

/// Makes a write, which is told before and after, or plans it on the newest state: if its caller may do all of it.
pub(super) async fn perform<P: Planner>(
    (links, asking): (&Links, &Asking),
    run: Run,
    (cause, named): (Cause, Named),
    planner: P,
) -> Result<Written<P::Answer>, Status> {
    let (touched, rights, names) = (Arc::default(), asking.rights().clone(), named.changed());
    let count = names.len();
    let mut planner = Permitted { planner, rights, named, touched: Arc::clone(&touched) };
    // Whoever may not write does not make the audit log wait for the disk either.
    if run == Run::Dry || !asking.rights().is_everything() {
        let (tried, again) = tried(links, planner).await?;
        let written = permitted(tried, count)?;
        if run == Run::Dry {
            return Ok(written);
        }
        planner = again;
    }
    asking.begin(&cause.what, names).await?;
    let written = links.intake.write(cause, planner).await.map_err(|error| refusal(&error))?;
    let written = permitted(written, count)?;
    let touched = std::mem::take(&mut *touched.lock().unwrap_or_else(PoisonError::into_inner));
    asking.did((!touched.is_empty()).then_some(written.revision), touched);
    Ok(written)
}

/// What a planner makes of the newest state, and the planner.
async fn tried<P: Planner>(links: &Links, mut planner: P) -> Result<(Written<P::Answer>, P), Status> {
    let snapshot = links.cache.snapshot().0;
    let now = links.clock.now();
    let planning = blocking::spawn(move || {
        let planned = planner.plan(&snapshot, now);
        (Written { revision: snapshot.revision(), answer: planned.answer }, planner)
    });
    planning.await.map_err(internal)
}

/// # Errors
/// Where something of it was denied, of so many that were named.
fn permitted<A>(written: Written<Result<A, Vec<Denied>>>, named: usize) -> Result<Written<A>, Status> {
    let Written { revision, answer } = written;
    let answer = answer.map_err(|denied| forbidden("changed", denied, named))?;
    Ok(Written { revision, answer })
}

/// Why a write was not made, or may not have been.
pub(super) fn refusal(error: &WriteError) -> Status {
    let store = |store: &StoreError, reason: &str| {
        because(Code::Unavailable, reason, format!("{error}: {}", store.with_causes()), [])
    };
    match error {
        WriteError::Stopped => stopping(),
        WriteError::Interrupted => because(Code::Unavailable, "UNKNOWN", error.to_string(), []),
        WriteError::Refused(cause) => store(cause, "STORE"),
        WriteError::Failed(cause) => store(cause, "UNKNOWN"),
        WriteError::Contended => because(Code::Aborted, "CONTENDED", error.to_string(), []),
        WriteError::Internal(_) => Status::internal(error.to_string()),
    }
}
