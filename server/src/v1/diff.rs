//! How what is served differs.

use mainsheet_api::generated::mainsheet::v1 as pb;
use tonic::Status;

use super::{Answers, Reads};

pub(super) async fn diff(
    _reads: &Reads,
    _request: pb::DiffRequest,
) -> Result<Answers<pb::DiffResponse>, Status> {
    Err(Status::unimplemented("diff"))
}
