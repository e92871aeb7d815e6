//! What is refused, where, and what is said of it.

use mainsheet_api::codec::Content;

use super::{lines, rejected, single};

/// A VirtualService around lines of its spec, which begin at line 5.
fn virtual_service(spec: &str) -> String {
    format!("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: v}}\nspec:\n{spec}")
}

fn of(kind: &str, spec: &str) -> String {
    format!("apiVersion: networking.istio.io/v1\nkind: {kind}\nmetadata: {{name: v}}\nspec:\n{spec}")
}

/// The findings of a document whose key is known all the same.
fn keyed(text: &str) -> Vec<String> {
    let (key, findings) = rejected(text);
    assert!(key.is_some(), "{findings:?}");
    lines(&findings)
}

fn unkeyed(text: &str) -> Vec<String> {
    let (key, findings) = rejected(text);
    assert_eq!(key, None);
    lines(&findings)
}

#[test]
fn unknown_fields_are_refused_with_the_nearest_name() {
    assert_eq!(
        keyed(&virtual_service("  http:\n  - route:\n    - destination: {host: a}\n      wieght: 5\n")),
        [
            "8:7 unknown-field spec.http[0].route[0].wieght: no field is named `wieght` here; did you mean `weight`?"
        ]
    );
    assert_eq!(
        keyed(&of("Sidecar", "  colour: 5\n")),
        [
            "5:3 unknown-field spec.colour: no field is named `colour` here; known here: workloadSelector, ingress, egress, \
          outboundTrafficPolicy, inboundConnectionPool"
        ]
    );
}

#[test]
fn unknown_keys_around_the_spec_are_refused() {
    let text = "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata:\n  name: s\n  label: {a: b}\nspecs: {}\n";
    assert_eq!(
        keyed(text),
        [
            "5:3 unknown-field metadata.label: no field is named `label` here; did you mean `labels`?",
            "6:1 unknown-field specs: no field is named `specs` here; did you mean `spec`?",
        ]
    );
}

#[test]
fn duplicate_keys_are_refused_with_both_places_at_every_level() {
    let text = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata:\n  name: d\n  name: e\n  labels: {a: x, a: y}\nspec:\n  host: a\n  \
                subsets:\n  - name: s\n    labels:\n      v: a\n      v: b\n  host: b\nspec: {}\n";
    assert_eq!(
        keyed(text),
        [
            "5:3 duplicate-key metadata.name: `name` stands twice, first at 4:3; keep one of them",
            "6:18 duplicate-key metadata.labels[a]: `a` stands twice, first at 6:12; keep one of them",
            "13:7 duplicate-key spec.subsets[0].labels[v]: `v` stands twice, first at 12:7; keep one of them",
            "14:3 duplicate-key spec.host: `host` stands twice, first at 8:3; keep one of them",
            "15:1 duplicate-key spec: `spec` stands twice, first at 7:1; keep one of them",
        ]
    );
    assert_eq!(
        keyed(&of("Sidecar", "  workloadSelector: {}\n  workload_selector: {}\n")),
        [
            "6:3 duplicate-key spec.workloadSelector: `workload_selector` stands twice, first at 5:3; keep one of them"
        ]
    );
    assert_eq!(
        keyed(
            &of("EnvoyFilter", "  configPatches:\n  - patch: {value: {a: {b: 1, b: 2}}}\n")
                .replace("/v1\n", "/v1alpha3\n")
        ),
        [
            "6:31 duplicate-key spec.configPatches[0].patch.value.a.b: `b` stands twice, first at 6:25; keep one of them"
        ]
    );
}

