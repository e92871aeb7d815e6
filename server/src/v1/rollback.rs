//! What was served is served again.

use mainsheet_api::generated::mainsheet::v1 as pb;
use tonic::Status;

use super::Links;

pub(super) async fn rollback(
    _links: &Links,
    _request: pb::RollbackRequest,
) -> Result<pb::RollbackResponse, Status> {
    Err(Status::unimplemented("rollback"))
}
