//! The whole store as a stream.

use mainsheet_api::generated::mainsheet::v1 as pb;
use tonic::Status;

use super::{Answers, Links};

pub(super) async fn backup(
    _links: &Links,
    _request: pb::BackupRequest,
) -> Result<Answers<pb::BackupResponse>, Status> {
    Err(Status::unimplemented("backup"))
}
