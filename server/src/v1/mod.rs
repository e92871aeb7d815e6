//! The gRPC service `mainsheet.v1`: what clients other than sinks ask of a server. A file a method, and beside them
//!
//! | file | is |
//! |---|---|
//! | `selection` | which resources a request is about |
//! | `revisions`, `page` | the state that it reads, and where its next page begins |
//! | `convert`, `changes`, `error` | our things as messages, and refusals |
//! | `asking` | who asks to write, and what of it is told in the audit log |
//! | `needs`, `permitted` | what each method needs, and how a write is kept to that |
//! | `manifest` | what is to be applied, read and judged |
//! | `plan` | what writes change: pure |
//! | `write`, `refused`, `conflicts` | how a write is made, what one that is refused is answered, and when what is in its way was written |

mod apply;
mod asking;
mod backup;
mod changes;
mod confirm;
mod conflicts;
mod convert;
mod delete;
mod diff;
mod error;
mod get;
mod history;
mod list;
mod manifest;
mod needs;
mod page;
mod permitted;
mod plan;
mod refused;
mod release;
mod restore;
mod revisions;
mod rollback;
mod selection;
mod sinks;
mod status;
mod watch;
mod write;

use std::sync::Arc;

use futures_util::stream::BoxStream;
use mainsheet_api::{
    generated::mainsheet::v1 as pb,
    limits::{WATCHES_MAX, WRITE_REQUEST_BYTES_MAX},
    time::Clock,
};
use mainsheet_cache::{Cache, snapshot::SnapshotCatalog};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming, service::Routes};

pub use self::needs::{Changes, METHODS, Method};
use self::{apply::Room, asking::Asking, revisions::Revisions};
use crate::{
    audit::Audit,
    auth::{CredentialHealth, Grants, Sight},
    generated::mainsheet_server::{Mainsheet, MainsheetServer},
    intake::IntakeHandle,
    leases::Leases,
    readiness::Readiness,
    sinks::Sinks,
    source::DocumentOptions,
    source_health::SourceHealth,
    store_state::StoreState,
};

/// What the service is connected to.
#[derive(Clone)]
pub struct Links {
    /// What is read, and looked back at.
    pub cache: Cache,
    /// Who writes.
    pub intake: IntakeHandle,
    /// When leases end.
    pub leases: Leases,
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
    /// Where the store is kept, in a word.
    pub store: &'static str,
    /// Whether it works.
    pub store_state: StoreState,
    /// What documents of access grant.
    pub grants: Grants,
    /// Where is told who wrote what.
    pub audit: Audit,
    /// How the server's own credentials are.
    pub credentials: CredentialHealth,
    /// How documents are read that do not say.
    pub documents: DocumentOptions,
}

/// The service, to be served beside others, and the task that it needs.
pub fn service(
    links: Links,
    stop: CancellationToken,
) -> (Routes, impl Future<Output = anyhow::Result<()>> + use<>) {
    let reads = Reads {
        links: links.clone(),
        revisions: Revisions::default(),
        watches: Arc::new(Semaphore::new(WATCHES_MAX)),
        stop: stop.clone(),
    };
    let unpinning = reads.revisions.clone().run(Arc::clone(&links.clock), stop);
    let service = Service { links, reads, room: Room::default(), backups: backup::Turn::default() };
    let service = MainsheetServer::new(service);
    (Routes::new(service.max_decoding_message_size(WRITE_REQUEST_BYTES_MAX)), unpinning)
}

/// What the reading methods share. Cloning shares it.
#[derive(Clone)]
struct Reads {
    links: Links,
    revisions: Revisions,
    /// Places for watches.
    watches: Arc<Semaphore>,
    stop: CancellationToken,
}

impl Reads {
    /// The state of a revision; of the newest where it is 0.
    async fn at(&self, revision: u64) -> Result<SnapshotCatalog, Status> {
        write::check_ready(&self.links)?;
        self.revisions.at(&self.links.cache, revision, self.links.clock.uptime()).await
    }

    /// What the caller of a request may read, and the request.
    fn seen_by<T>(&self, request: Request<T>) -> (Sight, T) {
        (Sight::of(&self.links.grants, request.extensions().get()), request.into_inner())
    }
}

/// Answers of a method that streams.
type Answers<T> = BoxStream<'static, Result<T, Status>>;

struct Service {
    links: Links,
    reads: Reads,
    room: Room,
    backups: backup::Turn,
}

