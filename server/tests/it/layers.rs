//! Several paths, each a source with a layer of its own.

use std::{path::PathBuf, time::Duration};

use mainsheet_api::{codec::UnknownFields, kind::Kind, resource::SourceName};
use mainsheet_cache::snapshot::Snapshot;
use mainsheet_server::{
    app::Running,
    config::{GuardMode, ServedPath, Settings, StoreKind},
    source::file::source_name,
    task::TaskSet,
};
use tempfile::TempDir;

use crate::{
    app::{PATIENCE, end, ready, settings, start_again},
    http::{get, json},
    rig::{route, write},
};

/// Folders below one that is removed in the end, and a store beside them.
struct House(TempDir);

impl House {
    /// Folders, each with these routes, which lead to where they are from.
    fn new<const N: usize>(folders: [(&str, &[&str]); N]) -> Self {
        let house = Self(tempfile::tempdir().unwrap());
        for (folder, routes) in folders {
            std::fs::create_dir_all(house.path(folder)).unwrap();
            for name in routes {
                write(&house.path(folder), &format!("{name}.yaml"), &route(name, folder));
            }
        }
        house
    }

    fn path(&self, folder: &str) -> PathBuf {
        self.0.path().join(folder)
    }

    fn source(&self, folder: &str) -> SourceName {
        source_name(&self.path(folder))
    }

    async fn start(&self, folders: &[&str]) -> (Running, TaskSet) {
        self.start_with(folders, Settings::default().guard_mode).await
    }

    async fn start_with(&self, folders: &[&str], guard_mode: GuardMode) -> (Running, TaskSet) {
        let paths: Vec<PathBuf> = folders.iter().map(|folder| self.path(folder)).collect();
        let (store, data_dir) = (StoreKind::Redb, self.path("data"));
        let quick = Duration::from_millis(10);
        let base = settings(&paths);
        start_again(&Settings { store, data_dir, guard_mode, debounce_quiet: quick, ..base }).await
    }

    /// Which routes are served, and from which folder.
    fn served(&self, snapshot: &Snapshot) -> Vec<(String, String)> {
        let mut served: Vec<_> = snapshot
            .sources()
            .flat_map(|source| snapshot.layer(source).iter().cloned().collect::<Vec<_>>())
            .filter_map(|held| snapshot.served(Kind::VIRTUAL_SERVICE, &held.key.wire_name()))
            .map(|held| (held.key.name.to_string(), self.folder(&held.source)))
            .collect();
        served.sort();
        served.dedup();
        served
    }

    fn folder(&self, source: &SourceName) -> String {
        let below = source.0.strip_prefix(&*source_name(self.0.path()).0).unwrap();
        below.trim_start_matches('/').to_owned()
    }

