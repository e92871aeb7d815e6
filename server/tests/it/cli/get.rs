use std::net::TcpListener;

use super::rig::{Ended, Served, Started, folder, normalized, route, run, run_with};

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
        normalized(&ended.out)
    };
    assert_eq!(table(&["vs"]), "NAME    VERSION                            AGE\nplain   VERSION   AGE\n");
    assert_eq!(
        table(&["VirtualService", "-n", "shop"]),
        "NAME      VERSION                            AGE\nratings   VERSION   AGE\nreviews   VERSION   AGE\n"
    );
    assert_eq!(
        table(&["virtualservices", "-A"]),
        "NAMESPACE   NAME      VERSION                            AGE\n\
         default     plain     VERSION   AGE\n\
         shop        ratings   VERSION   AGE\n\
         shop        reviews   VERSION   AGE\n"
    );
    assert_eq!(
        table(&["vs", "reviews", "-n", "shop", "-o", "name"]),
        "virtualservice.networking.istio.io/reviews\n"
    );
    assert_eq!(table(&["clusters"]), "NAME\nbackend\n");
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
    let missing = got(&folder, &served, &["vs", "reviews"]);
    let err = "error: virtualservices `reviews` not found in namespace `default`\n".to_owned();
    assert_eq!(missing, Ended { code: 1, out: String::new(), err });
    let empty = got(&folder, &served, &["gw", "-A"]);
    assert_eq!(empty, Ended { code: 0, out: String::new(), err: "no gateways found\n".into() });
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
    let ended = run(&folder(&[]), &["get", "pods"]);
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("no such kind: `pods`; known are: trafficextensions, "), "{}", ended.err);
}

#[test]
fn server_that_is_not_there_is_an_error() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let ended = run(&folder(&[]), &["get", "vs", "--server", &free]);
    let err = format!("error: connect to `{free}`: Connection refused (os error 111)\n");
    assert_eq!(ended, Ended { code: 1, out: String::new(), err });
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
    let err = format!("error: stream of `{grpc}`: Unavailable: not ready: awaiting source files:nowhere\n");
    assert_eq!(ended, Ended { code: 1, out: String::new(), err });
}

#[test]
fn server_that_does_not_answer_in_time_ends_with_a_code_of_its_own() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let ended = run(&folder(&[]), &["get", "vs", "--server", &address, "--timeout", "200ms"]);
    let err = format!("error: no answer from `{address}` within 200ms\n");
    assert_eq!(ended, Ended { code: 3, out: String::new(), err });
}
