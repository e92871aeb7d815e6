//! Load at a small scale.

use std::{path::PathBuf, time::Duration};

use mainsheet_api::xds::Variant;
use mainsheet_bench::load::{Load, Report, Server};
use mainsheet_server::{
    app::{self, Running},
    config::{ServedPath, Settings, StoreKind},
    task::TaskSet,
};
use tempfile::TempDir;

struct Rig {
    folder: TempDir,
    running: Running,
    tasks: TaskSet,
}

impl Rig {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let free = "127.0.0.1:0".parse().unwrap();
        let paths = vec![ServedPath::from(PathBuf::from(folder.path()))];
        let store = StoreKind::Memory;
        let settings = Settings { paths, store, grpc_addr: free, http_addr: free, ..Settings::default() };
        let (running, tasks) = app::start(&settings).await.unwrap();
        running.ready().await;
        Self { folder, running, tasks }
    }

    fn server(&self) -> Server {
        Server::running(self.running.grpc_addr(), Some(std::process::id()))
    }

    async fn end(self) {
        self.tasks.stop().cancel();
        self.tasks.join().await.unwrap();
    }
}

/// Ten clients, of which one is slow and one mute.
fn small(variant: Variant) -> Load {
    Load {
        quick: 8,
        slow: 1,
        slow_bytes: 1 << 20,
        mute: 1,
        variant,
        resources: 200,
        changes: 5,
        every: Duration::from_millis(20),
        ..Load::default()
    }
}

fn assert_right(report: &Report) {
    assert!(report.is_right() && report.again() == 0, "{report}");
    assert_eq!((report.cold.times.len(), report.changes.times.len()), (8, 8 * 5), "{report}");
    assert!(report.cold.received_bytes > 8 * 200 * 1024 && report.server.peak > 0, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_client_gets_exactly_what_was_written() {
    for variant in [Variant::Sotw, Variant::Delta] {
        let rig = Rig::start().await;
        assert_right(&small(variant).run(&rig.server()).await.unwrap());
        rig.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_a_way_to_write() {
    let rig = Rig::start().await;
    let load = Load { files: Some(rig.folder.path().into()), ..small(Variant::Delta) };
    assert_right(&load.run(&rig.server()).await.unwrap());
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn resources_that_nobody_wrote_are_noticed() {
    let rig = Rig::start().await;
    let other = r#"{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: other},
        spec: {hosts: [other.example.com], http: [{route: [{destination: {host: other.example.com}}]}]}}"#;
    std::fs::write(rig.folder.path().join("other.yaml"), other).unwrap();
    let error = loop {
        // Until the file is taken in, nothing is wrong.
        let patience = Duration::from_secs(10);
        match (Load { changes: 0, patience, ..small(Variant::Sotw) }).run(&rig.server()).await {
            Ok(report) if report.is_right() => {}
            Ok(report) => break report.to_string(),
            Err(error) => break format!("{error:#}"),
        }
    };
    assert!(error.contains("NOT RIGHT") || error.contains("load a server that has no others"), "{error}");
    rig.end().await;
}