    /// Waits until exactly these routes are served from these folders.
    async fn until(&self, running: &Running, expected: &[(&str, &str)]) {
        let expected: Vec<_> = expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let so = async {
            while self.served(&running.snapshot().0) != expected {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, so).await;
        assert!(in_time.is_ok(), "{:?}, not {expected:?}", self.served(&running.snapshot().0));
    }

    async fn until_forgotten(&self, running: &Running, folder: &str) {
        let source = self.source(folder);
        let so = async {
            while running.snapshot().0.sources().any(|other| *other == source) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, so).await.unwrap_or_else(|_| panic!("{folder} is still there"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn path_that_is_named_first_wins_and_the_next_one_takes_over_when_it_goes() {
    let house = House::new([("z-strong", &["both", "mine"]), ("a-weak", &["both", "other"])]);
    let server = house.start(&["z-strong", "a-weak"]).await;
    ready(&server.0).await;
    let all = [("both", "z-strong"), ("mine", "z-strong"), ("other", "a-weak")];
    house.until(&server.0, &all).await;
    std::fs::remove_file(house.path("z-strong/both.yaml")).unwrap();
    house.until(&server.0, &[("both", "a-weak"), ("mine", "z-strong"), ("other", "a-weak")]).await;
    write(&house.path("z-strong"), "both.yaml", &route("both", "again"));
    house.until(&server.0, &all).await;
    end(server).await.unwrap();

    let server = house.start(&["a-weak", "z-strong"]).await;
    house.until(&server.0, &[("both", "a-weak"), ("mine", "z-strong"), ("other", "a-weak")]).await;
    end(server).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn clashes_are_shown_until_they_are_over() {
    let house = House::new([("strong", &["both", "mine"]), ("weak", &["both"])]);
    let (running, tasks) = house.start(&["strong", "weak"]).await;
    ready(&running).await;
    let place = |folder: &str| {
        let (resource, source) = ("VirtualService shop/both", house.source(folder).to_string());
        serde_json::json!({"resource": resource, "source": source, "origin": "both.yaml", "line": 1})
    };
    let expected = serde_json::json!([{"served": place("strong"), "hidden": [place("weak")]}]);
    assert_eq!(json(running.http_addr(), "/debug/clashes").await, expected);
    let (_, metrics) = get(running.http_addr(), "/metrics").await;
    assert!(metrics.contains("\nmainsheet_clashes 1\n"), "{metrics}");

    std::fs::remove_file(house.path("strong/both.yaml")).unwrap();
    house.until(&running, &[("both", "weak"), ("mine", "strong")]).await;
    assert_eq!(json(running.http_addr(), "/debug/clashes").await, serde_json::json!([]));
    let (_, metrics) = get(running.http_addr(), "/metrics").await;
    assert!(metrics.contains("\nmainsheet_clashes 0\n"), "{metrics}");
    end((running, tasks)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_page_tells_what_of_each_path_cannot_be_taken_in() {
    let house = House::new([("here", &["a", "b"]), ("gone", &["c"])]);
    let (running, tasks) = house.start(&["here", "gone"]).await;
    house.until(&running, &[("a", "here"), ("b", "here"), ("c", "gone")]).await;
    write(
        &house.path("here"),
        "bad.yaml",
        &format!("# a route\n{}", route("d", "x").replace("hosts", "host")),
    );
    std::fs::rename(house.path("gone"), house.path("elsewhere")).unwrap();
    let so =
        |page: &serde_json::Value| page[0]["errors"][0].is_object() && page[1]["unreadable"][0].is_string();
    let page = until_page(&running, "/debug/sources", so).await;
    let [here, gone] = &page.as_array().unwrap()[..] else { panic!("{page}") };
    assert_eq!(
        (&here["source"], &here["path"]),
        (&house.source("here").to_string().into(), &house.path("here").to_str().into())
    );
    assert_eq!((&here["files"], &here["resources"]), (&3.into(), &2.into()), "{here}");
    let error = &here["errors"][0];
    assert_eq!(
        (&error["file"], &error["resource"]),
        (&"bad.yaml".into(), &"VirtualService shop/d".into()),
        "{error}"
    );
    assert!(
        error["line"].as_u64() > Some(2) && error["reason"].as_str().unwrap().contains("host"),
        "{error}"
    );
    assert!(here["last_scan"].as_str().unwrap().starts_with("20"), "{here}");
    assert_eq!(
        (&gone["resources"], &gone["errors"]),
        (&1.into(), &serde_json::json!([])),
        "what is known stays: {gone}"
    );
    let (_, metrics) = get(running.http_addr(), "/metrics").await;
    let line = format!("mainsheet_source_unreadable_paths{{source=\"{}\"}} 1\n", house.source("gone"));
    assert!(metrics.contains(&line), "{metrics}");
    assert!(metrics.contains("mainsheet_intake_seconds_total{step=\"read\"} 0."), "{metrics}");

    std::fs::rename(house.path("elsewhere"), house.path("gone")).unwrap();
    std::fs::remove_file(house.path("here/bad.yaml")).unwrap();
    let so =
        |page: &serde_json::Value| !page[0]["errors"][0].is_object() && !page[1]["unreadable"][0].is_string();
    until_page(&running, "/debug/sources", so).await;
    end((running, tasks)).await.unwrap();
}

/// Waits until a page says so.
pub(crate) async fn until_page(
    running: &Running,
    path: &str,
    so: impl Fn(&serde_json::Value) -> bool,
) -> serde_json::Value {
    let looking = async {
        loop {
            let page = json(running.http_addr(), path).await;
            if so(&page) {
                return page;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.expect("the page says so in time")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_path_is_awaited() {
    let house = House::new([("here", &["a"])]);
    let (running, tasks) = house.start(&["here", "there"]).await;
    house.until(&running, &[("a", "here")]).await;
    let soon = tokio::time::timeout(Duration::from_millis(100), running.ready()).await;
    assert!(soon.is_err(), "ready before `there` was");
    write(&house.path("there"), "b.yaml", &route("b", "x"));
    ready(&running).await;
    house.until(&running, &[("a", "here"), ("b", "there")]).await;
    end((running, tasks)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_path_held_goes_when_it_is_no_longer_given() {
    let house = House::new([("kept", &["a"]), ("left", &["b"])]);
    let server = house.start(&["kept", "left"]).await;
    ready(&server.0).await;
    house.until(&server.0, &[("a", "kept"), ("b", "left")]).await;
    end(server).await.unwrap();

    let server = house.start(&["kept"]).await;
    house.until_forgotten(&server.0, "left").await;
    house.until(&server.0, &[("a", "kept")]).await;
    end(server).await.unwrap();

    // Configured again it is new: awaited before anything is served.
    std::fs::rename(house.path("left"), house.path("away")).unwrap();
    let server = house.start(&["kept", "left"]).await;
    let soon = tokio::time::timeout(Duration::from_millis(100), server.0.ready()).await;
    assert!(soon.is_err(), "ready without a path that was forgotten");
    std::fs::rename(house.path("away"), house.path("left")).unwrap();
    ready(&server.0).await;
    house.until(&server.0, &[("a", "kept"), ("b", "left")]).await;
    end(server).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_moved_to_another_path_is_never_missing() {
    let house = House::new([("old", &["a", "b"])]);
    let server = house.start(&["old"]).await;
    ready(&server.0).await;
    let versions = |running: &Running| {
        let name = |name: &str| format!("shop/{name}");
        ["a", "b"].map(|route| {
            running.snapshot().0.served(Kind::VIRTUAL_SERVICE, &name(route)).map(|held| held.version.clone())
        })
    };
    let before = versions(&server.0);
    assert!(before.iter().all(Option::is_some));
    end(server).await.unwrap();

    std::fs::rename(house.path("old"), house.path("new")).unwrap();
    let server = house.start(&["new"]).await;
    let watched = async {
        loop {
            assert_eq!(versions(&server.0), before);
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = watched => {}
        () = house.until_forgotten(&server.0, "old") => {}
    }
    assert_eq!(versions(&server.0), before);
    house.until(&server.0, &[("a", "new"), ("b", "new")]).await;
    end(server).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn much_that_a_path_held_which_is_no_longer_given_is_held_by_the_shrink_guard() {
    let routes: Vec<String> = (0..20).map(|n| format!("r{n:02}")).collect();
    let routes: Vec<&str> = routes.iter().map(String::as_str).collect();
    let house = House::new([("kept", &["a"]), ("left", &routes)]);
    let server = house.start(&["kept", "left"]).await;
    ready(&server.0).await;
    end(server).await.unwrap();

    let server = house.start_with(&["kept"], GuardMode::Stay).await;
    let mut holds = server.0.intake().holds.clone();
    let held = tokio::time::timeout(PATIENCE, holds.wait_for(|holds| !holds.is_empty())).await;
    let held = held.expect("a hold in time").unwrap()[0].clone();
    assert_eq!((held.source, held.have, held.gone.len()), (house.source("left"), 20, 20));
    assert_eq!(house.served(&server.0.snapshot().0).len(), 21);
    server.0.intake().confirm(house.source("left")).await.unwrap();
    house.until(&server.0, &[("a", "kept")]).await;
    end(server).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_path_takes_unknown_fields_in_its_own_way() {
    let house = House::new([("strict", &["a"]), ("warn", &[]), ("ignore", &[])]);
    let odd = |name: &str| route(name, "x").replace("spec:\n", "spec:\n  colour: red\n");
    for folder in ["strict", "warn", "ignore"] {
        write(&house.path(folder), "odd.yaml", &odd(&format!("of-{folder}")));
    }
    let modes =
        [("strict", None), ("warn", Some(UnknownFields::Warn)), ("ignore", Some(UnknownFields::Ignore))];
    let paths = modes.map(|(folder, unknown_fields)| {
        let path = house.path(folder);
        ServedPath { path, unknown_fields, ..ServedPath::default() }
    });
    let server = start_again(&Settings { paths: paths.to_vec(), ..settings(&[]) }).await;
    ready(&server.0).await;
    house.until(&server.0, &[("a", "strict"), ("of-ignore", "ignore"), ("of-warn", "warn")]).await;

    let snapshot = server.0.snapshot().0;
    let held = |name: &str| snapshot.served(Kind::VIRTUAL_SERVICE, &format!("shop/{name}")).unwrap();
    let warnings: Vec<String> = held("of-warn").warnings.iter().map(ToString::to_string).collect();
    let expected = "spec.colour: no field is named `colour` here; known here: hosts, gateways, http, tcp, tls, exportTo [unknown-field]";
    assert_eq!(warnings, [expected]);
    assert_eq!(held("of-ignore").warnings, []);
    let rejected = server.0.intake().verdicts.rejected();
    let rejected: Vec<_> = rejected.iter().map(|one| (&one.source, one.findings[0].to_string())).collect();
    assert_eq!(rejected, [(&house.source("strict"), expected.to_owned())]);
    end(server).await.unwrap();
}