#[test]
fn wrong_types_say_what_was_wanted_and_what_was_found() {
    let text = "  hosts: reviews\n  gateways: {a: b}\n  http:\n  - name: 5\n    timeout: [1]\n    route: 7\n    \
                rewrite: text\n    match:\n    - ignoreUriCase: yes\n      port: \"80\"\n      headers: []\n    - null\n";
    assert_eq!(
        keyed(&virtual_service(text)),
        [
            "5:3 wrong-type spec.hosts: wanted a list, found the text `reviews`; begin each item with `- `",
            "6:3 wrong-type spec.gateways: wanted a list, found a map; begin each item with `- `",
            "8:5 wrong-type spec.http[0].name: wanted a text, found the number `5`; quote it: \"5\"",
            "9:5 wrong-type spec.http[0].timeout: wanted a duration, found a list; write it as in 10s, 1m30s, 500ms or 1h",
            "10:5 wrong-type spec.http[0].route: wanted a list, found the number `7`; begin each item with `- `",
            "11:5 wrong-type spec.http[0].rewrite: wanted a map (HTTPRewrite), found the text `text`; ",
            "13:7 wrong-type spec.http[0].match[0].ignoreUriCase: wanted a boolean, found the text `yes`; write true, without quotes",
            "14:7 wrong-type spec.http[0].match[0].port: wanted an integer, found the text `80`; leave the quotes out",
            "15:7 wrong-type spec.http[0].match[0].headers: wanted a map, found a list; ",
            "16:7 wrong-type spec.http[0].match[1]: wanted a map (HTTPMatchRequest), found null; ",
        ]
    );
}

#[test]
fn integers_out_of_range_or_not_whole_are_refused() {
    let text = "  http:\n  - match:\n    - {port: -1}\n    - {port: 4294967296}\n    - {port: 1.5}\n    - {port: 012}\n    - {port: 8e1}\n";
    assert_eq!(
        keyed(&virtual_service(text)),
        [
            "7:8 out-of-range spec.http[0].match[0].port: -1 is not between 0 and 4294967295; ",
            "8:8 out-of-range spec.http[0].match[1].port: 4294967296 is not between 0 and 4294967295; ",
            "9:8 wrong-type spec.http[0].match[2].port: wanted an integer, found the number `1.5`; ",
            "10:8 wrong-type spec.http[0].match[3].port: wanted an integer, found the text `012`; write it in decimal, without leading zeros",
        ]
    );
}

#[test]
fn unknown_enum_values_list_what_is_allowed() {
    let rule = |mode: &str| {
        of("DestinationRule", &format!("  host: h\n  trafficPolicy: {{tls: {{mode: {mode}}}}}\n"))
    };
    let allowed = "allowed: DISABLE, SIMPLE, MUTUAL, ISTIO_MUTUAL";
    assert_eq!(
        keyed(&rule("SIMPEL")),
        [format!(
            "6:25 unknown-enum-value spec.trafficPolicy.tls.mode: the text `SIMPEL` is no value of TLSmode; did you mean `SIMPLE`? {allowed}"
        )]
    );
    assert_eq!(
        keyed(&rule("7")),
        [format!(
            "6:25 unknown-enum-value spec.trafficPolicy.tls.mode: the number `7` is no value of TLSmode; {allowed}"
        )]
    );
    assert_eq!(
        keyed(&rule("true")),
        [format!(
            "6:25 wrong-type spec.trafficPolicy.tls.mode: wanted a name of TLSmode, found the boolean `true`; {allowed}"
        )]
    );
}

#[test]
fn durations_need_a_unit_that_has_one_length() {
    let remedy = "write it as in 10s, 1m30s, 500ms or 1h";
    let text = "  http:\n  - timeout: 1d\n  - timeout: 10\n  - timeout: soon\n  - timeout: ''\n";
    assert_eq!(
        keyed(&virtual_service(text)),
        [
            format!("6:5 bad-duration spec.http[0].timeout: the text `1d`: `d` is no unit; {remedy}"),
            format!("7:5 bad-duration spec.http[1].timeout: the number `10` has no unit; {remedy}"),
            format!(
                "8:5 bad-duration spec.http[2].timeout: the text `soon`: `soon` does not begin with a number; {remedy}"
            ),
            format!("9:5 bad-duration spec.http[3].timeout: the text ``: it is empty; {remedy}"),
        ]
    );
}

