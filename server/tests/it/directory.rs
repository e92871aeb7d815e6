//! A directory that a sink keeps of a real server, over restarts of the sink.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use mainsheet_api::{
    kind::Kind,
    xds::{Variant, client::Wanted},
};
use mainsheet_server::{app, config::Settings};
use mainsheet_sink::{Client, DirectoryApplier, Form};

use crate::{
    app::{PATIENCE, end, ready, settings},
    rig::{route, write},
};

/// Where the file of a route is.
fn place(kept: &Path, name: &str) -> PathBuf {
    kept.join(format!("networking.istio.io/v1/VirtualService/shop/{name}.yaml"))
}

/// Keeps a directory until it is so.
async fn keep(server: SocketAddr, variant: Variant, kept: &Path, is_so: impl Fn() -> bool) {
    let mut directory = DirectoryApplier::open(kept, Form::Yaml).unwrap();
    let builder = Client::builder(server.to_string(), "keeper").variant(variant);
    let builder = builder.subscribe_kind(Kind::VIRTUAL_SERVICE, Wanted::Everything);
    let mut client = directory.resume(builder).build().unwrap();
    let so = until(is_so);
    let running = client.run(&mut directory, so);
    tokio::time::timeout(PATIENCE, running).await.expect("in time").unwrap();
}

async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn file_that_somebody_touched_is_removed_with_its_resource_and_else_mended() {
    for variant in [Variant::Delta, Variant::Sotw] {
        let (mesh, kept) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for name in ["gone", "edited", "left"] {
            write(mesh.path(), &format!("{name}.yaml"), &route(name, "v1"));
        }
        let quick = Settings { debounce_quiet: Duration::from_millis(10), ..settings(&[mesh.path().into()]) };
        let (running, tasks) = app::start(&quick).await.unwrap();
        ready(&running).await;
        let (server, kept) = (running.grpc_addr(), kept.path());
        let are_there = || ["gone", "edited", "left"].iter().all(|name| place(kept, name).exists());
        keep(server, variant, kept, are_there).await;
        let as_served = fs::read(place(kept, "edited")).unwrap();

        // While no client runs.
        for name in ["gone", "edited"] {
            fs::write(place(kept, name), "something else").unwrap();
        }
        fs::remove_file(mesh.path().join("gone.yaml")).unwrap();
        let is_gone = || running.snapshot().0.count(Kind::VIRTUAL_SERVICE) == 2;
        tokio::time::timeout(PATIENCE, until(is_gone)).await.unwrap();

        let is_mended = || {
            !place(kept, "gone").exists() && fs::read(place(kept, "edited")).is_ok_and(|now| now == as_served)
        };
        keep(server, variant, kept, is_mended).await;
        assert!(place(kept, "left").exists());
        end((running, tasks)).await.unwrap();
    }
}

/// Both halves with real clocks: the server's heartbeats, and the client's count.
#[tokio::test(flavor = "multi_thread")]
async fn file_with_a_time_to_live_goes_with_its_server_and_comes_back_with_it() {
    for variant in [Variant::Delta, Variant::Sotw] {
        let (mesh, kept) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let timed = route("timed", "v1")
            .replace("  namespace: shop\n", "  namespace: shop\n  annotations: {mainsheet.io/xds-ttl: 1s}\n");
        write(mesh.path(), "timed.yaml", &timed);
        write(mesh.path(), "left.yaml", &route("left", "v1"));
        let first = app::start(&settings(&[mesh.path().into()])).await.unwrap();
        ready(&first.0).await;
        let (server, kept) = (first.0.grpc_addr(), kept.path());
        let is_there = |name: &str| place(kept, name).exists();
        // One client through it all.
        let story = async {
            until(|| is_there("timed") && is_there("left")).await;
            end(first).await.unwrap();
            until(|| !is_there("timed")).await;
            assert!(is_there("left"), "it has no time to live");
            let again = Settings { grpc_addr: server, ..settings(&[mesh.path().into()]) };
            let second = app::start(&again).await.unwrap();
            until(|| is_there("timed")).await;
            end(second).await.unwrap();
        };
        let mut directory = DirectoryApplier::open(kept, Form::Yaml).unwrap();
        let builder = Client::builder(server.to_string(), "keeper").variant(variant);
        let builder = builder.subscribe_kind(Kind::VIRTUAL_SERVICE, Wanted::Everything);
        let mut client = directory.resume(builder).build().unwrap();
        let running = client.run(&mut directory, story);
        tokio::time::timeout(2 * PATIENCE, running).await.expect("in time").unwrap();
    }
}
