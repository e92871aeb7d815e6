use super::rig::{Ended, folder, route, run, run_with};

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

#[test]
fn what_is_wrong_is_told_with_its_place_and_fails() {
    let folder =
        folder(&[("mesh/a.yaml", &route("shop", "reviews", "reviews")), ("mesh/sub/typo.yaml", TYPO)]);
    let ended = run(&folder, &["validate", "mesh"]);
    let expected = "\
mesh/sub/typo.yaml:7:3: spec.htpp: no field is named `htpp` here; did you mean `http`? [unknown-field]
1 accepted, 0 with warnings, 1 rejected, 0 ignored
";
    assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (1, expected, ""));
}

#[test]
fn files_are_named_as_they_were_given() {
    let folder =
        folder(&[("typo.yaml", TYPO), ("more/typo.yaml", &TYPO.replace("name: typo", "name: other"))]);
    let line = "7:3: spec.htpp: no field is named `htpp` here; did you mean `http`? [unknown-field]";
    let one = run(&folder, &["validate", "./typo.yaml"]);
    assert_eq!(one.out.lines().next().unwrap(), format!("./typo.yaml:{line}"));
    let both = run(&folder, &["validate", "typo.yaml", "more"]);
    let lines: Vec<_> = both.out.lines().take(2).collect();
    assert_eq!(lines, [format!("more/typo.yaml:{line}"), format!("typo.yaml:{line}")]);
}

#[test]
fn standard_input_is_read_where_it_is_named() {
    let ended =
        run_with(&folder(&[]), &["validate", "-"], &[], &format!("{}---\n{TYPO}", route("a", "b", "c")));
    let expected = "\
-:20:3: spec.htpp: no field is named `htpp` here; did you mean `http`? [unknown-field]
1 accepted, 0 with warnings, 1 rejected, 0 ignored
";
    assert_eq!((ended.code, ended.out.as_str()), (1, expected));
}

#[test]
fn path_that_is_not_there_is_an_error() {
    let ended = run(&folder(&[]), &["validate", "nowhere"]);
    let err = "error: can't look at `nowhere`: No such file or directory (os error 2)\n".to_owned();
    assert_eq!(ended, Ended { code: 1, out: String::new(), err });
}

#[test]
fn nothing_to_validate_is_a_usage_error() {
    assert_eq!(run(&folder(&[]), &["validate"]).code, 2);
}
