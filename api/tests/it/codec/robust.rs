//! No text makes the reader panic, loop or forget that it was there.

use mainsheet_api::{
    codec::{Content, read},
    limits::FINDING_TEXT_BYTES_MAX,
};
use proptest::prelude::*;

use super::{DEFAULTS, accepted, envoy, kubernetes, rejected};

/// What tears documents apart in interesting ways.
const SNIPPETS: [&str; 24] = [
    "\n",
    "\n---\n",
    ": ",
    "- ",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "&a ",
    "*a",
    "!t ",
    "? ",
    "<<: ",
    "\t",
    "|\n",
    "#",
    "null",
    "-1",
    "1e999",
    "\u{feff}",
    "%YAML 1.1\n",
    "  ",
];

/// Whatever was read, findings and positions hold together.
fn check(text: &str) {
    for document in read(text, DEFAULTS) {
        match document.content {
            Content::Resource { resource, map, .. } => {
                assert!(!resource.key.name.is_empty() && !resource.key.namespace.is_empty());
                assert_eq!(map.locate("").line, document.line);
            }
            Content::Rejected { findings, .. } => assert!(!findings.is_empty()),
            Content::Ignored { what } => assert!(!what.is_empty()),
        }
    }
}

fn mutated(text: &str, edits: &[(usize, usize, usize)]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for (at, cut, snippet) in edits {
        let at = at % (chars.len() + 1);
        let end = (at + cut).min(chars.len());
        chars.splice(at..end, SNIPPETS[snippet % SNIPPETS.len()].chars());
    }
    chars.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,200}") {
        check(&text);
    }

    #[test]
    fn no_mixture_of_yamls_signs_makes_the_reader_panic(picks in prop::collection::vec(0..SNIPPETS.len(), 0..60)) {
        check(&picks.into_iter().map(|pick| SNIPPETS[pick]).collect::<String>());
    }

    #[test]
    fn no_damage_to_a_document_makes_the_reader_panic(
        edits in prop::collection::vec((any::<usize>(), 0..6_usize, any::<usize>()), 1..6),
    ) {
        for text in [kubernetes::REVIEWS, envoy::CLUSTER, envoy::LISTENER] {
            check(&mutated(text, &edits));
        }
    }

    #[test]
    fn a_half_written_file_never_reads_as_another_resource(cut in 0..kubernetes::REVIEWS.len()) {
        for document in read(&kubernetes::REVIEWS[..cut], DEFAULTS) {
            if let Content::Resource { resource, .. } = document.content {
                prop_assert!("reviews".starts_with(&*resource.key.name));
            }
        }
    }
}

/// An EnvoyFilter whose free-form value holds this, in flow style.
fn filter_of(value: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {{name: x}}\nspec:\n  configPatches:\n  - applyTo: CLUSTER\n    patch: {{operation: MERGE, value: {value}}}\n"
    )
}

#[test]
fn aliases_of_a_text_are_encoded_up_to_their_bytes_and_refused_beyond() {
    let text = "k".repeat(100_000);
    let value = |times: usize| filter_of(&format!("{{a: &a {text}, b: [{}]}}", "*a ,".repeat(times)));
    let (resource, _) = accepted(&value(30));
    assert!((31 * text.len()..32 * text.len()).contains(&resource.body.value.len()));
    let (_, findings) = rejected(&value(100));
    assert!(findings.iter().all(|finding| finding.code.starts_with("too-many")), "{:?}", findings[0]);
    assert!(findings[0].path.starts_with("spec.configPatches[0].patch.value.b["), "{}", findings[0].path);
}

#[test]
fn findings_below_and_about_long_keys_are_cut() {
    let (key, levels) = ("é".repeat(1000), 20);
    let below = format!("{}yes{}", format!("{{\"{key}\": ").repeat(levels), "}".repeat(levels));
    let about = format!(
        "\"@type\": type.googleapis.com/envoy.config.cluster.v3.Cluster\nname: x\ntyped_extension_protocol_options: {{a: {{\"@type\": {}}}}}\n",
        "k".repeat(100_000)
    );
    let typed = format!(
        "apiVersion: networking.istio.io/{}\nkind: Sidecar\nmetadata: {{name: x}}\n",
        "é".repeat(50_000)
    );
    let not_yaml = format!("\"{key}");
    for text in [filter_of(&below), about, typed, not_yaml] {
        for finding in rejected(&text).1 {
            for text in [&finding.path, &finding.reason, &finding.remedy] {
                assert!(text.len() <= FINDING_TEXT_BYTES_MAX, "{}: {} bytes", finding.code, text.len());
            }
        }
    }
    let (_, findings) = rejected(&filter_of(&below));
    assert_eq!(findings[0].code, "ambiguous-text");
    assert!(findings[0].path.starts_with("spec.configPatches[0].patch.value.é"), "{}", findings[0].path);
    assert!(findings[0].path.ends_with("..."), "{}", findings[0].path);
}

#[test]
fn long_key_is_refused_where_it_stands() {
    let (_, findings) = rejected(&format!(
        "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata:\n  name: x\n  labels:\n    ? {}\n    : a\n",
        "k".repeat(10_000)
    ));
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!((&*findings[0].code, findings[0].position.line), ("key-too-long", 6));
}
