//! Validation rules among what is served: what they refuse, and what becomes of it when they change.

use std::fs;

use mainsheet_api::verdict::Severity;

use crate::rig::{Rig, held, names, replace, route, route_key, write};

/// Routes must not lead to `y`.
fn rule(namespace: &str, action: &str) -> String {
    format!(
        "apiVersion: mainsheet.io/v1\nkind: ValidationRule\nmetadata: {{name: no-y, namespace: {namespace}}}\nspec:\n  \
         kinds: [VirtualService]\n  action: {action}\n  message: y is closed\n  \
         expression: object.spec.http.all(r, r.route.all(d, d.destination.host != 'y'))\n"
    )
}

fn rejected(rig: &Rig) -> Vec<(String, String)> {
    let told = |one: mainsheet_server::intake::RejectedCandidate| {
        (one.key.unwrap().name.to_string(), one.findings[0].reason.clone())
    };
    rig.intake.verdicts.rejected().into_iter().map(told).collect()
}

#[tokio::test]
async fn rule_that_comes_together_with_resources_counts_for_them() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.yaml", &route("a", "x"));
    write(folder.path(), "b.yaml", &route("b", "y"));
    write(folder.path(), "z.yaml", &rule("istio-system", "DENY"));
    let rig = Rig::serve(folder.path()).await;
    rig.ready().await;
    rig.until_routes(&["a", "no-y"]).await;
    assert_eq!(rejected(&rig), [("b".to_owned(), "y is closed".to_owned())]);
    rig.end().await;
}

#[tokio::test]
async fn changed_rule_judges_again_what_nobody_touched() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.yaml", &route("a", "y"));
    write(folder.path(), "b.yaml", &route("b", "x"));
    let rig = Rig::serve(folder.path()).await;
    rig.ready().await;
    let before = rig.cache.snapshot().0;

    // What is served stays; that the rule is against it is told.
    write(folder.path(), "rule.yaml", &rule("istio-system", "DENY"));
    rig.until_so("the verdict", || rejected(&rig) == [("a".to_owned(), "y is closed".to_owned())]).await;
    assert_eq!(held(&rig.cache.snapshot().0, "a"), held(&before, "a"));

    // An edit that is against it is refused.
    write(folder.path(), "b.yaml", &route("b", "y"));
    rig.until_so("both verdicts", || rejected(&rig).len() == 2).await;
    assert_eq!(held(&rig.cache.snapshot().0, "b"), held(&before, "b"));

    // Without the rule, what it refused is taken in, though its files did not change.
    fs::remove_file(folder.path().join("rule.yaml")).unwrap();
    let after =
        rig.until("the refused edit", |now| held(now, "b").version != held(&before, "b").version).await;
    assert_eq!(names(&after), ["a", "b"]);
    rig.until_so("no verdicts", || rig.intake.verdicts.is_empty()).await;
    rig.end().await;
}

#[tokio::test]
async fn rule_that_warns_lets_through_and_one_of_another_namespace_says_nothing() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.yaml", &route("a", "y"));
    write(folder.path(), "rule.yaml", &rule("shop", "WARN"));
    write(folder.path(), "other.yaml", &rule("elsewhere", "DENY"));
    let rig = Rig::serve(folder.path()).await;
    rig.ready().await;
    let warnings = held(&rig.cache.snapshot().0, "a").warnings.clone();
    let [warning] = &warnings[..] else { panic!("{warnings:?}") };
    assert_eq!((warning.severity, &*warning.reason), (Severity::Warning, "y is closed"));
    assert_eq!(route_key("a").namespace.as_ref(), "shop");

    // What is remarked comes and goes with the rule; what is served stays as it is.
    let before = held(&rig.cache.snapshot().0, "a");
    fs::remove_file(folder.path().join("rule.yaml")).unwrap();
    let after = rig.until("no warnings", |now| held(now, "a").warnings.is_empty()).await;
    assert_eq!(held(&after, "a").version, before.version);
    write(folder.path(), "rule.yaml", &rule("shop", "WARN"));
    let after = rig.until("the warning", |now| held(now, "a").warnings.len() == 1).await;
    assert_eq!(held(&after, "a").version, before.version);
    rig.end().await;
}

#[tokio::test]
async fn rule_that_is_rejected_is_not_asked() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.yaml", &route("a", "y"));
    write(folder.path(), "rule.yaml", &rule("istio-system", "DENY").replace("!= 'y'", "!="));
    let rig = Rig::serve(folder.path()).await;
    rig.ready().await;
    assert_eq!(names(&rig.cache.snapshot().0), ["a"]);
    assert_eq!(rig.intake.verdicts.rejected()[0].findings[0].code, "vr-expression");
    replace(folder.path(), "rule.yaml", &rule("istio-system", "DENY"));
    rig.until_so("the verdict", || rejected(&rig) == [("a".to_owned(), "y is closed".to_owned())]).await;
    rig.end().await;
}
