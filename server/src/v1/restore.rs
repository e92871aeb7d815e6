//! A backup back into a running server.

use mainsheet_api::generated::mainsheet::v1 as pb;
use tonic::{Status, Streaming};

use super::Links;

pub(super) async fn restore(
    _links: &Links,
    _request: Streaming<pb::RestoreRequest>,
) -> Result<pb::RestoreResponse, Status> {
    Err(Status::unimplemented("restore"))
}
