//! Revisions, the newest first.

use mainsheet_api::generated::mainsheet::v1 as pb;
use tonic::Status;

use super::Reads;

pub(super) async fn history(
    _reads: &Reads,
    _request: pb::HistoryRequest,
) -> Result<pb::HistoryResponse, Status> {
    Err(Status::unimplemented("history"))
}
