//! The composition, in this process.

use std::{path::PathBuf, time::Duration};

use mainsheet_api::{kind::Kind, xds::catalog::Catalog};
use mainsheet_cache::StoreError;
use mainsheet_server::{
    app::{self, Running},
    config::{ServedPath, Settings, StoreKind},
    task::TaskSet,
};
use tempfile::TempDir;
use tokio::time::timeout;

/// What a wait may take on a machine that is busy with other tests.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

const ROUTE: &str = "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews, namespace: shop}
spec:
  hosts: [reviews]
  http:
  - route:
    - destination: {host: reviews}
";

pub(crate) fn settings(paths: &[PathBuf]) -> Settings {
    let free = "127.0.0.1:0".parse().unwrap();
    let store = StoreKind::Memory;
    let paths = paths.iter().cloned().map(ServedPath::from).collect();
    Settings { paths, store, grpc_addr: free, http_addr: free, ..Settings::default() }
}

pub(crate) async fn ready(running: &Running) {
    timeout(PATIENCE, running.ready()).await.expect("readiness");
}

/// Stops in good order, and lets go.
pub(crate) async fn end((running, tasks): (Running, TaskSet)) -> anyhow::Result<()> {
    tasks.stop().cancel();
    let ended = timeout(PATIENCE, tasks.join()).await.expect("an end");
    drop(running);
    ended
}

fn mesh() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.yaml"), ROUTE).unwrap();
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn started_server_is_ready_once_its_source_has_told_everything_and_stops_in_good_order() {
    let folder = mesh();
    let (running, tasks) = app::start(&settings(&[folder.path().into()])).await.unwrap();
    assert!(running.grpc_addr().port() != 0 && running.http_addr().port() != 0);
    ready(&running).await;
    assert_eq!(running.snapshot().0.count(Kind::VIRTUAL_SERVICE), 1);
    assert_eq!(running.snapshot().revision().0, 1);
    end((running, tasks)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn server_waits_for_a_folder_that_is_not_there_yet() {
    let folder = tempfile::tempdir().unwrap();
    let mesh = folder.path().join("mesh");
    let (running, tasks) = app::start(&settings(std::slice::from_ref(&mesh))).await.unwrap();
    let ready_soon = timeout(Duration::from_millis(300), running.ready()).await;
    assert!(ready_soon.is_err(), "ready before its folder was there");
    std::fs::create_dir(&mesh).unwrap();
    std::fs::write(mesh.join("a.yaml"), ROUTE).unwrap();
    ready(&running).await;
    end((running, tasks)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_server_lets_go_of_its_store_and_its_ports() {
    let folder = mesh();
    let data = tempfile::tempdir().unwrap();
    let mut settings = Settings {
        store: StoreKind::Redb,
        data_dir: data.path().into(),
        ..settings(&[folder.path().into()])
    };
    for _ in 0..3 {
        let (running, tasks) = start_again(&settings).await;
        ready(&running).await;
        assert_eq!(running.snapshot().revision().0, 1, "the same content makes no revision");
        settings.grpc_addr = running.grpc_addr();
        settings.http_addr = running.http_addr();
        end((running, tasks)).await.unwrap();
    }
}

/// Starts on a store that was open a moment ago: a read that was under way when its server stopped holds it that long.
pub(crate) async fn start_again(settings: &Settings) -> (Running, TaskSet) {
    let started = async {
        loop {
            match app::start(settings).await {
                Ok(started) => return started,
                Err(error) if matches!(error.downcast_ref(), Some(StoreError::InUse { .. })) => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Err(error) => panic!("{error:#}"),
            }
        }
    };
    timeout(PATIENCE, started).await.expect("a store that nobody has open")
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_can_not_have_a_port_does_not_start() {
    let folder = mesh();
    let data = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let settings = Settings {
        store: StoreKind::Redb,
        data_dir: data.path().into(),
        http_addr: taken.local_addr().unwrap(),
        ..settings(&[folder.path().into()])
    };
    let Err(error) = app::start(&settings).await else { panic!("started on a port that is taken") };
    assert!(error.to_string().starts_with("listen for HTTP on "), "{error}");
    drop(taken);
    let (running, tasks) = app::start(&settings).await.expect("a store that nobody has open");
    end((running, tasks)).await.unwrap();
}
