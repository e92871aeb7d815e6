//! Rules of one's own: what they are about, what they say, and that no expression takes long or ends the process.

use mainsheet_api::{
    codec::{self, Content, Defaults, UnknownFields},
    limits::RULE_STEPS_MAX,
    resource::Resource,
    rule::RuleSet,
    validate::{self, Options},
    verdict::{Finding, Severity},
};
use proptest::prelude::*;

fn resource(text: &str) -> Resource {
    let documents =
        codec::read(text, Defaults { namespace: "shop", scope: "", unknown_fields: UnknownFields::Strict });
    match documents.into_iter().next().map(|document| document.content) {
        Some(Content::Resource { resource, .. }) => *resource,
        other => panic!("{other:?}"),
    }
}

fn rule_in(namespace: &str, spec: &str) -> Resource {
    resource(&format!(
        "apiVersion: mainsheet.io/v1\nkind: ValidationRule\nmetadata: {{name: r, namespace: {namespace}}}\nspec: {spec}\n"
    ))
}

fn route(namespace: &str, hosts: &[String]) -> Resource {
    resource(&format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\n\
         metadata: {{name: v, namespace: {namespace}, labels: {{team: a}}}}\n\
         spec: {{hosts: {hosts:?}, http: [{{timeout: 2s, route: [{{destination: {{host: h}}, weight: 3}}]}}]}}\n"
    ))
}

/// A rule of the root namespace with this expression, asked of a route for one host.
fn said(expression: &str) -> Vec<Finding> {
    let spec = serde_json::json!({"expression": expression, "message": "no"}).to_string();
    RuleSet::compile([&rule_in("istio-system", &spec)], "istio-system")
        .check(&route("shop", &["a.b".to_owned()]))
}

fn reasons(expression: &str) -> Vec<String> {
    said(expression).into_iter().map(|finding| finding.reason).collect()
}

#[test]
fn expression_sees_the_resource_as_a_document() {
    for expression in [
        "object.kind == 'VirtualService' && object.apiVersion == 'networking.istio.io/v1'",
        "object.metadata.name == 'v' && object.metadata.namespace == 'shop'",
        "object.metadata.labels.team in ['a', 'b']",
        "object.spec.hosts.all(host, host.endsWith('.b')) && size(object.spec.hosts) == 1",
        "object.spec.http[0].timeout == '2s'",
        "object.spec.http.exists(r, r.route.exists_one(d, d.weight == 3 && d.destination.host == 'h'))",
        "!has(object.spec.gateways) && has(object.spec.http)",
        "object.spec.hosts.map(h, h + '.c').filter(h, h.matches('^[a-z]\\\\.b\\\\.c$')).size() == 1",
        "object.spec.http.size() > 1 ? false : true",
    ] {
        assert_eq!(reasons(expression), [""; 0], "{expression}");
    }
}

#[test]
fn what_is_not_true_is_told_in_the_words_of_the_rule() {
    let spec = "{expression: 'object.spec.hosts.size() > 1', message: 'use two hosts', path: spec.hosts, action: WARN}";
    let rules = RuleSet::compile([&rule_in("istio-system", spec)], "istio-system");
    let findings = rules.check(&route("shop", &["a".to_owned()]));
    let [finding] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!(
        (&*finding.code, finding.severity, &*finding.path, &*finding.reason, &*finding.remedy),
        (
            "validation-rule",
            Severity::Warning,
            "spec.hosts",
            "use two hosts",
            "ValidationRule istio-system/r demands it"
        )
    );
}

#[test]
fn rule_that_can_t_be_evaluated_denies() {
    let findings = said("object.spec.gateways.size() > 0");
    assert_eq!(findings[0].severity, Severity::Error);
    assert_eq!(
        findings[0].reason,
        "ValidationRule istio-system/r can't be evaluated: there is no `gateways`"
    );
    assert!(reasons("object.spec.hosts")[0].ends_with("it is a list, neither true nor false"));
}

