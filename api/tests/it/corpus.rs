//! The documents of `bench/interop/validation`, which istioctl judges too where it is installed: each gets the verdict that
//! its first line expects.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use mainsheet_api::{
    codec::{self, Content, Defaults, UnknownFields},
    kind::Kind,
    validate::{self, Options},
    verdict::{Finding, Severity},
};

const DEFAULTS: Defaults<'static> =
    Defaults { namespace: "shop", scope: "", unknown_fields: UnknownFields::Strict };

/// A kind has at least this many documents that are taken, and as many that are not.
const EITHER_LEN_MIN: usize = 10;

/// Codes of what only Kubernetes refuses: istiod, which the documents are about, takes it.
const KUBERNETES_ONLY: &str = "crd-";

/// One document.
struct Case {
    /// `virtual_service no-routes`
    name: String,
    kind: String,
    expected: Expected,
    text: String,
}

/// What its first line says: `accepted`, `warning CODE`, `rejected CODE`.
#[derive(Debug, PartialEq, Eq)]
struct Expected {
    severity: Option<Severity>,
    codes: BTreeSet<String>,
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench/interop/validation");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let of_file = |file: &Path| {
        let stem = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(file).unwrap();
        text.split("---\n").map(|text| case(&stem, text)).collect::<Vec<_>>()
    };
    files.iter().flat_map(|file| of_file(file)).collect()
}

fn case(stem: &str, text: &str) -> Case {
    let field = |before: &str| {
        let rest = text.split_once(before).unwrap_or_else(|| panic!("no `{before}` in {stem}: {text}")).1;
        rest.split([',', '}', '\n']).next().unwrap().to_owned()
    };
    let name = format!("{stem} {}", field("metadata: {name: "));
    let head = text.lines().next().and_then(|line| line.strip_prefix("# expect: "));
    let head = head.unwrap_or_else(|| panic!("{name} expects nothing"));
    let (verdict, codes) = head.split_once(' ').unwrap_or((head, ""));
    let severity = match verdict {
        "accepted" => None,
        "warning" => Some(Severity::Warning),
        "rejected" => Some(Severity::Error),
        other => panic!("{name} expects `{other}`"),
    };
    let codes = codes.split(", ").filter(|code| !code.is_empty()).map(str::to_owned).collect();
    Case { name, kind: field("\nkind: "), expected: Expected { severity, codes }, text: text.to_owned() }
}

/// The heaviest findings of the document, as codes.
fn judge(text: &str) -> Expected {
    let mut documents = codec::read(text, DEFAULTS);
    assert_eq!(documents.len(), 1, "{text}");
    let findings = match documents.remove(0).content {
        Content::Resource { resource, .. } => validate::check(&resource, Options::default()),
        Content::Rejected { findings, .. } => findings,
        Content::Ignored { what } => panic!("{what} is ignored: {text}"),
    };
    let counted: Vec<Finding> =
        findings.into_iter().filter(|finding| !finding.code.starts_with(KUBERNETES_ONLY)).collect();
    let severity = counted.iter().map(|finding| finding.severity).max();
    let heaviest = counted.into_iter().filter(|finding| Some(finding.severity) == severity);
    Expected { severity, codes: heaviest.map(|finding| finding.code).collect() }
}

#[test]
fn every_document_gets_the_verdict_that_it_expects() {
    let wrong: Vec<String> = cases()
        .iter()
        .filter_map(|case| {
            let found = judge(&case.text);
            (found != case.expected)
                .then(|| format!("{}: {found:?} instead of {:?}", case.name, case.expected))
        })
        .collect();
    assert!(wrong.is_empty(), "{} documents:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_kind_has_documents_that_are_taken_and_such_that_are_not() {
    let (mut names, mut counts) = (BTreeSet::new(), BTreeMap::<String, [usize; 2]>::new());
    for case in cases() {
        assert!(names.insert(case.name.clone()), "{} twice", case.name);
        counts.entry(case.kind).or_default()[usize::from(case.expected.severity == Some(Severity::Error))] +=
            1;
    }
    let kinds =
        Kind::all().filter(|kind| kind.info().from_documents && kind.api_version().contains(".istio.io/"));
    for kind in kinds {
        let [taken, rejected] = counts.remove(&kind.to_string()).unwrap_or_default();
        assert!(
            taken >= EITHER_LEN_MIN && rejected >= EITHER_LEN_MIN,
            "{kind}: {taken} taken, {rejected} rejected"
        );
    }
    assert_eq!(counts, BTreeMap::new(), "no kinds of Istio's");
}
