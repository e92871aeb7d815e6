//! What a rollback put above the sources ends.

use mainsheet_api::generated::mainsheet::v1 as pb;
use tonic::Status;

use super::{
    Links,
    asking::Asking,
    convert,
    error::bad_request,
    permitted::Named,
    plan::release::ReleasePlanner,
    selection::Selected,
    write::{Run, cause, check_ready, perform},
};
use crate::intake::Written;

pub(super) async fn release(
    (links, asking): (&Links, &Asking),
    request: pb::ReleaseRequest,
) -> Result<pb::ReleaseResponse, Status> {
    check_ready(links)?;
    let pb::ReleaseRequest { selection, dry_run, authorship, form } = request;
    let form = convert::form(form)?;
    let selected = Selected::of(selection)?;
    if selected.source().is_some() {
        return Err(bad_request("selection.source", "a release is of what rollbacks hold; leave it out"));
    }
    let cause = cause(asking, "release", authorship)?;
    let (run, planner) = (Run::of(dry_run), ReleasePlanner(selected, asking.rights().clone()));
    let written = perform((links, asking), run, (cause, Named::default()), planner).await?;
    let Written { revision, answer: differences } = written;
    let changes = differences.iter().map(|difference| difference.told(form)).collect();
    Ok(pb::ReleaseResponse { revision: revision.0, changes })
}
