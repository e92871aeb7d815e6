//! How the server is.

use mainsheet_api::generated::mainsheet::v1 as pb;
use tonic::Status;

use super::Links;

pub(super) async fn status(
    _links: &Links,
    _request: pb::StatusRequest,
) -> Result<pb::StatusResponse, Status> {
    Err(Status::unimplemented("status"))
}
