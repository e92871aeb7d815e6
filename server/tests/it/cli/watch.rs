use std::fs;

use serde_json::Value;

use super::rig::{Served, Started, folder, lasting_address, normalized, route, write};

fn next(watch: &Started) -> String {
    normalized(&watch.line()).trim_end().to_owned()
}

/// The next object of a kind of event; others are passed over.
fn next_object(watch: &Started, event: &str) -> Value {
    loop {
        let object: Value = serde_json::from_str(&watch.line()).unwrap();
        if object["event"] == event {
            return object;
        }
    }
}

#[test]
fn changes_are_printed_as_they_come_in_both_variants() {
    for variant in [&[][..], &["--delta"]] {
        let folder = folder(&[("mesh/a.yaml", &route("shop", "reviews", "reviews"))]);
        let served = Served::start(&folder, &[]);
        let args: Vec<&str> =
            ["watch", "vs", "--server", &served.grpc].iter().chain(variant).copied().collect();
        let watch = Started::new(&folder, &args);
        assert_eq!(watch.error(), format!("connected to `{}`", served.grpc));
        assert_eq!(next(&watch), "added   VirtualService shop/reviews VERSION");
        write(&folder, "mesh/b.yaml", &route("shop", "ratings", "ratings"));
        assert_eq!(next(&watch), "added   VirtualService shop/ratings VERSION");
        write(&folder, "mesh/a.yaml", &route("shop", "reviews", "elsewhere"));
        assert_eq!(next(&watch), "changed VirtualService shop/reviews VERSION");
        fs::remove_file(folder.path().join("mesh/b.yaml")).unwrap();
        assert_eq!(next(&watch), "removed VirtualService shop/ratings");
        assert_eq!(watch.end("-INT"), (0, Vec::new()));
    }
}

#[test]
fn without_kinds_everything_is_followed() {
    let gateway = "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: door, namespace: shop}\nspec:\n  \
                   servers:\n  - port: {number: 80, name: http, protocol: HTTP}\n    hosts: ['*']\n";
    let folder = folder(&[("mesh/a.yaml", &route("shop", "reviews", "reviews")), ("mesh/b.yaml", gateway)]);
    let served = Served::start(&folder, &[]);
    let watch = Started::new(&folder, &["watch", "--server", &served.grpc]);
    let mut lines = [next(&watch), next(&watch)];
    lines.sort();
    assert_eq!(lines, ["added   Gateway shop/door VERSION", "added   VirtualService shop/reviews VERSION"]);
}

#[test]
fn restarted_server_is_found_again_and_only_what_changed_is_printed() {
    let folder = folder(&[("mesh/a.yaml", &route("shop", "reviews", "reviews"))]);
    let grpc = lasting_address();
    let served = Served::start_at(&grpc, &folder, &["--data-dir", "data"]);
    let watch = Started::new(&folder, &["watch", "vs", "--delta", "-o", "json", "--server", &grpc]);
    assert_eq!(next_object(&watch, "connected")["server"], grpc.as_str());
    let added = next_object(&watch, "added");
    assert_eq!(
        (added["kind"].as_str(), added["name"].as_str()),
        (Some("VirtualService"), Some("shop/reviews"))
    );
    assert_eq!(added["version"].as_str().unwrap().len(), 32);

    assert_eq!(served.process.end("-TERM").0, 0);
    next_object(&watch, "disconnected");
    write(&folder, "mesh/b.yaml", &route("shop", "ratings", "ratings"));
    let _served = Served::start_at(&grpc, &folder, &["--data-dir", "data"]);
    next_object(&watch, "connected");
    let next: Value = serde_json::from_str(&watch.line()).unwrap();
    assert_eq!((next["event"].as_str(), next["name"].as_str()), (Some("added"), Some("shop/ratings")));
}
