//! Fields that a kind does not have, under each of the three strictnesses.

use mainsheet_api::{
    codec::{Content, Defaults, UnknownFields, read},
    resource::Resource,
    verdict::{Finding, Severity},
};
use proptest::prelude::*;

use super::{DEFAULTS, envoy, kubernetes, lines};

fn contents(text: &str, unknown_fields: UnknownFields) -> Vec<Content> {
    let documents = read(text, Defaults { unknown_fields, ..DEFAULTS });
    documents.into_iter().map(|document| document.content).collect()
}

/// The only document of a text, which is accepted.
fn accepted(text: &str, unknown_fields: UnknownFields) -> (Resource, Vec<Finding>) {
    match contents(text, unknown_fields).remove(0) {
        Content::Resource { resource, warnings, .. } => (*resource, warnings),
        other => panic!("not accepted: {other:?}\n{text}"),
    }
}

fn rejected(text: &str, unknown_fields: UnknownFields) -> Vec<Finding> {
    match contents(text, unknown_fields).remove(0) {
        Content::Rejected { findings, .. } => findings,
        other => panic!("not rejected: {other:?}\n{text}"),
    }
}

/// A text without and with unknown fields: the second is refused, or read as the first with these warnings.
fn is_left_out(without: &str, with: &str, expected: &[&str]) {
    let (same, none) = accepted(without, UnknownFields::Warn);
    assert_eq!(none, []);
    let refused = rejected(with, UnknownFields::Strict);
    assert!(refused.iter().all(|finding| finding.severity == Severity::Error));
    let (resource, warnings) = accepted(with, UnknownFields::Warn);
    assert_eq!((&resource, lines(&warnings)), (&same, lines(&refused)));
    assert!(warnings.iter().all(|finding| finding.severity == Severity::Warning));
    assert_eq!(lines(&warnings), expected);
    assert_eq!(accepted(with, UnknownFields::Ignore), (same, Vec::new()));
}

#[test]
fn unknown_fields_of_istios_kinds_are_left_out_at_every_level() {
    let text = |top: &str, metadata: &str, spec: &str, route: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\n{top}metadata:\n  name: v\n{metadata}\
             spec:\n  hosts: [a]\n{spec}  http:\n  - route:\n    - destination: {{host: a}}\n{route}"
        )
    };
    is_left_out(
        &text("", "", "", ""),
        &text("spce: {}\n", "  label: {a: b}\n", "  colour: {deep: [{deeper: 1}]}\n", "      wieght: 5\n"),
        &[
            "3:1 unknown-field spce: no field is named `spce` here; did you mean `spec`?",
            "6:3 unknown-field metadata.label: no field is named `label` here; did you mean `labels`?",
            "9:3 unknown-field spec.colour: no field is named `colour` here; known here: hosts, gateways, http, tcp, tls, exportTo",
            "13:7 unknown-field spec.http[0].route[0].wieght: no field is named `wieght` here; did you mean `weight`?",
        ],
    );
}

#[test]
fn unknown_fields_of_envoys_kinds_and_of_what_is_packed_in_them_are_left_out() {
    let text = |top: &str, inner: &str, timeout: &str| {
        format!(
            "\"@type\": type.googleapis.com/envoy.config.cluster.v3.Cluster\nname: c\n{top}\
             typed_extension_protocol_options:\n  x:\n    \"@type\": type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment\n\
             \x20   cluster_name: e\n{inner}\
             \x20 y: {{\"@type\": type.googleapis.com/google.protobuf.Duration, value: 1s{timeout}}}\n"
        )
    };
    is_left_out(
        &text("", "", ""),
        &text("lb_polcy: RANDOM\n", "    endpoint: []\n", ", unit: s"),
        &[
            "3:1 unknown-field lb_polcy: no field is named `lb_polcy` here; did you mean `lb_policy`?",
            "8:5 unknown-field typed_extension_protocol_options[x].endpoint: no field is named `endpoint` here; did you mean `endpoints`?",
            "9:73 unknown-field typed_extension_protocol_options[y].unit: no field is named `unit` here; known here: value",
        ],
    );
}

#[test]
fn misspelt_value_of_a_packed_duration_is_missing_however_fields_are_taken() {
    let text = "\"@type\": type.googleapis.com/envoy.config.cluster.v3.Cluster\nname: c\ntyped_extension_protocol_options:\n  \
                x: {\"@type\": type.googleapis.com/google.protobuf.Duration, valeu: 1s}\n";
    for unknown_fields in [UnknownFields::Warn, UnknownFields::Ignore] {
        assert_eq!(rejected(text, unknown_fields)[0].code, "missing-value");
    }
}

#[test]
fn misspelt_list_of_resources_is_refused_however_fields_are_taken() {
    for text in [
        "apiVersion: v1\nkind: List\nitem: []\n",
        "apiVersion: networking.istio.io/v1\nkind: SidecarList\nitems: []\nitmes: []\n",
        "\"@type\": type.googleapis.com/envoy.service.discovery.v3.DiscoveryResponse\nresorces: []\n",
    ] {
        for unknown_fields in [UnknownFields::Warn, UnknownFields::Ignore] {
            assert_eq!(rejected(text, unknown_fields)[0].code, "unknown-field", "{text}");
        }
    }
}

