//! Resources are set in the API's layer.

use mainsheet_api::generated::mainsheet::v1 as pb;
use tonic::Status;

use super::Links;

pub(super) async fn apply(_links: &Links, _request: pb::ApplyRequest) -> Result<pb::ApplyResponse, Status> {
    Err(Status::unimplemented("apply"))
}
