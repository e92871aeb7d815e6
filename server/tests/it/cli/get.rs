use std::net::TcpListener;

use axum::body::Body;
use mainsheet_api::{
    generated::istio::networking::v1alpha3::VirtualService,
    key::Key,
    kind::Kind,
    resource::Resource,
    time::Timestamp,
    wire::{Any, DiscoveryResponse, Entry, message_frame},
};
use prost::Message as _;
use tokio_stream::StreamExt as _;

use super::rig::{Ended, Served, Started, folder, lasting_address, normalized, route, run, run_with};

/// Text with one blank between words, and without versions and ages.
fn squeezed(text: &str) -> String {
    let line = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n";
    normalized(&text.lines().map(line).collect::<String>())
}

const CLUSTER: &str = "\
\"@type\": type.googleapis.com/envoy.config.cluster.v3.Cluster
name: backend
type: STATIC
connect_timeout: 1s
load_assignment:
  cluster_name: backend
";

fn mesh() -> tempfile::TempDir {
    folder(&[
        ("mesh/a.yaml", &route("default", "plain", "plain")),
        ("mesh/b.yaml", &route("shop", "reviews", "reviews")),
        ("mesh/c.yaml", &route("shop", "ratings", "ratings")),
        ("mesh/cluster.yaml", CLUSTER),
    ])
}

fn got(folder: &tempfile::TempDir, served: &Served, args: &[&str]) -> Ended {
    let args: Vec<&str> = ["get", "--server", &served.grpc].iter().chain(args).copied().collect();
    run(folder, &args)
}

#[test]
fn table_is_of_one_namespace_or_of_all() {
    let folder = mesh();
    let served = Served::start(&folder, &[]);
    let table = |args: &[&str]| {
        let ended = got(&folder, &served, args);
        assert_eq!((ended.code, ended.err.as_str()), (0, ""));
        squeezed(&ended.out)
    };
    assert_eq!(table(&["vs"]), "NAME VERSION AGE\nplain VERSION AGE\n");
    assert_eq!(
        table(&["VirtualService", "-n", "shop"]),
        "NAME VERSION AGE\nratings VERSION AGE\nreviews VERSION AGE\n"
    );
    assert_eq!(
        table(&["virtualservices.networking.istio.io", "-A"]),
        "NAMESPACE NAME VERSION AGE\n\
         default plain VERSION AGE\n\
         shop ratings VERSION AGE\n\
         shop reviews VERSION AGE\n"
    );
    assert_eq!(
        table(&["vs", "reviews", "-n", "shop", "-o", "name"]),
        "virtualservice.networking.istio.io/reviews\n"
    );
    assert_eq!(table(&["clusters"]), "NAME VERSION AGE\nbackend VERSION AGE\n");
    assert_eq!(table(&["vs", "reviews", "-A"]), "NAMESPACE NAME VERSION AGE\nshop reviews VERSION AGE\n");
}

#[test]
fn several_kinds_have_a_table_each_and_names_that_tell_them() {
    let folder = mesh();
    let served = Served::start(&folder, &[]);
    let table = |args: &[&str]| squeezed(&got(&folder, &served, args).out);
    let routes = "NAME VERSION AGE\nvirtualservice.networking.istio.io/plain VERSION AGE\n";
    let clusters = "NAME VERSION AGE\ncluster.envoy.mainsheet.io/backend VERSION AGE\n";
    assert_eq!(table(&["all"]), format!("{routes}\n{clusters}"));
    assert_eq!(table(&["vs,cds"]), format!("{routes}\n{clusters}"));
    assert_eq!(table(&["vs/plain", "cds/backend"]), format!("{routes}\n{clusters}"));
    assert_eq!(
        table(&["vs", "ratings", "reviews", "-n", "shop", "-o", "name"]),
        "virtualservice.networking.istio.io/ratings\nvirtualservice.networking.istio.io/reviews\n"
    );
}