#[test]
fn second_type_is_refused_however_fields_are_taken() {
    let url = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
    let outer = format!("\"@type\": {url}\nname: c\n\"@type\": {url}\n");
    let inner = format!(
        "\"@type\": {url}\nname: c\ntyped_extension_protocol_options:\n  x:\n    \"@type\": {url}\n    \"@type\": {url}\n"
    );
    for unknown_fields in [UnknownFields::Strict, UnknownFields::Warn, UnknownFields::Ignore] {
        let found = [&outer, &inner].map(|text| lines(&rejected(text, unknown_fields)));
        assert_eq!(
            found,
            [
                ["3:1 duplicate-key @type: `@type` stands twice, first at 1:1; keep one of them"],
                [
                    "6:5 duplicate-key typed_extension_protocol_options[x].@type: `@type` stands twice, first at 5:5; keep one of them"
                ],
            ]
        );
    }
}

#[test]
fn no_number_of_warnings_hides_an_error() {
    let unknown: String = (0..500).map(|n| format!("  field{n}: 1\n")).collect();
    let text = |last: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {{name: s}}\nspec:\n{unknown}{last}"
        )
    };
    let (_, warnings) = accepted(&text(""), UnknownFields::Warn);
    assert_eq!((warnings.len(), &*warnings[100].code), (101, "too-many-findings"));
    assert!(warnings.iter().all(|finding| finding.severity == Severity::Warning));
    let findings = rejected(&text("  ingress: 5\n"), UnknownFields::Warn);
    assert_eq!((findings.len(), &*findings[0].code), (102, "wrong-type"));
}

/// Documents of all families, several in a text, and packed messages.
fn texts() -> Vec<String> {
    let response = "resources:\n- {\"@type\": type.googleapis.com/envoy.config.cluster.v3.Cluster, name: a, alt_stat_name: b}\n";
    let any = "\"@type\": type.googleapis.com/envoy.config.cluster.v3.Cluster\nname: c\ntyped_extension_protocol_options:\n  \
               x:\n    \"@type\": type.googleapis.com/google.protobuf.Duration\n    value: 1s\n";
    let all = [kubernetes::REVIEWS, envoy::CLUSTER, envoy::LISTENER, response, any];
    all.into_iter().map(str::to_owned).chain([[all[0], all[1]].join("\n---\n")]).collect()
}

/// Misspells some keys, whatever they are, or adds some beside them.
fn damaged(text: &str, edits: &[(prop::sample::Index, usize)]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (at, how) in edits {
        let keyed: Vec<usize> = (0..lines.len()).filter(|line| lines[*line].contains(':')).collect();
        let Some(line) = keyed.get(at.index(keyed.len().max(1))).copied() else { continue };
        let at_key = lines[line].find(|c: char| !matches!(c, ' ' | '-')).unwrap_or(0);
        match how {
            0 => lines[line].insert(at_key, 'x'),
            1 => drop(lines[line].remove(at_key)),
            2 => lines.insert(line, format!("{}odd{}: {{a: [1]}}", " ".repeat(at_key), lines.len())),
            _ => lines[line] = lines[line].replacen(": ", ": \"\" #", 1),
        }
    }
    lines.join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn warn_accepts_what_ignore_accepts_and_warns_where_strict_rejects(
        text in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..8_usize), 0..5),
    ) {
        let texts = texts();
        let text = damaged(&texts[text.index(texts.len())], &edits);
        let [strict, warn, ignore] =
            [UnknownFields::Strict, UnknownFields::Warn, UnknownFields::Ignore].map(|how| contents(&text, how));
        prop_assert_eq!(strict.len(), warn.len());
        prop_assert_eq!(warn.len(), ignore.len());
        for ((strict, warn), ignore) in strict.into_iter().zip(warn).zip(ignore) {
            match (warn, ignore) {
                (
                    Content::Resource { resource, warnings, .. },
                    Content::Resource { resource: ignored, warnings: silent, .. },
                ) => {
                    prop_assert_eq!(&resource, &ignored);
                    prop_assert!(silent.is_empty());
                    match strict {
                        Content::Resource { resource: strict, warnings: none, .. } => {
                            prop_assert_eq!((strict, none, warnings), (resource, Vec::new(), Vec::new()));
                        }
                        Content::Rejected { key, findings } => {
                            prop_assert_eq!(key.as_ref(), Some(&resource.key));
                            prop_assert_eq!(lines(&findings), lines(&warnings), "{}", text);
                        }
                        Content::Ignored { what } => prop_assert!(false, "{what} is served under warn:\n{text}"),
                    }
                }
                (Content::Rejected { findings, .. }, Content::Rejected { findings: ignored, .. }) => {
                    prop_assert!(matches!(strict, Content::Rejected { .. }), "{text}");
                    let errors: Vec<_> =
                        findings.into_iter().filter(|finding| finding.severity == Severity::Error).collect();
                    prop_assert_eq!(errors, ignored);
                }
                (Content::Ignored { .. }, Content::Ignored { .. }) => {
                    prop_assert!(matches!(strict, Content::Ignored { .. }), "{text}");
                }
                (warn, ignore) => prop_assert!(false, "{warn:?}\n{ignore:?}\n{text}"),
            }
        }
    }
}
