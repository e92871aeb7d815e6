use serde_json::{Value, json};

use super::rig::{Ended, Served, folder, route, run, run_with};

const TYPO: &str = "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: typo
spec:
  hosts: [a]
  htpp: []
";

#[test]
fn what_is_right_is_counted() {
    let folder = folder(&[
        ("mesh/a.yaml", &route("shop", "reviews", "reviews")),
        ("mesh/deep/b.yml", &route("shop", "ratings", "ratings")),
        ("mesh/notes.txt", "not looked at"),
        ("mesh/other.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"),
    ]);
    let out = "2 accepted, 0 with warnings, 0 rejected, 1 ignored\n".to_owned();
    assert_eq!(run(&folder, &["validate", "mesh"]), Ended { code: 0, out, err: String::new() });
}

/// What is printed of [`TYPO`] in `file`, whose line with the mistake is `line`.
fn told(file: &str, line: u32, name: &str) -> String {
    let gutter = " ".repeat(line.to_string().len());
    format!(
        "\
error[unknown-field]: no field is named `htpp` here
{gutter}--> {file}:{line}:3
{gutter} |
{line} |   htpp: []
{gutter} |   ^^^^ spec.htpp of VirtualService default/{name}
{gutter} |
{gutter} = help: did you mean `http`?

"
    )
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_fails() {
    let folder =
        folder(&[("mesh/a.yaml", &route("shop", "reviews", "reviews")), ("mesh/sub/typo.yaml", TYPO)]);
    let ended = run(&folder, &["validate", "mesh"]);
    let expected =
        told("mesh/sub/typo.yaml", 7, "typo") + "1 accepted, 0 with warnings, 1 rejected, 0 ignored\n";
    assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (1, expected.as_str(), ""));
}

#[test]
fn files_are_named_as_they_were_given() {
    let folder =
        folder(&[("typo.yaml", TYPO), ("more/typo.yaml", &TYPO.replace("name: typo", "name: other"))]);
    let one = run(&folder, &["validate", "./typo.yaml"]);
    assert!(one.out.starts_with(&told("./typo.yaml", 7, "typo")), "{}", one.out);
    let both = run(&folder, &["validate", "typo.yaml", "more"]);
    let expected = told("more/typo.yaml", 7, "other") + &told("typo.yaml", 7, "typo");
    assert!(both.out.starts_with(&expected), "{}", both.out);
}

#[test]
fn standard_input_is_read_where_it_is_named() {
    let ended =
        run_with(&folder(&[]), &["validate", "-"], &[], &format!("{}---\n{TYPO}", route("a", "b", "c")));
    let expected = told("-", 20, "typo") + "1 accepted, 0 with warnings, 1 rejected, 0 ignored\n";
    assert_eq!((ended.code, ended.out.as_str()), (1, expected.as_str()));
}

#[test]
fn verdicts_for_programs_are_one_document_each() {
    let folder = folder(&[("mesh/a.yaml", &route("shop", "reviews", "reviews")), ("mesh/typo.yaml", TYPO)]);
    let ended = run(&folder, &["validate", "mesh", "-o", "json"]);
    let printed: Value = serde_json::from_str(&ended.out).unwrap();
    let expected = json!({
        "documents": [
            {
                "file": "mesh/a.yaml", "line": 1, "kind": "VirtualService", "namespace": "shop", "name": "reviews",
                "verdict": "accepted", "findings": [],
            },
            {
                "file": "mesh/typo.yaml", "line": 1, "kind": "VirtualService", "namespace": "default", "name": "typo",
                "verdict": "rejected",
                "findings": [{
                    "code": "unknown-field", "severity": "error", "path": "spec.htpp", "line": 7, "column": 3,
                    "reason": "no field is named `htpp` here", "remedy": "did you mean `http`?",
                }],
            },
        ],
        "summary": {"accepted": 1, "with_warnings": 0, "rejected": 1, "ignored": 0},
    });
    assert_eq!((ended.code, printed), (1, expected));
}

