//! Servers that follow servers, over loopback.

use std::{path::Path, time::Duration};

use mainsheet_api::{
    kind::Kind,
    validate::CrdRules,
    view::View,
    xds::{Variant, catalog::Catalog},
};
use mainsheet_server::{
    app::{self, Running},
    config::{FollowedServer, GuardMode, Settings, StoreKind},
    task::TaskSet,
};
use tempfile::TempDir;

use crate::{
    app::{PATIENCE, end, ready, settings, start_again},
    http::{get, json},
    layers::until_page,
    rig::{replace, route, write},
};

type Server = (Running, TaskSet);

/// Settings of a server with a name, a folder of its own and upstreams.
fn of(name: &str, folder: Option<&Path>, upstreams: &[&Server]) -> Settings {
    let paths: Vec<_> = folder.into_iter().map(Path::to_owned).collect();
    let upstreams = upstreams.iter().map(|server| at(&server.0.grpc_addr().to_string())).collect();
    let debounce_quiet = Duration::from_millis(10);
    Settings { instance: name.to_owned(), upstreams, debounce_quiet, ..settings(&paths) }
}

fn at(address: &str) -> FollowedServer {
    FollowedServer::at(address).unwrap()
}

async fn start(settings: &Settings) -> Server {
    app::start(settings).await.unwrap()
}

/// Waits until one server serves exactly what another does, at the same versions.
async fn until_same(one: &Running, other: &Running) {
    let versions = |server: &Running| {
        let snapshot = server.snapshot();
        Kind::all().map(|kind| snapshot.version(kind, &View::everything())).collect::<Vec<_>>()
    };
    let so = async {
        while versions(one) != versions(other) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, so).await;
    assert!(in_time.is_ok(), "{:?} is not {:?}", names(other), names(one));
}

/// Names of the routes that are served.
fn names(server: &Running) -> Vec<String> {
    let snapshot = server.snapshot().0;
    let routes = snapshot.all_served().filter(|held| held.key.kind == Kind::VIRTUAL_SERVICE);
    let mut names: Vec<_> = routes.map(|held| held.key.name.to_string()).collect();
    names.sort();
    names
}

async fn until_names(server: &Running, expected: &[&str]) {
    let so = async {
        while names(server) != expected {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, so).await;
    assert!(in_time.is_ok(), "{:?}, not {expected:?}", names(server));
}

/// Waits until the first source that is a server is shown so.
async fn until_upstream(server: &Running, so: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
    let upstream = |page: &serde_json::Value| {
        page.as_array()
            .unwrap()
            .iter()
            .find(|source| source["source"].as_str().unwrap().starts_with("xds:"))
            .cloned()
    };
    let page =
        until_page(server, "/debug/sources", |page| upstream(page).is_some_and(|source| so(&source))).await;
    upstream(&page).unwrap()
}

fn reason(source: &serde_json::Value) -> &str {
    source["unreadable"][0].as_str().unwrap_or_default()
}

fn routes(names: impl IntoIterator<Item = usize>, host: &str) -> String {
    names.into_iter().map(|n| route(&format!("r{n:02}"), host)).collect::<Vec<_>>().join("---\n")
}

const CLUSTER: &str =
    "\"@type\": type.googleapis.com/envoy.config.cluster.v3.Cluster\nname: c\nmainsheet.io/namespace: edge\n";

#[tokio::test(flavor = "multi_thread")]
async fn chain_of_three_serves_the_same_versions_at_its_end_as_at_its_beginning() {
    for variant in [Variant::Delta, Variant::Sotw] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.yaml", &route("a", "x"));
        write(
            folder.path(),
            "b.yaml",
            &route("b", "x").replace("  name: b\n", "  name: b\n  labels: {app: b}\n"),
        );
        write(folder.path(), "rule.yaml", RULE);
        write(folder.path(), "c.yaml", CLUSTER);
        let hub = start(&of("hub", Some(folder.path()), &[])).await;
        let follow = |name: &str, server: &Server| {
            let mut settings = of(name, None, &[server]);
            settings.upstreams[0].variant = variant;
            settings.upstreams[0].kinds = Some(
                [Kind::VIRTUAL_SERVICE, Kind::VALIDATION_RULE]
                    .into_iter()
                    .chain((variant == Variant::Delta).then_some(Kind::CLUSTER))
                    .collect(),
            );
            settings
        };
        let relay = start(&follow("relay", &hub)).await;
        let end_of_chain = start(&follow("end", &relay)).await;
        ready(&end_of_chain.0).await;
        if variant == Variant::Sotw {
            std::fs::remove_file(folder.path().join("c.yaml")).unwrap();
        }
        until_same(&hub.0, &end_of_chain.0).await;
        let source = &end_of_chain.0.snapshot().0.sources().next().unwrap().clone();
        let layer = end_of_chain.0.snapshot().0.layer(source);
        let held = layer.iter().find(|held| &*held.key.name == "b").unwrap();
        assert_eq!(held.provenance.to_string(), "VirtualService/shop/b");

        replace(folder.path(), "a.yaml", &route("a", "y"));
        std::fs::remove_file(folder.path().join("b.yaml")).unwrap();
        write(folder.path(), "d.yaml", &route("d", "x"));
        until_names(&end_of_chain.0, &["a", "d"]).await;
        until_same(&hub.0, &end_of_chain.0).await;
        for server in [end_of_chain, relay, hub] {
            end(server).await.unwrap();
        }
    }
}