#[test]
fn rule_is_about_the_kinds_and_namespaces_that_it_names() {
    let never = |more: &str| format!("{{expression: 'false', message: no{more}}}");
    let finds = |namespace: &str, spec: &str, of: &str| {
        let rules = RuleSet::compile([&rule_in(namespace, spec)], "istio-system");
        !rules.check(&route(of, &["a".to_owned()])).is_empty()
    };
    for (namespace, more, of, expected) in [
        ("istio-system", "", "shop", true),
        ("istio-system", ", kinds: [VirtualService]", "shop", true),
        ("istio-system", ", kinds: [Gateway]", "shop", false),
        ("istio-system", ", namespaces: [shop]", "shop", true),
        ("istio-system", ", namespaces: [sh]", "shop", false),
        ("istio-system", ", namespaces: ['s*']", "shop", true),
        ("istio-system", ", namespaces: ['*']", "shop", true),
        // Anywhere but in the root namespace a rule is about its own namespace, whatever it says.
        ("shop", "", "shop", true),
        ("shop", "", "team", false),
        ("shop", ", namespaces: ['*']", "team", false),
    ] {
        assert_eq!(finds(namespace, &never(more), of), expected, "{namespace} {more} {of}");
    }
}

#[test]
fn rule_of_the_page_does_what_the_page_says() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/rules.md")).unwrap();
    let text = page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let rule = resource(text);
    assert_eq!(validate::check(&rule, validate::Options::default()), []);
    let rules = RuleSet::compile([&rule], "istio-system");
    let found = |namespace, host: &str| rules.check(&route(namespace, &[host.to_owned()])).len();
    assert_eq!(found("shop", "reviews"), 0);
    assert_eq!(found("team-a", "a.example.com"), 0);
    assert_eq!(found("team-a", "a.example.org"), 1);
    assert_eq!(found("other", "a.example.org"), 0);
}

#[test]
fn rules_are_no_subject_of_rules() {
    let spec = "{expression: 'false', message: no}";
    let rules = RuleSet::compile([&rule_in("istio-system", spec)], "istio-system");
    assert_eq!(rules.check(&rule_in("shop", spec)), []);
}

#[test]
fn rule_that_could_not_be_asked_is_rejected_itself() {
    let plus = ["object"; 60].join(" + ");
    let brackets = "[".repeat(60) + &"]".repeat(60);
    let long = format!("object.spec.name == '{}'", "x".repeat(5000));
    for (expression, reason) in [
        ("", "there is none"),
        ("object.spec.hosts ==", "line 1, column"),
        ("object.spec.hosts = 1", "line 1, column"),
        ("hosts.size() > 0", "`hosts` is no variable"),
        ("object.spec.hosts.all(h, g == h)", "`g` is no variable"),
        ("object.spec.hosts.reverse() == []", "`reverse` is no function"),
        ("Thing{a: 1} == object", "`Thing` is no function"),
        ("'a'.matches(object.kind)", "in quotes"),
        ("'a'.matches('(a')", "`(a` is no regular expression"),
        ("'a'.matches('((a{100}){100}){100}')", "when it is compiled"),
        ("type(object) == 1", "`type` is no function"),
        (&plus, "nested deeper"),
        (&brackets, "nested deeper"),
        (&long, "more than 4096"),
    ] {
        let spec = serde_json::json!({"expression": expression, "message": "no"}).to_string();
        let rule = rule_in("istio-system", &spec);
        let findings = validate::check(&rule, Options::default());
        assert!(
            findings.len() == 1 && findings[0].code == "vr-expression" && findings[0].reason.contains(reason),
            "{expression}: {findings:?}"
        );
        assert!(RuleSet::compile([&rule], "istio-system").is_empty());
    }
    let findings = validate::check(
        &rule_in("shop", "{expression: 'true', kinds: [Pod], namespaces: ['*a']}"),
        Options::default(),
    );
    let codes: Vec<_> = findings.iter().map(|finding| &*finding.code).collect();
    assert_eq!(codes, ["vr-message", "vr-kind", "vr-namespace"]);
}

