//! Resources are removed from the API's layer.

use mainsheet_api::generated::mainsheet::v1 as pb;
use tonic::Status;

use super::Links;

pub(super) async fn delete(
    _links: &Links,
    _request: pb::DeleteRequest,
) -> Result<pb::DeleteResponse, Status> {
    Err(Status::unimplemented("delete"))
}
