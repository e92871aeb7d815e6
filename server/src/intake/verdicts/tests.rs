use std::collections::BTreeSet;

use mainsheet_api::{
    kind::Kind,
    verdict::{Position, Severity},
};

use super::*;

fn files() -> SourceName {
    SourceName(Arc::from("files"))
}

fn key(name: &str) -> Key {
    Key::new(Kind::VIRTUAL_SERVICE, "shop", name)
}

fn finding(reason: &str) -> Finding {
    Finding {
        code: "c".to_owned(),
        severity: Severity::Error,
        path: "spec".to_owned(),
        position: Position { line: 3, column: 5 },
        reason: reason.to_owned(),
        remedy: String::new(),
    }
}

/// A report in which these are rejected.
fn report(origin: &str, rejected: &[&str]) -> Judged {
    let rejected =
        rejected.iter().map(|name| Rejected { key: Some(key(name)), line: 1, findings: vec![finding("no")] });
    Judged {
        origin: origin.to_owned(),
        completeness: Completeness::Whole,
        written: None,
        accepted: Vec::new(),
        rejected: rejected.collect(),
        ignored: 0,
    }
}

fn round(is_whole: bool, reports: Vec<Judged>) -> JudgedRound {
    let (released, named, withheld) = Default::default();
    JudgedRound { source: files(), is_whole, reports, released, named, withheld }
}

fn origins(verdicts: &VerdictsWriter) -> Vec<String> {
    verdicts.reader().rejected().into_iter().map(|candidate| candidate.origin).collect()
}

fn unsaved(verdicts: &mut VerdictsWriter) -> Vec<(String, bool)> {
    verdicts.take_unsaved().into_iter().map(|(key, value)| (key, value.is_some())).collect()
}

#[test]
fn list_holds_what_is_rejected_now() {
    let mut verdicts = VerdictsWriter::default();
    verdicts.take_in(&round(true, vec![report("a", &["r", "s"]), report("b", &["t"])]));
    assert_eq!((origins(&verdicts), verdicts.reader().len()), (vec!["a".into(), "a".into(), "b".into()], 3));
    verdicts.take_in(&round(false, vec![report("a", &["s"])]));
    assert_eq!(origins(&verdicts), ["a", "b"]);
    verdicts.take_in(&round(true, vec![report("a", &[])]));
    assert!(verdicts.reader().is_empty(), "b is gone");
}

#[test]
fn folder_that_could_not_be_looked_at_keeps_its_verdicts() {
    let mut verdicts = VerdictsWriter::default();
    verdicts.take_in(&round(true, vec![report("sub/a", &["r"]), report("b", &["t"])]));
    let unknown = Judged { completeness: Completeness::Partial, ..report("sub/", &[]) };
    verdicts.take_in(&round(true, vec![unknown]));
    assert_eq!(origins(&verdicts), ["sub/a"]);
}

#[test]
fn only_what_changed_is_saved() {
    let mut verdicts = VerdictsWriter::default();
    verdicts.take_in(&round(true, vec![report("a", &["r"]), report("b", &[])]));
    assert_eq!(unsaved(&mut verdicts), [("rejected/files/a".to_owned(), true)]);
    verdicts.take_in(&round(false, vec![report("a", &["r"]), report("b", &[])]));
    assert!(!verdicts.is_unsaved());
    verdicts.take_in(&round(false, vec![report("a", &[])]));
    assert_eq!(unsaved(&mut verdicts), [("rejected/files/a".to_owned(), false)]);
    assert!(!verdicts.is_unsaved());
}

#[test]
fn verdicts_of_an_earlier_run_are_removed_once_everything_was_told() {
    let mut verdicts = VerdictsWriter::default();
    verdicts.stored_before(
        ["rejected/files/gone", "rejected/files/a", "rejected/other/x", "source/files/completed"]
            .map(String::from),
    );
    assert!(!verdicts.is_unsaved());
    verdicts.take_in(&round(true, vec![report("a", &["r"])]));
    let expected = [("rejected/files/a".to_owned(), true), ("rejected/files/gone".to_owned(), false)];
    assert_eq!(unsaved(&mut verdicts), expected);
}

#[test]
fn what_could_not_be_saved_is_taken_again() {
    let mut verdicts = VerdictsWriter::default();
    verdicts.stored_before(["rejected/files/gone".to_owned()]);
    verdicts.take_in(&round(true, vec![report("a/b", &["r"])]));
    let taken = unsaved(&mut verdicts);
    assert!(taken.len() == 2 && !verdicts.is_unsaved());
    verdicts.not_saved(taken.iter().map(|(key, _)| key));
    assert!(verdicts.is_unsaved());
    assert_eq!(unsaved(&mut verdicts), taken);
}

#[test]
fn stored_form_is_json_for_others_to_read() {
    let mut verdicts = VerdictsWriter::default();
    verdicts.take_in(&round(true, vec![report("a", &["r"])]));
    let (_, value) = verdicts.take_unsaved().remove(0);
    let text = String::from_utf8(value.unwrap().to_vec()).unwrap();
    assert_eq!(
        text,
        r#"[{"key":"VirtualService shop/r","line":1,"findings":[{"code":"c","path":"spec","line":3,"column":5,"reason":"no","remedy":""}]}]"#
    );
}

#[test]
fn keys_that_rejected_documents_name_are_told_by_origin() {
    let mut verdicts = VerdictsWriter::default();
    verdicts.take_in(&round(true, vec![report("a", &["r"]), report("b", &["t"])]));
    let by = |origin: &str| BTreeSet::from([origin.to_owned()]);
    assert_eq!(verdicts.named(&files()), Named::from([(key("r"), by("a")), (key("t"), by("b"))]));
    assert_eq!(verdicts.namespaces_of(&files(), "a"), BTreeSet::from([Arc::from("shop")]));
    let other = SourceName(Arc::from("other"));
    assert!(verdicts.named(&other).is_empty() && verdicts.namespaces_of(&other, "a").is_empty());
}

#[test]
fn too_many_rejected_documents_keep_their_keys_and_lose_their_findings() {
    let names: Vec<String> = (0..=REJECTED_LEN_MAX).map(|n| format!("r{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut verdicts = VerdictsWriter::default();
    verdicts.take_in(&round(true, vec![report("a", &names)]));
    let rejected = verdicts.reader().rejected();
    assert_eq!(rejected.len(), REJECTED_LEN_MAX + 1);
    assert_eq!(rejected.iter().filter(|candidate| candidate.findings.is_empty()).count(), 1);
}

#[test]
fn names_of_sources_with_slashes_are_found_again() {
    for name in ["files:mesh", "files:/etc/mesh", "files:a%2Fb/c", "files:%25", "files:%252F"] {
        let source = SourceName(Arc::from(name));
        let key = stored_key(&source, "shop/a.yaml");
        assert_eq!(parsed_key(&key), Some((source, "shop/a.yaml".to_owned())), "{key}");
    }
    let key = stored_key(&SourceName(Arc::from("files:/etc/mesh")), "a.yaml");
    assert_eq!(key, "rejected/files:%2Fetc%2Fmesh/a.yaml");
}
