use std::{fs, net::SocketAddr, path::Path};

use axum::{Router, extract::Query, http::StatusCode, routing::get};
use serde::Deserialize;
use tempfile::TempDir;

use super::rig::{Served, folder, route, run};

/// A Kubernetes API server with two VirtualServices on two pages, and no other kind of Istio's.
struct Cluster {
    _runtime: tokio::runtime::Runtime,
    address: SocketAddr,
}

#[derive(Deserialize)]
struct Page {
    limit: usize,
    #[serde(rename = "continue")]
    next: String,
}

impl Cluster {
    fn start(forbidden: bool) -> Self {
        let list = move |Query(page): Query<Page>| async move {
            assert_eq!(page.limit, 500);
            let item = |name: &str| {
                serde_json::json!({
                    "apiVersion": "networking.istio.io/v1",
                    "kind": "VirtualService",
                    "metadata": {
                        "name": name, "namespace": "shop", "uid": "u", "resourceVersion": "7", "generation": 1,
                        "creationTimestamp": "2026-01-01T00:00:00Z", "managedFields": [{"manager": "kubectl"}],
                        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "team": "a"},
                    },
                    "spec": {"hosts": [format!("{name}.example")],
                             "http": [{"route": [{"destination": {"host": "h.example"}}]}]},
                    "status": {"conditions": []},
                })
            };
            let (next, name) = if page.next.is_empty() { ("more", "reviews") } else { ("", "ratings") };
            let list = serde_json::json!({
                "apiVersion": "networking.istio.io/v1", "kind": "VirtualServiceList",
                "metadata": {"resourceVersion": "9", "continue": next}, "items": [item(name)],
            });
            axum::Json(list)
        };
        let refuse = || async {
            let status = serde_json::json!({
                "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "not yours",
                "reason": "Forbidden", "code": 403,
            });
            (StatusCode::FORBIDDEN, axum::Json(status))
        };
        let nothing = || async {
            let status = serde_json::json!({
                "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "not found",
                "reason": "NotFound", "code": 404,
            });
            (StatusCode::NOT_FOUND, axum::Json(status))
        };
        let mut router =
            Router::new().route("/apis/networking.istio.io/v1/virtualservices", get(list)).fallback(nothing);
        if forbidden {
            router = router.route("/apis/networking.istio.io/v1/gateways", get(refuse));
        }
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        #[allow(clippy::disallowed_methods, reason = "ends with its runtime")]
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { _runtime: runtime, address }
    }

    fn kubeconfig(&self, folder: &TempDir) {
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: here\ncontexts:\n- name: here\n  context: {{cluster: c, user: u}}\n\
             clusters:\n- name: c\n  cluster: {{server: \"http://{}\"}}\nusers:\n- name: u\n  user: {{}}\n",
            self.address
        );
        fs::write(folder.path().join("kubeconfig"), text).unwrap();
    }
}

const REVIEWS: &str = "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: reviews
  namespace: shop
  annotations:
    team: a
spec:
  hosts:
  - reviews.example
  http:
  - route:
    - destination:
        host: h.example
";

fn read(folder: &TempDir, path: &str) -> String {
    fs::read_to_string(folder.path().join(path)).unwrap()
}

#[test]
fn cluster_becomes_files_without_what_kubernetes_noted() {
    let cluster = Cluster::start(false);
    let folder = folder(&[]);
    cluster.kubeconfig(&folder);
    let ended = run(&folder, &["import", "--kubeconfig", "kubeconfig", "--to", "mesh"]);
    assert_eq!(
        (ended.code, ended.out.as_str()),
        (0, "2 written, 0 unchanged, 0 not readable, 0 of other kinds\n")
    );
    assert!(ended.err.contains("the cluster has no gateways.networking.istio.io\n"), "{}", ended.err);
    assert_eq!(read(&folder, "mesh/shop/virtualservice-reviews.yaml"), REVIEWS);
    assert!(Path::new(&folder.path().join("mesh/shop/virtualservice-ratings.yaml")).exists());
    assert_eq!(run(&folder, &["validate", "mesh"]).code, 0);
    let again = run(&folder, &["import", "--kubeconfig", "kubeconfig", "--to", "mesh"]);
    assert_eq!(again.out, "0 written, 2 unchanged, 0 not readable, 0 of other kinds\n");
}

/// What is written would look whole.
#[test]
fn kind_that_may_not_be_listed_is_an_error_and_nothing_is_written() {
    let cluster = Cluster::start(true);
    let folder = folder(&[]);
    cluster.kubeconfig(&folder);
    let ended = run(&folder, &["import", "--kubeconfig", "kubeconfig", "--to", "mesh"]);
    assert_eq!(ended.code, 1, "{}", ended.out);
    assert!(
        ended.err.contains("list gateways.networking.istio.io") && ended.err.contains("not yours"),
        "{}",
        ended.err
    );
    assert!(!folder.path().join("mesh").exists());
}