#[test]
fn wide_says_where_a_resource_is_from_and_what_it_hides() {
    let folder = folder(&[
        ("mesh/a.yaml", &route("shop", "reviews", "reviews")),
        ("base/b.yaml", &route("shop", "reviews", "elsewhere")),
    ]);
    let served = Served::start(&folder, &["base"]);
    let row = |args: &[&str]| {
        let ended = got(&folder, &served, &[&["vs", "-n", "shop", "-o", "wide"], args].concat());
        squeezed(ended.out.lines().nth(1).unwrap_or(&ended.err))
    };
    let columns = "reviews VERSION AGE REVISION files:mesh a.yaml:1 files:base <none> <none>";
    let told = row(&[]);
    let revision = told.split(' ').nth(3).unwrap().to_owned();
    assert!(revision.parse::<u64>().is_ok_and(|revision| revision > 0), "{told}");
    assert_eq!(told.trim_end().replacen(&format!(" {revision} "), " REVISION ", 1), columns);
    assert!(row(&["--source", "files:base"]).contains(" files:base b.yaml:1 <none> "));
    let labelled = got(&folder, &served, &["vs", "-n", "shop", "--show-labels"]);
    assert!(squeezed(&labelled.out).starts_with("NAME VERSION AGE LABELS\nreviews VERSION AGE <none>\n"));
}

#[test]
fn templates_are_asked_of_the_object_or_of_the_list() {
    let folder = mesh();
    let served = Served::start(&folder, &[]);
    let said = |args: &[&str]| got(&folder, &served, args).out;
    assert_eq!(said(&["vs", "-A", "-o", "jsonpath={.items[*].metadata.name}"]), "plain ratings reviews");
    assert_eq!(said(&["vs", "reviews", "-n", "shop", "-o", "jsonpath={.spec.hosts[0]}"]), "reviews.example");
    let lines = r#"jsonpath={range .items[?(@.metadata.namespace=="shop")]}{.metadata.name}{"\n"}{end}"#;
    assert_eq!(said(&["vs", "-A", "-o", lines]), "ratings\nreviews\n");
    let wrong = got(&folder, &served, &["vs", "-o", "jsonpath={.items[*}"]);
    assert_eq!((wrong.code, wrong.out.as_str()), (2, ""));
    let told = "error: invalid value 'jsonpath={.items[*}' for '-o': column 10 of the template: expected `,`, found `}`\n  \
                {.items[*}\n           ^\n";
    assert_eq!(wrong.err, told);
}

#[test]
fn labels_select() {
    let labelled = route("shop", "reviews", "reviews")
        .replace("  name: reviews", "  labels: {app: web}\n  name: reviews");
    let folder = folder(&[("mesh/a.yaml", &labelled), ("mesh/b.yaml", &route("shop", "ratings", "ratings"))]);
    let served = Served::start(&folder, &[]);
    let names = |args: &[&str]| {
        let ended = got(&folder, &served, &[&["vs", "-n", "shop", "-o", "name"], args].concat());
        ended.out.replace("virtualservice.networking.istio.io/", "") + &ended.err
    };
    assert_eq!(names(&["-l", "app=web"]), "reviews\n");
    assert_eq!(names(&["-l", "app in (web, db)", "--node", "any"]), "reviews\n");
    assert_eq!(names(&["-l", "!app"]), "ratings\n");
    assert_eq!(
        names(&["-l", "app=db"]),
        "no virtualservices found in namespace `shop` with labels `app=db`\n"
    );
    assert!(
        names(&["-l", "app=="]).contains("label_selector")
            || names(&["-l", "in in in"]).starts_with("error: ")
    );
    let shown = got(&folder, &served, &["vs", "-n", "shop", "--show-labels"]).out;
    assert!(shown.contains("   app=web\n"), "{shown}");
}

#[test]
fn revision_that_is_over_can_be_looked_at() {
    let folder = mesh();
    let served = Served::start(&folder, &[]);
    let revision = || got(&folder, &served, &["vs", "reviews", "-n", "shop", "-o", "wide"]).out;
    let before: u64 = revision().lines().nth(1).unwrap().split_whitespace().nth(3).unwrap().parse().unwrap();
    let watch = Started::new(&folder, &["get", "vs", "-n", "shop", "-w", "--server", &served.grpc]);
    (0..3).for_each(|_| drop(watch.line()));
    super::rig::write(&folder, "mesh/b.yaml", &route("shop", "reviews", "elsewhere"));
    watch.line();
    let host = |args: &[&str]| {
        let template = ["vs", "reviews", "-n", "shop", "-o", "jsonpath={..host}"];
        got(&folder, &served, &[&template, args].concat()).out
    };
    assert_eq!(host(&[]), "elsewhere.example");
    assert_eq!(host(&["--revision", &before.to_string()]), "reviews.example");
    let ahead = got(&folder, &served, &["vs", "--revision", "1000"]);
    assert_eq!((ahead.code, ahead.out.as_str()), (1, ""));
    assert!(ahead.err.contains("1000"), "{}", ahead.err);
}

