//! The gRPC service `mainsheet.v1`: what clients other than sinks ask of a server. A file a method.

mod apply;
mod backup;
mod confirm;
#[allow(dead_code, reason = "for methods that are not served yet")]
mod convert;
mod delete;
mod diff;
#[allow(dead_code, reason = "for methods that are not served yet")]
mod error;
mod get;
mod history;
mod list;
mod release;
mod restore;
mod rollback;
#[allow(dead_code, reason = "for methods that are not served yet")]
mod selection;
mod sinks;
mod status;
mod watch;

use std::sync::Arc;

use futures_util::stream::BoxStream;
use mainsheet_api::{generated::mainsheet::v1 as pb, time::Clock};
use mainsheet_cache::Cache;
use tonic::{Request, Response, Status, Streaming, service::Routes};

use crate::{
    generated::mainsheet_server::{Mainsheet, MainsheetServer},
    intake::IntakeHandle,
    readiness::Readiness,
    sinks::Sinks,
    source_health::SourceHealth,
};

/// What the service is connected to.
#[derive(Clone)]
pub struct Links {
    /// What is read, and looked back at.
    pub cache: Cache,
    /// Who writes.
    pub intake: IntakeHandle,
    /// What is awaited.
    pub readiness: Readiness,
    /// What sinks hold.
    pub sinks: Arc<Sinks>,
    /// How the sources get on.
    pub sources: Arc<[SourceHealth]>,
    /// Both clocks.
    pub clock: Arc<dyn Clock>,
    /// How this server calls itself.
    pub instance: Arc<str>,
}

/// The service, to be served beside others.
#[must_use]
pub fn routes(links: Links) -> Routes {
    Routes::new(MainsheetServer::new(Service(links)))
}

/// Answers of a method that streams.
type Answers<T> = BoxStream<'static, Result<T, Status>>;

struct Service(Links);

#[tonic::async_trait]
impl Mainsheet for Service {
    type WatchStream = Answers<pb::WatchResponse>;
    type DiffStream = Answers<pb::DiffResponse>;
    type BackupStream = Answers<pb::BackupResponse>;

    async fn apply(&self, request: Request<pb::ApplyRequest>) -> Result<Response<pb::ApplyResponse>, Status> {
        apply::apply(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn delete(
        &self,
        request: Request<pb::DeleteRequest>,
    ) -> Result<Response<pb::DeleteResponse>, Status> {
        delete::delete(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn get(&self, request: Request<pb::GetRequest>) -> Result<Response<pb::GetResponse>, Status> {
        get::get(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn list(&self, request: Request<pb::ListRequest>) -> Result<Response<pb::ListResponse>, Status> {
        list::list(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn history(
        &self,
        request: Request<pb::HistoryRequest>,
    ) -> Result<Response<pb::HistoryResponse>, Status> {
        history::history(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn rollback(
        &self,
        request: Request<pb::RollbackRequest>,
    ) -> Result<Response<pb::RollbackResponse>, Status> {
        rollback::rollback(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn release(
        &self,
        request: Request<pb::ReleaseRequest>,
    ) -> Result<Response<pb::ReleaseResponse>, Status> {
        release::release(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn confirm(
        &self,
        request: Request<pb::ConfirmRequest>,
    ) -> Result<Response<pb::ConfirmResponse>, Status> {
        confirm::confirm(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn sinks(&self, request: Request<pb::SinksRequest>) -> Result<Response<pb::SinksResponse>, Status> {
        sinks::sinks(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn status(
        &self,
        request: Request<pb::StatusRequest>,
    ) -> Result<Response<pb::StatusResponse>, Status> {
        status::status(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn watch(&self, request: Request<pb::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        watch::watch(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn diff(&self, request: Request<pb::DiffRequest>) -> Result<Response<Self::DiffStream>, Status> {
        diff::diff(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn backup(
        &self,
        request: Request<pb::BackupRequest>,
    ) -> Result<Response<Self::BackupStream>, Status> {
        backup::backup(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn restore(
        &self,
        request: Request<Streaming<pb::RestoreRequest>>,
    ) -> Result<Response<pb::RestoreResponse>, Status> {
        restore::restore(&self.0, request.into_inner()).await.map(Response::new)
    }
}
