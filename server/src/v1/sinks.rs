//! Who is connected, and how they stand.

use mainsheet_api::generated::mainsheet::v1 as pb;
use tonic::Status;

use super::Links;

pub(super) async fn sinks(_links: &Links, _request: pb::SinksRequest) -> Result<pb::SinksResponse, Status> {
    Err(Status::unimplemented("sinks"))
}