#[test]
fn two_members_of_a_oneof_are_refused() {
    assert_eq!(
        keyed(&virtual_service("  http:\n  - match:\n    - uri:\n        exact: /a\n        prefix: /b\n")),
        [
            "9:9 two-of-a-oneof spec.http[0].match[0].uri.prefix: `prefix` and `exact` exclude each other; set one of exact, prefix, regex"
        ]
    );
    // Null is as good as not written.
    let text = virtual_service("  http:\n  - match:\n    - uri:\n        exact: /a\n        prefix: null\n");
    super::accepted(&text);
}

#[test]
fn what_json_can_not_say_is_refused_in_its_place() {
    let text = "  hosts: !!seq [a]\n  <<: {http: []}\n  gateways: [*nothing]\n  ? [a]\n  : b\n";
    let found = keyed(&virtual_service(text));
    let codes: Vec<_> = found.iter().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(
        codes,
        [
            "5:3 tag spec.hosts",
            "6:3 merge-key spec.<<",
            "7:14 unknown-alias spec.gateways[0]",
            "8:5 key-not-text spec.?",
        ]
    );
}

#[test]
fn a_misspelt_kind_of_a_served_group_is_refused_and_that_of_another_is_ignored() {
    assert_eq!(
        unkeyed("apiVersion: networking.istio.io/v1\nkind: Virtualservice\n"),
        [
            "2:1 unknown-kind : `networking.istio.io` has no kind `Virtualservice`; did you mean `VirtualService`?"
        ]
    );
    let other = single("apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\n");
    assert!(matches!(other, Content::Ignored { .. }));
}

#[test]
fn a_known_kind_under_an_unknown_version_names_the_served_ones() {
    let text = "apiVersion: security.istio.io/v1alpha1\nkind: PeerAuthentication\nmetadata: {name: p}\n";
    assert_eq!(
        keyed(text),
        [
            "1:1 unknown-version apiVersion: PeerAuthentication is not served as `security.istio.io/v1alpha1`; \
          served: security.istio.io/v1, security.istio.io/v1beta1"
        ]
    );
}

#[test]
fn a_document_needs_a_name() {
    let remedy = "give it a name: it is what updates and deletions go by";
    for metadata in
        ["", "metadata: {}\n", "metadata: {namespace: n, generateName: x-}\n", "metadata: {name: ''}\n"]
    {
        let text = format!("apiVersion: networking.istio.io/v1\nkind: Sidecar\n{metadata}");
        assert_eq!(
            unkeyed(&text),
            [format!("1:1 missing-name : metadata.name is missing; {remedy}")],
            "{text}"
        );
    }
    let text = "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: 5}\n";
    assert_eq!(
        unkeyed(text),
        ["3:12 wrong-type metadata.name: wanted a text, found the number `5`; quote it: \"5\""]
    );
}

#[test]
fn documents_that_say_nothing_of_their_kind_are_refused() {
    let remedy = "every document needs apiVersion, kind and metadata.name";
    assert_eq!(
        unkeyed("kind: Sidecar\n"),
        [format!("1:1 missing-api-version : the document has no `apiVersion`; {remedy}")]
    );
    assert_eq!(
        unkeyed("apiVersion: v1\nkind: 5\n"),
        [format!("2:7 missing-kind : the document has no `kind`; {remedy}")]
    );
    assert_eq!(unkeyed("hello\n")[0].split(": ").next(), Some("1:1 not-a-document "));
    assert_eq!(unkeyed("[1]\n")[0].split(": ").next(), Some("1:1 not-a-document "));
}

#[test]
fn a_flood_of_errors_is_cut() {
    let fields: String = (0..500).map(|n| format!("  field{n}: 1\n")).collect();
    let found = keyed(&virtual_service(&fields));
    assert_eq!(found.len(), 101);
    assert!(found[100].contains("too-many-findings"), "{}", found[100]);
}
