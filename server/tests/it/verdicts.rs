//! What is said of what is served in view of the rest of it.

use std::time::Duration;

use mainsheet_server::app;
use serde_json::{Value, json};

use crate::{
    app::{end, ready, settings},
    http::{get, json as page},
    rig::{PATIENCE, replace, write},
};

fn to_subset(name: &str, subset: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: {name}, namespace: shop}}\nspec:\n  \
         hosts: [{name}.example]\n  http:\n  - route:\n    - destination: {{host: reviews.example, subset: {subset}}}\n"
    )
}

fn rule(subset: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: reviews, namespace: shop}}\nspec:\n  \
         host: reviews.example\n  subsets: [{{name: {subset}}}]\n"
    )
}

/// Asks again until what a page shows is this: resources with the codes that are said of them.
async fn until(server: &app::Running, path: &str, expected: Value) {
    let shown = || async {
        let shown = page(server.http_addr(), path).await;
        let one = |item: &Value| {
            let codes = item["findings"].as_array().unwrap().iter().map(|finding| finding["code"].clone());
            json!([item["verdict"], item["resource"], codes.collect::<Vec<_>>()])
        };
        Value::Array(shown.as_array().unwrap().iter().map(one).collect())
    };
    let so = async {
        while shown().await != expected {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, so).await;
    assert!(in_time.is_ok(), "{path}: {}, not {expected}", shown().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_subset_is_shown_until_it_is_there_and_again_when_it_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.yaml", &to_subset("a", "v1"));
    write(folder.path(), "b.yaml", &to_subset("b", "v2"));
    let (running, tasks) = app::start(&settings(&[folder.path().into()])).await.unwrap();
    ready(&running).await;
    let missing = |name: &str| json!(["accepted", format!("VirtualService shop/{name}"), ["subset-missing"]]);
    until(&running, "/debug/verdicts", json!([missing("a"), missing("b")])).await;
    let metric = "\nmainsheet_findings{code=\"subset-missing\",severity=\"warning\"} ";
    let (_, metrics) = get(running.http_addr(), "/metrics").await;
    assert!(metrics.contains(&format!("{metric}2\n")), "{metrics}");

    replace(folder.path(), "rule.yaml", &rule("v1"));
    until(&running, "/debug/verdicts", json!([missing("b")])).await;
    replace(folder.path(), "rule.yaml", &rule("v2"));
    until(&running, "/debug/verdicts", json!([missing("a")])).await;
    let (_, metrics) = get(running.http_addr(), "/metrics").await;
    assert!(metrics.contains(&format!("{metric}1\n")), "{metrics}");
    std::fs::remove_file(folder.path().join("rule.yaml")).unwrap();
    until(&running, "/debug/verdicts", json!([missing("a"), missing("b")])).await;
    let revision = running.snapshot().0.revision();
    assert_eq!(revision.0, 4, "what is said makes no revision");
    end((running, tasks)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn page_is_narrowed_by_kind_namespace_and_code() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.yaml", &to_subset("a", "v1"));
    write(folder.path(), "typo.yaml", &rule("v1").replace("host:", "hots:"));
    let (running, tasks) = app::start(&settings(&[folder.path().into()])).await.unwrap();
    ready(&running).await;
    let rejected = json!(["rejected", "DestinationRule shop/reviews", ["unknown-field"]]);
    let missing = json!(["accepted", "VirtualService shop/a", ["subset-missing"]]);
    let both = json!([rejected, missing]);
    for (query, expected) in [
        ("", &both),
        ("?namespace=shop", &both),
        ("?namespace=other", &json!([])),
        ("?kind=vs", &json!([missing])),
        ("?kind=dr&namespace=shop", &json!([rejected])),
        ("?code=subset-missing", &json!([missing])),
        ("?code=other", &json!([])),
    ] {
        until(&running, &format!("/debug/verdicts{query}"), expected.clone()).await;
    }
    let (code, text) = get(running.http_addr(), "/debug/verdicts?kind=nonsense").await;
    assert_eq!((code, &*text), (400, "no kind is called `nonsense`\n"));
    let shown = page(running.http_addr(), "/debug/verdicts?kind=vs").await;
    let finding = &shown[0]["findings"][0];
    let path = "spec.http[0].route[0].destination.subset";
    assert_eq!((&finding["severity"], &finding["path"]), (&json!("warning"), &json!(path)));
    assert_eq!((&shown[0]["origin"], &shown[0]["line"]), (&json!("a.yaml"), &json!(1)));
    end((running, tasks)).await.unwrap();
}