#[test]
fn expression_that_takes_long_is_given_up() {
    let hosts: Vec<String> = (0..300).map(|number| format!("h{number}")).collect();
    let cubic =
        "object.spec.hosts.all(a, object.spec.hosts.all(b, object.spec.hosts.all(c, a + b + c != 'x')))";
    let spec = serde_json::json!({"expression": cubic, "message": "no"}).to_string();
    let rules = RuleSet::compile([&rule_in("istio-system", &spec)], "istio-system");
    let told = rules.check(&route("shop", &hosts)).remove(0).reason;
    assert!(told.contains(&format!("more steps than the {RULE_STEPS_MAX}")), "{told}");
    // On a small object it is.
    assert_eq!(rules.check(&route("shop", &hosts[..3])), []);
}

#[test]
fn what_is_built_is_paid_for() {
    let double =
        |times: usize| "['xxxxxxxxxxxxxxxx']".to_owned() + &".map(a, a + a)".repeat(times) + ".size() == 1";
    assert_eq!(reasons(&double(10)), [""; 0]);
    for expression in [
        double(24),
        "['a'].map(a, [a, a])".to_owned() + &".map(a, [a, a])".repeat(20) + " == []",
        "[object, object].map(a, [a, a]).map(a, [a, a, a]).map(a, a + a + a + a) == [1]".to_owned(),
    ] {
        assert!(reasons(&expression).len() <= 1, "{expression}");
    }
    assert!(reasons(&double(24))[0].contains("more steps"), "{:?}", reasons(&double(24)));
    // As many parts as there may be levels: what is looked at twice would be looked at 2^30 times.
    assert_eq!(reasons(&(vec!["1"; 31].join(" + ") + " == 31")), [""; 0]);
}

#[test]
fn rules_of_a_namespace_share_the_time_of_one() {
    let hosts: Vec<String> = (0..300).map(|number| format!("h{number}")).collect();
    let square = "object.spec.hosts.all(a, object.spec.hosts.all(b, a + b != 'x'))";
    let rule = |namespace: &str, name: &str| {
        let spec = serde_json::json!({"expression": square, "message": "no"}).to_string();
        let mut rule = rule_in(namespace, &spec);
        rule.key.name = name.into();
        rule
    };
    let said = |namespace: &str| {
        let rules = [rule(namespace, "a"), rule(namespace, "b"), rule(namespace, "c")];
        RuleSet::compile(&rules, "istio-system").check(&route("shop", &hosts)).len()
    };
    assert_eq!((said("istio-system"), said("shop") > 0), (0, true));
}

/// Texts in which every bracket, macro and operator of the language may stand where it does not belong.
fn expressions() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "object",
        ".spec",
        ".hosts",
        ".http[0]",
        ".all(x, ",
        ".map(x, ",
        ".exists(y, ",
        ".filter(x, ",
        "has(",
        ")",
        "(",
        "[",
        "]",
        "{",
        "}",
        "'a'",
        "1",
        "-1",
        "1u",
        "1.5",
        "+",
        "-",
        "*",
        "/",
        "%",
        "==",
        "!=",
        "<",
        "in",
        "&&",
        "||",
        "!",
        "?",
        ":",
        ",",
        " x",
        " y",
        ".matches('a+')",
        ".size()",
        "size(",
        "null",
        "true",
        "b'x'",
        "\\",
        "\"",
        "é",
        "9223372036854775807",
        "int(",
        "string(",
        "type(",
    ]);
    prop::collection::vec(word, 0..24).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn no_text_is_more_than_an_expression_or_a_finding(text in expressions()) {
        let findings = said(&text);
        prop_assert!(findings.len() <= 1);
    }
}
