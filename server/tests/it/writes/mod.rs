//! Writing through the API, on a real server.

mod apply;
mod contention;
mod group;
mod leases;
mod opaque;
mod rollback;
mod together;

use std::{path::PathBuf, sync::Arc, time::Duration};

use mainsheet_api::{
    generated::mainsheet::v1::{self as pb, WriteOutcome},
    kind::Kind,
};
use mainsheet_cache::{
    snapshot::{Held, Snapshot},
    store::StoreOptions,
};
use mainsheet_server::{
    app::Running,
    config::{Settings, StoreKind},
    generated::mainsheet_client::MainsheetClient,
    task::TaskSet,
};
use tempfile::TempDir;
use tonic::transport::Channel;

use crate::{
    app::{PATIENCE, end, ready, settings, start_again},
    client::channel,
    rig::{replace, route, route_key, write},
};

pub(super) type Client = MainsheetClient<Channel>;

/// A server with a folder of routes and a store on disk, and a client of it.
pub(super) struct Desk {
    house: TempDir,
    retention: StoreOptions,
    pub(super) running: Running,
    tasks: TaskSet,
    pub(super) client: Client,
}

impl Desk {
    /// Serves files of these routes, which lead to these hosts.
    pub(super) async fn start(files: &[(&str, &str)]) -> Self {
        let house = empty();
        for (name, host) in files {
            write(&house.path().join("mesh"), &format!("{name}.yaml"), &route(name, host));
        }
        Self::on(house, StoreOptions::default()).await
    }

    /// Has no files, and keeps so many revisions.
    pub(super) async fn remembering(revisions: usize) -> Self {
        Self::on(empty(), StoreOptions { commits_kept_max: revisions, ..StoreOptions::default() }).await
    }

    async fn on(house: TempDir, retention: StoreOptions) -> Self {
        let quick = Duration::from_millis(10);
        let (store, data_dir) = (StoreKind::Redb, house.path().join("data"));
        let base = settings(&[house.path().join("mesh")]);
        let (running, tasks) =
            start_again(&Settings { store, data_dir, retention, debounce_quiet: quick, ..base }).await;
        ready(&running).await;
        let client = MainsheetClient::new(channel(running.grpc_addr()).await);
        Self { house, retention, running, tasks, client }
    }

    /// Stops, and starts again on the same store.
    pub(super) async fn again(self) -> Self {
        let Self { house, retention, running, tasks, client } = self;
        drop(client);
        end((running, tasks)).await.unwrap();
        Self::on(house, retention).await
    }

    pub(super) async fn end(self) {
        end((self.running, self.tasks)).await.unwrap();
    }

    /// Writes a file of the folder anew.
    pub(super) fn file(&self, name: &str, host: &str) {
        replace(&self.mesh(), &format!("{name}.yaml"), &route(name, host));
    }

    pub(super) fn unlink(&self, name: &str) {
        std::fs::remove_file(self.mesh().join(format!("{name}.yaml"))).unwrap();
    }

    fn mesh(&self) -> PathBuf {
        self.house.path().join("mesh")
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.running.snapshot().0
    }

    pub(super) fn served(&self, name: &str) -> Option<Arc<Held>> {
        self.snapshot().served(Kind::VIRTUAL_SERVICE, &route_key(name).wire_name())
    }

    /// Where what is served of a route comes from; empty where nothing is.
    pub(super) fn source(&self, name: &str) -> String {
        let source = self.served(name).map(|held| held.source.to_string()).unwrap_or_default();
        source.split(':').next().unwrap_or_default().to_owned()
    }

    pub(super) async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let so = async {
            while !is_so(self) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, so).await.unwrap_or_else(|_| panic!("{what}: not in time"));
    }

    pub(super) async fn apply(&self, request: pb::ApplyRequest) -> Result<pb::ApplyResponse, tonic::Status> {
        Ok(self.client.clone().apply(request).await?.into_inner())
    }

    pub(super) async fn delete(&self, names: &[&str]) -> pb::DeleteResponse {
        let keys = names.iter().map(|name| key(name)).collect();
        let request = pb::DeleteRequest { keys, ..pb::DeleteRequest::default() };
        self.client.clone().delete(request).await.unwrap().into_inner()
    }
}

/// With an empty folder of routes.
fn empty() -> TempDir {
    let house = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(house.path().join("mesh")).unwrap();
    house
}

/// A request of these texts, a manifest each.
pub(super) fn request(texts: impl IntoIterator<Item = String>) -> pb::ApplyRequest {
    let manifest = |text| pb::Manifest { form: Some(pb::manifest::Form::Text(text)), origin: String::new() };
    let authorship = pb::Authorship { author: "ann".to_owned(), message: "a test".to_owned() };
    pb::ApplyRequest {
        manifests: texts.into_iter().map(manifest).collect(),
        authorship: Some(authorship),
        ..pb::ApplyRequest::default()
    }
}

pub(super) fn key(name: &str) -> pb::ResourceKey {
    pb::ResourceKey {
        kind: "vs".to_owned(),
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        scope: String::new(),
    }
}

pub(super) fn outcomes(results: &[pb::WriteResult]) -> Vec<WriteOutcome> {
    results.iter().map(pb::WriteResult::outcome).collect()
}