#[test]
fn watch_prints_the_list_and_then_what_becomes_of_it() {
    let folder = mesh();
    let served = Served::start(&folder, &[]);
    let watch = Started::new(&folder, &["get", "vs", "-n", "shop", "-w", "--server", &served.grpc]);
    let next = |watch: &Started| squeezed(&watch.line()).trim_end().to_owned();
    assert_eq!(next(&watch), "EVENT NAME VERSION AGE");
    assert_eq!(next(&watch), "added ratings VERSION AGE");
    assert_eq!(next(&watch), "added reviews VERSION AGE");
    super::rig::write(&folder, "mesh/b.yaml", &route("shop", "reviews", "elsewhere"));
    assert_eq!(next(&watch), "changed reviews VERSION AGE");
    super::rig::write(&folder, "mesh/other.yaml", &route("elsewhere", "other", "other"));
    super::rig::write(&folder, "mesh/d.yaml", &route("shop", "details", "details"));
    assert_eq!(next(&watch), "added details VERSION AGE");
    std::fs::remove_file(folder.path().join("mesh/c.yaml")).unwrap();
    assert_eq!(next(&watch), "removed ratings VERSION AGE");
    assert_eq!(watch.end("-INT"), (0, Vec::new()));

    let objects = Started::new(
        &folder,
        &["get", "vs/details", "-n", "shop", "-w", "-o", "json", "--server", &served.grpc],
    );
    let object: serde_json::Value = serde_json::from_str(&objects.line()).unwrap();
    assert_eq!(
        (object["event"].as_str(), object["object"]["metadata"]["name"].as_str()),
        (Some("added"), Some("details"))
    );
}

#[test]
fn watch_goes_on_when_its_server_is_back() {
    let folder = mesh();
    let grpc = lasting_address();
    let served = Served::start_at(&grpc, &folder, &["--data-dir", "data"]);
    let watch = Started::new(&folder, &["get", "vs", "-n", "shop", "-w", "-o", "name", "--server", &grpc]);
    assert_eq!(watch.line(), "virtualservice.networking.istio.io/ratings");
    assert_eq!(watch.line(), "virtualservice.networking.istio.io/reviews");
    assert_eq!(served.process.end("-TERM").0, 0);
    let said = watch.error();
    assert!(said.ends_with("; trying again"), "{said}");
    super::rig::write(&folder, "mesh/d.yaml", &route("shop", "details", "details"));
    let _served = Served::start_at(&grpc, &folder, &["--data-dir", "data"]);
    assert_eq!(watch.line(), "virtualservice.networking.istio.io/details");
}

#[test]
fn documents_are_what_validate_reads() {
    let folder = mesh();
    let served = Served::start(&folder, &[]);
    let yaml = got(&folder, &served, &["vs", "-A", "-o", "yaml"]);
    assert_eq!(yaml.code, 0);
    assert_eq!(yaml.out.matches("\n---\n").count(), 2, "{}", yaml.out);
    let validated = run_with(&folder, &["validate", "-"], &[], &yaml.out);
    assert_eq!(validated.out, "3 accepted, 0 with warnings, 0 rejected, 0 ignored\n");

    let cluster = got(&folder, &served, &["clusters", "-o", "yaml"]);
    let validated = run_with(&folder, &["validate", "-"], &[], &cluster.out);
    assert_eq!(validated.out, "1 accepted, 0 with warnings, 0 rejected, 0 ignored\n", "{}", cluster.out);
}

