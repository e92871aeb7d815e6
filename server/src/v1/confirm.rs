//! Removals that the shrink guard holds are meant.

use mainsheet_api::generated::mainsheet::v1 as pb;
use tonic::Status;

use super::Links;

pub(super) async fn confirm(
    _links: &Links,
    _request: pb::ConfirmRequest,
) -> Result<pb::ConfirmResponse, Status> {
    Err(Status::unimplemented("confirm"))
}
