//! What becomes of what is served.

use mainsheet_api::generated::mainsheet::v1 as pb;
use tonic::Status;

use super::{Answers, Reads};

pub(super) async fn watch(
    _reads: &Reads,
    _request: pb::WatchRequest,
) -> Result<Answers<pb::WatchResponse>, Status> {
    Err(Status::unimplemented("watch"))
}
