//! Resources, a page at a time.

use mainsheet_api::generated::mainsheet::v1 as pb;
use tonic::Status;

use super::Links;

pub(super) async fn list(_links: &Links, _request: pb::ListRequest) -> Result<pb::ListResponse, Status> {
    Err(Status::unimplemented("list"))
}