#[test]
fn sarif_names_rule_place_and_resource() {
    let folder = folder(&[("a mesh/typo.yaml", TYPO), ("a mesh/broken.yaml", "a: [\n")]);
    let ended = run(&folder, &["validate", "a mesh", "-o", "sarif"]);
    let log: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!((ended.code, &log["version"]), (1, &json!("2.1.0")));
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["rules"], json!([{"id": "not-yaml"}, {"id": "unknown-field"}]));
    let expected = json!({
        "ruleId": "unknown-field",
        "ruleIndex": 1,
        "level": "error",
        "message": {"text": "spec.htpp: no field is named `htpp` here; did you mean `http`?"},
        "locations": [{
            "physicalLocation": {
                "artifactLocation": {"uri": "a%20mesh/typo.yaml"},
                "region": {"startLine": 7, "startColumn": 3},
            },
            "logicalLocations": [{"fullyQualifiedName": "VirtualService default/typo", "kind": "resource"}],
        }],
    });
    assert_eq!(run["results"][1], expected);
    assert_eq!(run["results"].as_array().unwrap().len(), 2);
}

#[test]
fn path_that_is_not_there_is_an_error() {
    let ended = run(&folder(&[]), &["validate", "nowhere"]);
    let err = "error: can't look at `nowhere`: No such file or directory (os error 2)\n".to_owned();
    assert_eq!(ended, Ended { code: 1, out: String::new(), err });
}

#[test]
fn unknown_fields_warn_or_are_ignored_where_it_is_asked_for() {
    let text = route("shop", "reviews", "reviews").replace("spec:\n", "spec:\n  htpp: []\n");
    let folder = folder(&[("typo.yaml", &text)]);
    let warned = |args: &[&str]| run_with(&folder, args, &[], &text);
    for origin in ["-", "typo.yaml"] {
        let ended = warned(&["validate", "--unknown-fields", "warn", origin]);
        let begin = format!("warning[unknown-field]: no field is named `htpp` here\n --> {origin}:7:3\n");
        assert!(ended.out.starts_with(&begin), "{}", ended.out);
        assert!(
            ended.out.ends_with("\n1 accepted, 1 with warnings, 0 rejected, 0 ignored\n"),
            "{}",
            ended.out
        );
        assert_eq!(ended.code, 0);
    }
    let ignored = run(&folder, &["validate", "--unknown-fields", "ignore", "typo.yaml"]);
    assert_eq!((ignored.code, &*ignored.out), (0, "1 accepted, 0 with warnings, 0 rejected, 0 ignored\n"));
    let wrong = run(&folder, &["validate", "--unknown-fields", "loose", "typo.yaml"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("write one of: strict, warn, ignore"), "{}", wrong.err);
}

#[test]
fn nothing_to_validate_is_a_usage_error() {
    assert_eq!(run(&folder(&[]), &["validate"]).code, 2);
}

#[test]
fn resources_are_looked_at_in_view_of_each_other() {
    let to_subset = route("shop", "reviews", "reviews") + "        subset: v2\n";
    let rule = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: reviews, namespace: shop}\nspec:\n  \
                host: reviews.example\n  subsets: [{name: v1}]\n";
    let folder = folder(&[("mesh/a.yaml", &to_subset), ("mesh/rule.yaml", rule)]);
    let ended = run(&folder, &["validate", "mesh"]);
    let expected = "\
warning[subset-missing]: no DestinationRule of this host defines the subset: `v2` of `reviews.example`; \
                    DestinationRule shop/reviews has v1
  --> mesh/a.yaml:13:9
   |
13 |         subset: v2
   |         ^^^^^^ spec.http[0].route[0].destination.subset of VirtualService shop/reviews
   |
   = help: define it there, or name one that is defined

2 accepted, 1 with warnings, 0 rejected, 0 ignored
";
    assert_eq!((ended.code, ended.out.as_str()), (0, expected));
    let all = run(&folder, &["validate", "mesh/rule.yaml", "--complete", "hosts"]);
    let missing = "warning[host-missing]: no ServiceEntry has this host: `reviews.example`\n";
    assert!(all.out.starts_with(missing), "{}", all.out);
    let mended = run(&folder, &["validate", "mesh/rule.yaml"]);
    assert_eq!(mended.out, "1 accepted, 0 with warnings, 0 rejected, 0 ignored\n");
}

const RULE: &str = "\
apiVersion: mainsheet.io/v1
kind: ValidationRule
metadata:
  name: two-hosts
  namespace: istio-system