/// A rule of one's own, so that a relay judges everything anew when it comes.
const RULE: &str = "apiVersion: mainsheet.io/v1\nkind: ValidationRule\nmetadata: {name: r, namespace: istio-system}\n\
spec:\n  kinds: [VirtualService]\n  expression: object.metadata.name != 'never'\n  message: no\n";

#[tokio::test(flavor = "multi_thread")]
async fn paths_are_stronger_than_servers_that_are_followed() {
    let (hub_folder, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(hub_folder.path(), "a.yaml", &format!("{}---\n{}", route("both", "hub"), route("hub", "hub")));
    write(own.path(), "a.yaml", &route("both", "own"));
    let hub = start(&of("hub", Some(hub_folder.path()), &[])).await;
    let relay = start(&of("relay", Some(own.path()), &[&hub])).await;
    ready(&relay.0).await;
    until_names(&relay.0, &["both", "hub"]).await;
    let served =
        |name: &str| relay.0.snapshot().0.served(Kind::VIRTUAL_SERVICE, &format!("shop/{name}")).unwrap();
    assert!(served("both").source.0.starts_with("files:"));
    assert_eq!(&*served("hub").source.0, format!("xds:{}", hub.0.grpc_addr()));
    std::fs::remove_file(own.path().join("a.yaml")).unwrap();
    until_same(&hub.0, &relay.0).await;
    end(relay).await.unwrap();
    end(hub).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_is_away_changes_nothing_and_is_caught_up_with_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.yaml", &routes(0..3, "x"));
    let hub = start(&of("hub", Some(folder.path()), &[])).await;
    let address = hub.0.grpc_addr();
    let relay = start(&of("relay", None, &[&hub])).await;
    ready(&relay.0).await;
    let page = until_upstream(&relay.0, |source| source["upstream"]["connected"] == true).await;
    assert_eq!((&page["upstream"]["offered"], &page["resources"]), (&3.into(), &3.into()), "{page}");
    end(hub).await.unwrap();

    let page = until_upstream(&relay.0, |source| reason(source).contains("refused")).await;
    assert_eq!((&page["upstream"]["connected"], &page["resources"]), (&false.into(), &3.into()), "{page}");
    assert_eq!(names(&relay.0), ["r00", "r01", "r02"]);
    let (_, metrics) = get(relay.0.http_addr(), "/metrics").await;
    assert!(
        metrics.contains(&format!("mainsheet_upstream_connected{{source=\"xds:{address}\"}} 0\n")),
        "{metrics}"
    );

    replace(folder.path(), "a.yaml", &routes([0, 2, 3], "y"));
    let hub = start(&Settings { grpc_addr: address, ..of("hub", Some(folder.path()), &[]) }).await;
    until_names(&relay.0, &["r00", "r02", "r03"]).await;
    until_same(&hub.0, &relay.0).await;
    end(relay).await.unwrap();
    end(hub).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_comes_back_almost_empty_meets_the_shrink_guard() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.yaml", &routes(0..30, "x"));
    let hub = start(&of("hub", Some(folder.path()), &[])).await;
    let address = hub.0.grpc_addr();
    let relay = start(&Settings { guard_mode: GuardMode::Stay, ..of("relay", None, &[&hub]) }).await;
    ready(&relay.0).await;
    end(hub).await.unwrap();
    replace(folder.path(), "a.yaml", &routes([3, 40], "x"));
    let hub = start(&Settings { grpc_addr: address, ..of("hub", Some(folder.path()), &[]) }).await;
    let intake = relay.0.intake();
    let mut holds = intake.holds.clone();
    let held = tokio::time::timeout(PATIENCE, holds.wait_for(|holds| !holds.is_empty()))
        .await
        .unwrap()
        .unwrap()
        .clone();
    assert_eq!(held[0].gone.len(), 29);
    assert_eq!(names(&relay.0).len(), 31, "what is new is there, what is gone is not gone");
    intake.confirm(held[0].source.clone()).await.unwrap();
    until_same(&hub.0, &relay.0).await;
    end(relay).await.unwrap();
    end(hub).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn relay_that_was_restarted_serves_at_once_and_asks_only_for_what_changed() {
    let (folder, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(folder.path(), "a.yaml", &routes(0..40, "x"));
    write(folder.path(), "b.yaml", &route("b", "x"));
    let hub = start(&of("hub", Some(folder.path()), &[])).await;
    let redb = |relay: Settings| Settings { store: StoreKind::Redb, data_dir: data.path().into(), ..relay };
    let relay_settings = redb(of("relay", None, &[&hub]));
    let relay = start(&relay_settings).await;
    ready(&relay.0).await;
    let revision = relay.0.snapshot().revision();
    end(relay).await.unwrap();

    std::fs::remove_file(folder.path().join("b.yaml")).unwrap();
    until_names(&hub.0, &names_of(0..40)).await;
    let pushed = pushed(&hub).await;
    let relay = start_again(&relay_settings).await;
    until_same(&hub.0, &relay.0).await;
    assert_eq!(relay.0.snapshot().revision(), revision.next(), "one commit, of what is gone");
    assert_eq!(self::pushed(&hub).await, pushed, "nothing that was held was sent again");
    let address = hub.0.grpc_addr();
    end(relay).await.unwrap();
    end(hub).await.unwrap();

    let relay = start_again(&relay_settings).await;
    ready(&relay.0).await;
    assert_eq!(names(&relay.0).len(), 40, "served without {address}");
    end(relay).await.unwrap();
}

fn names_of(numbers: std::ops::Range<usize>) -> Vec<&'static str> {
    numbers.map(|n| &*Box::leak(format!("r{n:02}").into_boxed_str())).collect()
}

/// VirtualServices that a server has sent so far.
async fn pushed(server: &Server) -> String {
    let (_, metrics) = get(server.0.http_addr(), "/metrics").await;
    let row = metrics
        .lines()
        .find(|line| line.starts_with("mainsheet_push_resources_total{kind=\"VirtualService\"}"));
    row.unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn long_answer_in_parts_is_taken_in_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    // About 5 MiB: three delta responses.
    let long = (0..50).map(|n| {
        let name = format!("  name: r{n:02}\n");
        let annotation = format!("{name}  annotations: {{note: {}}}\n", "x".repeat(100 << 10));
        route(&format!("r{n:02}"), "x").replace(&name, &annotation)
    });
    let long = long.collect::<Vec<_>>().join("---\n");
    write(folder.path(), "a.yaml", &long);
    let hub = start(&of("hub", Some(folder.path()), &[])).await;
    ready(&hub.0).await;
    let relay = start(&of("relay", None, &[&hub])).await;
    ready(&relay.0).await;
    assert_eq!((names(&relay.0).len(), relay.0.snapshot().revision().0), (50, 1));
    until_same(&hub.0, &relay.0).await;
    end(relay).await.unwrap();
    end(hub).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn resource_that_the_relay_refuses_is_nacked_by_name_and_its_neighbours_are_taken() {
    for variant in [Variant::Delta, Variant::Sotw] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.yaml", &format!("{}---\n{}", route("bad", "x"), route("good", "x")));
        let hub = start(&of("hub", Some(folder.path()), &[])).await;
        let mut strict = Settings { crd_rules: CrdRules::Deny, ..of("relay", None, &[&hub]) };
        strict.upstreams[0].variant = variant;
        let relay = start(&strict).await;
        ready(&relay.0).await;
        until_names(&relay.0, &["bad", "good"]).await;
        let label = |text: &str| format!("  name: bad\n  labels: {{{text}: b}}\n");
        let bad = route("bad", "y").replace("  name: bad\n", &label("\"no label\""));
        replace(
            folder.path(),
            "a.yaml",
            &format!("{bad}---\n{}---\n{}", route("good", "y"), route("new", "x")),
        );
        until_names(&relay.0, &["bad", "good", "new"]).await;

        let version = |server: &Server, name: &str| {
            let served = server.0.snapshot().0.served(Kind::VIRTUAL_SERVICE, &format!("shop/{name}"));
            served.map(|held| held.version.clone())
        };
        assert_eq!(version(&relay, "good"), version(&hub, "good"));
        assert_ne!(version(&relay, "bad"), version(&hub, "bad"), "the last good stays");
        let refused = |page: &serde_json::Value| page.to_string().contains("resource shop/bad: ");
        until_page(&hub.0, "/debug/syncz", refused).await;
        let page = until_upstream(&relay.0, |source| source["errors"][0].is_object()).await;
        assert_eq!(
            (&page["errors"][0]["file"], &page["errors"][0]["resource"]),
            (&"VirtualService/shop/bad".into(), &"VirtualService shop/bad".into()),
            "{page}"
        );

        replace(folder.path(), "a.yaml", &route("good", "z"));
        until_same(&hub.0, &relay.0).await;
        until_upstream(&relay.0, |source| !source["errors"][0].is_object()).await;
        end(relay).await.unwrap();
        end(hub).await.unwrap();
    }
}

/// A port that nobody has, for a server that another one must know before it starts.
fn free_address() -> std::net::SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_follow_each_other_are_refused_on_both_sides_and_lose_nothing() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let addresses = [(); 2].map(|()| free_address());
    let own = |n: usize, folder: &TempDir| {
        write(folder.path(), "own.yaml", &route(["a", "b"][n], "x"));
        let mut settings = of(["first", "second"][n], Some(folder.path()), &[]);
        (settings.grpc_addr, settings.upstreams) = (addresses[n], vec![at(&addresses[1 - n].to_string())]);
        settings
    };
    let servers = [start(&own(0, &folders[0])).await, start(&own(1, &folders[1])).await];
    for (n, server) in servers.iter().enumerate() {
        let page = until_upstream(&server.0, |source| reason(source).contains("a loop: ")).await;
        let other = ["second", "first"][n];
        let own = ["first", "second"][n];
        assert!(
            reason(&page).contains(&format!("gets its configuration from `{own}~")),
            "{other} says: {page}"
        );
        ready(&server.0).await;
        assert_eq!(names(&server.0), [["a"], ["b"]][n], "served without waiting for each other");
    }
    for server in servers {
        end(server).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ring_of_three_is_found_out_whoever_starts_first() {
    let addresses = [(); 3].map(|()| free_address());
    let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let mut servers = Vec::new();
    for n in 0..3 {
        write(folders[n].path(), "own.yaml", &route(&format!("r{n}"), "x"));
        let mut settings = of(&format!("s{n}"), Some(folders[n].path()), &[]);
        (settings.grpc_addr, settings.upstreams) =
            (addresses[n], vec![at(&addresses[(n + 1) % 3].to_string())]);
        servers.push(start(&settings).await);
    }
    for server in &servers {
        until_upstream(&server.0, |source| reason(source).contains("a loop: ")).await;
        ready(&server.0).await;
    }
    for server in servers {
        end(server).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_follows_itself_is_told_so_and_serves_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.yaml", &route("a", "x"));
    let address = free_address();
    let itself = vec![at(&address.to_string())];
    let settings =
        Settings { grpc_addr: address, upstreams: itself, ..of("alone", Some(folder.path()), &[]) };
    let server = start(&settings).await;
    until_upstream(&server.0, |source| reason(source).contains("is this server itself")).await;
    ready(&server.0).await;
    assert_eq!(names(&server.0), ["a"]);
    end(server).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_comes_again_when_the_rules_change_by_which_it_is_judged() {
    let (folder, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(folder.path(), "a.yaml", &format!("{}---\n{}", route("a", "x"), route("never", "x")));
    let hub = start(&of("hub", Some(folder.path()), &[])).await;
    let relay = start(&of("relay", Some(own.path()), &[&hub])).await;
    ready(&relay.0).await;
    until_names(&relay.0, &["a", "never"]).await;
    write(own.path(), "rule.yaml", RULE);
    let page = until_upstream(&relay.0, |source| source["errors"][0].is_object()).await;
    assert_eq!(page["errors"][0]["resource"], "VirtualService shop/never", "{page}");
    assert_eq!(names(&relay.0), ["a", "never"], "the last good stays");
    assert_eq!(json(relay.0.http_addr(), "/debug/clashes").await, serde_json::json!([]));
    end(relay).await.unwrap();
    end(hub).await.unwrap();
}