#[test]
fn files_of_another_content_are_not_written_over_unless_forced() {
    let folder = folder(&[
        ("from/a.yaml", &route("shop", "reviews", "v1")),
        ("to/shop/virtualservice-reviews.yaml", "# mine\n"),
    ]);
    let refused = run(&folder, &["import", "--dir", "from", "--to", "to"]);
    assert_eq!(refused.code, 1);
    assert!(
        refused.err.contains("nothing is written")
            && refused.err.contains("to/shop/virtualservice-reviews.yaml")
    );
    assert_eq!(read(&folder, "to/shop/virtualservice-reviews.yaml"), "# mine\n");
    let forced = run(&folder, &["import", "--dir", "from", "--to", "to", "--force"]);
    assert_eq!(
        (forced.code, forced.out.as_str()),
        (0, "1 written, 0 unchanged, 0 not readable, 0 of other kinds\n")
    );
}

#[test]
fn what_can_not_be_read_is_named_and_the_rest_is_written() {
    let broken = route("shop", "broken", "v1").replace("hosts:", "hosts: 7\n  gateways:");
    let folder = folder(&[("from/a.yaml", &format!("{}---\n{broken}", route("shop", "reviews", "v1")))]);
    let ended = run(&folder, &["import", "--dir", "from", "--to", "to"]);
    assert_eq!(
        (ended.code, ended.out.as_str()),
        (1, "1 written, 0 unchanged, 1 not readable, 0 of other kinds\n")
    );
    assert!(ended.err.contains("VirtualService shop/broken can't be read: spec.hosts"), "{}", ended.err);
}

#[test]
fn same_key_with_two_contents_is_an_error_that_names_both_places() {
    let document = |host: &str| route("shop", "reviews", host);
    let item = |host: &str| serde_saphyr::from_str::<serde_json::Value>(&document(host)).unwrap();
    let configz = serde_json::json!([item("v1"), item("v2")]).to_string();
    let folder = folder(&[
        ("from/a.yaml", &document("v1")),
        ("from/b.yaml", &document("v2")),
        ("configz.json", &configz),
    ]);
    let files = run(&folder, &["import", "--dir", "from", "--to", "to"]);
    assert_eq!(
        (files.code, files.out.as_str()),
        (1, "1 written, 0 unchanged, 1 not readable, 0 of other kinds\n")
    );
    assert!(files.err.starts_with("b.yaml:1: VirtualService shop/reviews"), "{}", files.err);
    assert!(files.err.contains("is taken from a.yaml:1"), "{}", files.err);
    let shown = run(&folder, &["import", "--configz", "configz.json", "--to", "copy"]);
    assert_eq!((shown.code, shown.out.as_str()), (1, ""));
    assert!(
        shown.err.contains("VirtualService shop/reviews is found twice with different content"),
        "{}",
        shown.err
    );
    assert!(!folder.path().join("copy").exists());
}

/// A mainsheet shows what it serves as an istiod shows what it holds.
#[test]
fn configz_is_imported_and_compared() {
    let folder = folder(&[
        ("mesh/a.yaml", &route("shop", "reviews", "v1")),
        ("mesh/b.yaml", &route("default", "plain", "v1")),
    ]);
    let served = Served::start(&folder, &[]);
    let http = served.http();
    let imported = run(&folder, &["import", "--configz", &http, "--to", "copy", "-n", "shop"]);
    assert_eq!(
        (imported.code, imported.out.as_str()),
        (0, "1 written, 0 unchanged, 0 not readable, 0 of other kinds\n"),
        "{}",
        imported.err
    );
    assert_eq!(read(&folder, "copy/shop/virtualservice-reviews.yaml"), route("shop", "reviews", "v1"));

    let compare = |args: &[&str]| {
        let all = [&["compare", "--server", &served.grpc, "--istiod"], args].concat();
        run(&folder, &all)
    };
    let same = compare(&[&http]);
    assert_eq!(
        (same.code, same.out.as_str()),
        (
            0,
            "2 the same, 0 different, 0 only in istiod, 0 only in mainsheet, 0 of kinds that are not served\n"
        )
    );

    let other = [route("shop", "reviews", "v2"), route("shop", "gone", "v1")];
    let items: Vec<serde_json::Value> =
        other.iter().map(|text| serde_saphyr::from_str(text).unwrap()).collect();
    fs::write(folder.path().join("configz.json"), serde_json::to_string(&items).unwrap()).unwrap();
    let differs = compare(&["configz.json"]);
    let expected = "\
only in istiod      VirtualService shop/gone
only in mainsheet   VirtualService default/plain
differs             VirtualService shop/reviews
    spec.http[0].route[0].destination.host: \"v2.example\" in istiod, \"v1.example\" in mainsheet
0 the same, 1 different, 1 only in istiod, 1 only in mainsheet, 0 of kinds that are not served
";
    assert_eq!((differs.code, differs.out.as_str()), (1, expected), "{}", differs.err);
    let json = compare(&["configz.json", "-n", "default", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["onlyInMainsheet"][0]["name"], "plain");
    assert_eq!(json["different"], serde_json::json!([]));
}

#[test]
fn exactly_one_place_to_import_from_is_asked_for() {
    let folder = folder(&[]);
    assert_eq!(run(&folder, &["import", "--to", "x"]).code, 2);
    assert_eq!(run(&folder, &["import", "--to", "x", "--dir", "a", "--configz", "b"]).code, 2);
    let https = run(&folder, &["import", "--to", "x", "--configz", "https://a:1"]);
    assert_eq!(https.code, 1);
    assert!(https.err.contains("only http:// is spoken here"), "{}", https.err);
}
