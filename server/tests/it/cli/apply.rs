use super::rig::{Ended, folder, route, run, run_with};

/// A VirtualService with a field that there is not.
fn misspelt() -> String {
    route("shop", "reviews", "v1").replace("  http:", "  htpp:")
}

#[test]
fn documents_are_judged_without_a_server() {
    let folder = folder(&[
        ("shop/a.yaml", &route("shop", "reviews", "v1")),
        ("shop/deep/b.yaml", &route("shop", "ratings", "v1")),
        ("shop/.hidden.yaml", "not: ours"),
        ("shop/kustomization.yaml", "resources: []"),
    ]);
    let expected = "virtualservice.networking.istio.io/reviews accepted (client dry run)\n\
                    virtualservice.networking.istio.io/ratings accepted (client dry run)\n";
    let ended = run(&folder, &["apply", "-f", "shop", "--dry-run=client"]);
    assert_eq!(ended, Ended { code: 0, out: expected.into(), err: String::new() });
    let names = run(&folder, &["apply", "-R", "-f", "shop", "--dry-run=client", "-o", "name"]);
    assert_eq!(names.out, expected.replace(" accepted (client dry run)", ""));
}

#[test]
fn finding_is_shown_with_its_line_in_the_file() {
    let folder = folder(&[("a.yaml", &misspelt())]);
    let ended = run(&folder, &["apply", "-f", "a.yaml", "--dry-run=client"]);
    let err = "\
error[unknown-field]: no field is named `htpp` here
 --> a.yaml:9:3
  |
9 |   htpp:
  |   ^^^^ spec.htpp of VirtualService shop/reviews
  |
  = help: did you mean `http`?
error: not all was applied: of 1 resource 1 rejected
";
    assert_eq!(ended, Ended { code: 1, out: String::new(), err: err.into() });
}

#[test]
fn standard_input_is_read_and_its_lines_are_shown() {
    let ended = run_with(&folder(&[]), &["apply", "-f", "-", "--dry-run=client"], &[], &misspelt());
    assert_eq!(ended.code, 1);
    assert!(ended.err.contains(" --> -:9:3\n  |\n9 |   htpp:\n"), "{}", ended.err);
}

#[test]
fn programs_get_each_outcome_with_its_findings() {
    let folder = folder(&[("a.yaml", &route("shop", "reviews", "v1")), ("b.yaml", &misspelt())]);
    let args = ["apply", "-f", "a.yaml", "-f", "b.yaml", "--dry-run=client", "-o"];
    let answer = |format| run(&folder, &[&args[..], &[format]].concat()).out;
    let json: serde_json::Value = serde_json::from_str(&answer("json")).unwrap();
    assert_eq!(json["results"][0]["name"], "reviews");
    assert_eq!(json["results"][1]["outcome"], "rejected");
    assert_eq!(json["results"][1]["findings"][0]["code"], "unknown-field");
    assert_eq!(json["results"][1]["origin"], "b.yaml");
    assert!(answer("yaml").contains("outcome: rejected"), "{}", answer("yaml"));
}

#[test]
fn mistakes_are_told_before_any_server_is_asked() {
    let folder = folder(&[("a.yaml", &route("shop", "reviews", "v1"))]);
    for (args, said) in [
        (&["apply"][..], "say what to apply: -f FILE, -f DIR or -f - for standard input"),
        (&["apply", "-f", "a.yaml", "--prune"], "--prune needs to know of what: --set NAME, or labels (-l)"),
        (&["delete", "vs"], "say which: NAME..., labels (-l), --set NAME or -f FILE"),
        (&["delete", "vs", "a", "-A"], "a resource that is named is of one namespace (-n), not of all"),
        (&["delete", "pods", "a"], "no such kind: `pods`; known are: "),
        (&["diff", "vs"], "say from which revision (`mainsheet log` lists them), or -f FILE"),
        (
            &["diff", "41", "-f", "a.yaml"],
            "files are compared with what is served: revisions and kinds don't go with -f",
        ),
        (&["log", "vs", "a", "b"], "2 resources are named; name one, or select by labels (-l)"),
        (
            &["rollback", "--to", "41"],
            "nobody is there to be asked: mean it by --yes (-y), or look with --dry-run",
        ),
        (&["release"], "say which holds end: KIND, NAME, -n, -l, or --all"),
        (&["release", "vs", "--all"], "--all goes without anything that selects"),
    ] {
        let ended = run(&folder, args);
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{args:?}: {}", ended.err);
        assert!(ended.err.starts_with(&format!("error: {said}")), "{args:?}: {}", ended.err);
    }
}

#[test]
fn file_that_is_not_there_is_an_error() {
    let ended = run(&folder(&[]), &["apply", "-f", "nowhere.yaml"]);
    let err = "error: can't read `nowhere.yaml`: No such file or directory (os error 2)\n";
    assert_eq!(ended, Ended { code: 1, out: String::new(), err: err.into() });
}
