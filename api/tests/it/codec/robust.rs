//! No text makes the reader panic, loop or forget that it was there.

use mainsheet_api::codec::{Content, read};
use proptest::prelude::*;

use super::{DEFAULTS, envoy, kubernetes};

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
            Content::Resource { resource, map } => {
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
