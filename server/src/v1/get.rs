//! One resource.

use mainsheet_api::generated::mainsheet::v1 as pb;
use tonic::Status;

use super::Links;

pub(super) async fn get(_links: &Links, _request: pb::GetRequest) -> Result<pb::GetResponse, Status> {
    Err(Status::unimplemented("get"))
}