spec:
  kinds: [VirtualService]
  expression: object.spec.hosts.size() > 1
  message: name two hosts
  path: spec.hosts
";

#[test]
fn rules_of_one_s_own_are_asked() {
    let folder = folder(&[
        ("mesh/a.yaml", &route("shop", "reviews", "reviews")),
        ("rules/rule.yaml", RULE),
        ("rules/other.yaml", &route("shop", "other", "other")),
    ]);
    let ended = run(&folder, &["validate", "mesh", "--rules", "rules"]);
    let expected = "\
error[validation-rule]: name two hosts
 --> mesh/a.yaml:7:3
  |
7 |   hosts:
  |   ^^^^^ spec.hosts of VirtualService shop/reviews
  |
  = help: ValidationRule istio-system/two-hosts demands it

1 accepted, 0 with warnings, 1 rejected, 0 ignored
";
    assert_eq!((ended.code, ended.out.as_str()), (1, expected));
    // Elsewhere than in the root namespace it would be about its own namespace.
    let ended = run(&folder, &["validate", "mesh", "--rules", "rules", "--root-namespace", "mesh-root"]);
    assert_eq!(ended.out, "2 accepted, 0 with warnings, 0 rejected, 0 ignored\n");
}

#[test]
fn documents_are_judged_as_if_a_server_had_them_too() {
    let rule = |subset: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: reviews, namespace: shop}}\n\
             spec:\n  host: reviews.example\n  subsets: [{{name: {subset}}}]\n"
        )
    };
    let folder = folder(&[
        ("mesh/route.yaml", &(route("shop", "reviews", "reviews") + "        subset: v1\n")),
        ("mesh/subsets.yaml", &rule("v1")),
        ("new/subsets.yaml", &rule("v2")),
        ("more/ratings.yaml", &(route("shop", "ratings", "reviews") + "        subset: v1\n")),
        ("more/rule.yaml", RULE),
    ]);
    let served = Served::start(&folder, &[]);
    let against = |path: &str| run(&folder, &["validate", path, "--against", &served.grpc]);
    // What it refers to is served.
    let ended = against("more/ratings.yaml");
    assert_eq!((ended.code, &*ended.out), (0, "1 accepted, 0 with warnings, 0 rejected, 0 ignored\n"));
    // What is served refers to what would no longer be there.
    let ended = against("new");
    let begin = "warning[subset-missing]: no DestinationRule of this host defines the subset: `v1`";
    assert!(ended.out.starts_with(begin), "{}", ended.out);
    assert!(ended.out.contains(&format!("--> {}\n", served.grpc)), "{}", ended.out);
    assert!(ended.out.contains("VirtualService shop/reviews"), "{}", ended.out);

    // What is served is asked by a rule that is new.
    let ended = against("more/rule.yaml");
    let begin = format!("error[validation-rule]: name two hosts\n--> {}\n", served.grpc);
    assert!(ended.out.starts_with(&begin), "{}", ended.out);
    assert!(ended.out.contains("spec.hosts of VirtualService shop/reviews"), "{}", ended.out);
    assert_eq!(ended.code, 1);

    let nobody = run(&folder, &["validate", "new", "--against", "127.0.0.1:1"]);
    assert_eq!(nobody.code, 1);
    assert!(nobody.err.contains("127.0.0.1:1"), "{}", nobody.err);
}

#[test]
fn what_only_kubernetes_refuses_is_a_warning_unless_it_is_asked() {
    let text = "\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: a, labels: {tier: a b}}
spec: {host: a}
";
    let folder = folder(&[("a.yaml", text)]);
    let ended = run(&folder, &["validate", "a.yaml"]);
    assert!(ended.out.starts_with("warning[crd-label]: Kubernetes refuses the label"), "{}", ended.out);
    assert!(ended.out.ends_with("1 accepted, 1 with warnings, 0 rejected, 0 ignored\n"), "{}", ended.out);
    assert_eq!(ended.code, 0);
    let ended = run(&folder, &["validate", "--as", "kubernetes", "a.yaml"]);
    assert!(ended.out.starts_with("error[crd-label]: Kubernetes refuses the label"), "{}", ended.out);
    assert!(ended.out.ends_with("0 accepted, 0 with warnings, 1 rejected, 0 ignored\n"), "{}", ended.out);
    assert_eq!(ended.code, 1);
}