#[test]
fn json_is_an_object_by_name_and_a_list_otherwise() {
    let folder = mesh();
    let served = Served::start(&folder, &[]);
    let json = |args: &[&str]| -> serde_json::Value {
        serde_json::from_str(&got(&folder, &served, args).out).expect("JSON")
    };
    let one = json(&["vs", "reviews", "-n", "shop", "-o", "json"]);
    assert_eq!(
        (one["kind"].as_str(), one["metadata"]["name"].as_str()),
        (Some("VirtualService"), Some("reviews"))
    );
    assert_eq!(one["spec"]["http"][0]["route"][0]["destination"]["host"].as_str(), Some("reviews.example"));
    let list = json(&["vs", "-n", "shop", "-o", "json"]);
    assert_eq!((list["kind"].as_str(), list["items"].as_array().map(Vec::len)), (Some("List"), Some(2)));
}

#[test]
fn name_that_is_not_there_is_an_error_and_an_empty_list_is_none() {
    let folder = mesh();
    let served = Served::start(&folder, &[]);
    let told = |args: &[&str]| {
        let ended = got(&folder, &served, args);
        (ended.code, ended.out, ended.err)
    };
    let error = |text: &str| (1, String::new(), format!("error: {text}\n"));
    assert_eq!(
        told(&["vs", "reviews"]),
        error(
            "virtualservices `reviews` not found in namespace `default`; there is one in namespace `shop` (-n shop)"
        )
    );
    assert_eq!(
        told(&["vs", "reveiws", "-n", "shop"]),
        error("virtualservices `reveiws` not found in namespace `shop`; did you mean `reviews`?")
    );
    assert_eq!(told(&["gw", "door"]), error("gateways `door` not found in namespace `default`"));
    let note = |text: &str| (0, String::new(), format!("{text}\n"));
    assert_eq!(told(&["gw", "-A"]), note("no gateways found"));
    assert_eq!(told(&["gw", "-A", "--node", "x"]), note("no gateways found"));
    assert_eq!(
        told(&["vs", "-n", "bank"]),
        note("no virtualservices found in namespace `bank`; other namespaces have some (-A)")
    );
    let (code, out, err) = told(&["vs/plain", "vs/nothing", "-o", "name"]);
    assert_eq!((code, out.as_str()), (1, "virtualservice.networking.istio.io/plain\n"));
    assert_eq!(err, "error: virtualservices `nothing` not found in namespace `default`\n");
}

#[test]
fn node_is_shown_what_the_views_of_the_config_file_say() {
    let folder = mesh();
    let views =
        "views:\n- {nodes: 'shop~*', namespaces: [shop]}\n- {nodes: 'mainsheet-cli~*', namespaces: ['*']}\n";
    super::rig::write(&folder, "m.yaml", views);
    let served = Served::start(&folder, &["--config", "m.yaml"]);
    let names =
        |args: &[&str]| got(&folder, &served, args).out.replace("virtualservice.networking.istio.io/", "");
    assert_eq!(names(&["vs", "-A", "-o", "name"]), "plain\nratings\nreviews\n");
    assert_eq!(names(&["vs", "-A", "-o", "name", "--node", "shop~1"]), "ratings\nreviews\n");
    assert_eq!(names(&["vs", "-A", "-o", "name", "--node", "stranger"]), "");
}

#[test]
fn server_is_found_by_the_environment() {
    let folder = mesh();
    let served = Served::start(&folder, &[]);
    let ended = run_with(&folder, &["get", "vs", "-o", "name"], &[("MAINSHEET_SERVER", &served.grpc)], "");
    assert_eq!(ended.out, "virtualservice.networking.istio.io/plain\n");
}

#[test]
fn unknown_kind_is_a_usage_error_that_names_the_known_ones() {
    let told = |args: &[&str]| {
        let ended = run(&folder(&[]), args);
        assert_eq!((ended.code, ended.out.as_str()), (2, ""));
        ended.err
    };
    assert!(
        told(&["get", "pods"]).starts_with("error: no such kind: `pods`; known are: trafficextensions, ")
    );
    let meant = "error: no such kind: `virtualservce`, did you mean `virtualservices`?; known";
    assert!(told(&["get", "virtualservce"]).starts_with(meant));
    assert!(told(&["get", "vs", "--namespce", "shop"]).contains("a similar argument exists: '--namespace'"));
    assert!(told(&["get", "vs", "-o", "ymal"]).contains("'-o': no such format; did you mean `yaml`?"));
    assert!(told(&["get", "vs", "a", "b", "-w"]).starts_with("error: "));
}

