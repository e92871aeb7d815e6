//! Revisions, the newest first.

use mainsheet_api::generated::mainsheet::v1 as pb;
use tonic::Status;

use super::Links;

pub(super) async fn history(
    _links: &Links,
    _request: pb::HistoryRequest,
) -> Result<pb::HistoryResponse, Status> {
    Err(Status::unimplemented("history"))
}