#[tonic::async_trait]
impl Mainsheet for Service {
    type WatchStream = Answers<pb::WatchResponse>;
    type DiffStream = Answers<pb::DiffResponse>;
    type BackupStream = Answers<pb::BackupResponse>;

    async fn apply(&self, request: Request<pb::ApplyRequest>) -> Result<Response<pb::ApplyResponse>, Status> {
        let asking = Asking::of(&self.links, &needs::APPLY, &request)?;
        let answer = apply::apply((&self.links, &asking), &self.room, request.into_inner());
        asking.answered(answer).await.map(Response::new)
    }

    async fn delete(
        &self,
        request: Request<pb::DeleteRequest>,
    ) -> Result<Response<pb::DeleteResponse>, Status> {
        let asking = Asking::of(&self.links, &needs::DELETE, &request)?;
        let answer = delete::delete((&self.links, &asking), request.into_inner());
        asking.answered(answer).await.map(Response::new)
    }

    async fn get(&self, request: Request<pb::GetRequest>) -> Result<Response<pb::GetResponse>, Status> {
        get::get(&self.reads, self.reads.seen_by(request)).await.map(Response::new)
    }

    async fn list(&self, request: Request<pb::ListRequest>) -> Result<Response<pb::ListResponse>, Status> {
        list::list(&self.reads, self.reads.seen_by(request)).await.map(Response::new)
    }

    async fn history(
        &self,
        request: Request<pb::HistoryRequest>,
    ) -> Result<Response<pb::HistoryResponse>, Status> {
        history::history(&self.reads, self.reads.seen_by(request)).await.map(Response::new)
    }

    async fn rollback(
        &self,
        request: Request<pb::RollbackRequest>,
    ) -> Result<Response<pb::RollbackResponse>, Status> {
        let asking = Asking::of(&self.links, &needs::ROLLBACK, &request)?;
        let answer = rollback::rollback((&self.reads, &asking), request.into_inner());
        asking.answered(answer).await.map(Response::new)
    }

    async fn release(
        &self,
        request: Request<pb::ReleaseRequest>,
    ) -> Result<Response<pb::ReleaseResponse>, Status> {
        let asking = Asking::of(&self.links, &needs::RELEASE, &request)?;
        let answer = release::release((&self.links, &asking), request.into_inner());
        asking.answered(answer).await.map(Response::new)
    }

    async fn confirm(
        &self,
        request: Request<pb::ConfirmRequest>,
    ) -> Result<Response<pb::ConfirmResponse>, Status> {
        let asking = Asking::of(&self.links, &needs::CONFIRM, &request)?;
        let answer = confirm::confirm((&self.links, &asking), request.into_inner());
        asking.answered(answer).await.map(Response::new)
    }

    async fn sinks(&self, request: Request<pb::SinksRequest>) -> Result<Response<pb::SinksResponse>, Status> {
        sinks::sinks(&self.reads, self.reads.seen_by(request)).await.map(Response::new)
    }

    async fn status(
        &self,
        request: Request<pb::StatusRequest>,
    ) -> Result<Response<pb::StatusResponse>, Status> {
        status::status(&self.reads, self.reads.seen_by(request)).await.map(Response::new)
    }

    async fn watch(&self, request: Request<pb::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        watch::watch(&self.reads, self.reads.seen_by(request)).await.map(Response::new)
    }

    async fn diff(&self, request: Request<pb::DiffRequest>) -> Result<Response<Self::DiffStream>, Status> {
        let asking = Asking::of(&self.links, &needs::DIFF, &request)?;
        let seen = self.reads.seen_by(request);
        diff::diff((&self.reads, &asking), &self.room, seen).await.map(Response::new)
    }

    async fn backup(
        &self,
        request: Request<pb::BackupRequest>,
    ) -> Result<Response<Self::BackupStream>, Status> {
        let asking = Asking::of(&self.links, &needs::BACKUP, &request)?;
        asking.answered(backup::backup((&self.links, &asking), &self.backups)).await.map(Response::new)
    }

    async fn restore(
        &self,
        request: Request<Streaming<pb::RestoreRequest>>,
    ) -> Result<Response<pb::RestoreResponse>, Status> {
        let asking = Asking::of(&self.links, &needs::RESTORE, &request)?;
        let answer = restore::restore((&self.links, &asking), &self.backups, request.into_inner());
        asking.answered(answer).await.map(Response::new)
    }
}