#[test]
fn server_that_is_not_there_is_not_reached() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    for command in [&["get", "vs"][..], &["sinks"], &["status"]] {
        let ended = run(&folder(&[]), &[command, &["--server", &free]].concat());
        assert_eq!((ended.code, ended.out.as_str()), (3, ""));
        let told =
            format!("error: no server at `{free}`: Connection refused (os error 111)\n  start one with ");
        assert!(ended.err.starts_with(&told), "{}", ended.err);
    }
}

#[test]
fn server_that_is_not_ready_says_what_it_awaits() {
    let folder = folder(&[]);
    let args = ["serve", "nowhere", "--store", "memory", "--log-format", "json"];
    let ports = ["--grpc-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0"];
    let served = Started::new(&folder, &[&args[..], &ports].concat());
    let listening = served.logged("listening");
    let grpc = listening["grpc"].as_str().unwrap();
    let ended = run(&folder, &["get", "vs", "--server", grpc]);
    assert_eq!((ended.code, ended.out.as_str()), (3, ""));
    let told = format!("error: the server at `{grpc}` does not answer: not ready: ");
    assert!(ended.err.starts_with(&told) && ended.err.contains("source files:nowhere"), "{}", ended.err);

    let status = run(&folder, &["status", "--server", grpc]);
    assert_eq!((status.code, status.err.as_str()), (3, ""));
    assert!(
        status.out.starts_with("ready      no, awaiting access, source files:nowhere\n"),
        "{}",
        status.out
    );
}

#[test]
fn server_that_does_not_answer_in_time_ends_with_a_code_of_its_own() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    for node in [&[][..], &["--node", "x"]] {
        let args = [&["get", "vs", "--server", &address, "--timeout", "200ms"], node].concat();
        let err = format!("error: no answer from `{address}` within 200ms\n");
        assert_eq!(run(&folder(&[]), &args), Ended { code: 3, out: String::new(), err });
    }
}

/// A server that speaks ADS, and nothing else of ours.
fn another_server() -> (tokio::runtime::Runtime, String) {
    let resource = Resource {
        key: Key::new(Kind::VIRTUAL_SERVICE, "shop", "reviews"),
        labels: [].into(),
        annotations: [].into(),
        body: Any {
            type_url: "type.googleapis.com/istio.networking.v1alpha3.VirtualService".into(),
            value: VirtualService { hosts: vec!["reviews".into()], ..VirtualService::default() }
                .encode_to_vec()
                .into(),
        },
        upstream_version: None,
    };
    let answer = DiscoveryResponse {
        version_info: "1".into(),
        type_url: Kind::VIRTUAL_SERVICE.type_url(),
        nonce: "1".into(),
        resources: vec![Any::decode(Entry::encode(&resource, Timestamp(1)).any).unwrap()],
        ..DiscoveryResponse::default()
    };
    let frame = message_frame(&answer).pieces.concat();
    let ads = move || async move {
        let first = tokio_stream::once(Ok::<_, std::convert::Infallible>(frame));
        let body = Body::from_stream(first.chain(tokio_stream::pending()));
        ([("content-type", "application/grpc")], body)
    };
    let path = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
    let routes = axum::Router::new().route(path, axum::routing::post(ads));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    runtime.spawn(async move { axum::serve(listener, routes).await });
    (runtime, address)
}

#[test]
fn another_xds_server_is_read_over_ads() {
    let (_runtime, address) = another_server();
    let folder = folder(&[]);
    let got = |args: &[&str]| run(&folder, &[&["get", "--server", &address], args].concat());
    let table = got(&["vs", "-n", "shop"]);
    assert_eq!((table.code, table.err.as_str()), (0, ""));
    assert!(table.out.starts_with("NAME") && table.out.contains("\nreviews "), "{}", table.out);
    assert_eq!(got(&["vs", "reviews", "-n", "shop", "-o", "jsonpath={.spec.hosts[0]}"]).out, "reviews");
    let missing = got(&["vs", "details", "-n", "shop"]);
    assert_eq!(
        (missing.code, missing.err.as_str()),
        (1, "error: virtualservices `details` not found in namespace `shop`\n")
    );
    let past = got(&["vs", "--revision", "3"]);
    assert_eq!(past.code, 1);
    assert!(past.err.contains("is no mainsheet: it knows neither revisions nor sources"), "{}", past.err);
}
