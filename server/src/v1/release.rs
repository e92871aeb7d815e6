//! What a rollback put above the sources ends.

use mainsheet_api::generated::mainsheet::v1 as pb;
use tonic::Status;

use super::Links;

pub(super) async fn release(
    _links: &Links,
    _request: pb::ReleaseRequest,
) -> Result<pb::ReleaseResponse, Status> {
    Err(Status::unimplemented("release"))
}
