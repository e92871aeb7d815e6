//! The cases of `tests/validation`: each document yields exactly the findings that it announces.
//!
//! A file is a kind, and holds specs, or whole documents where metadata matters. `MAINSHEET_CASES=DIR` writes them out as
//! whole documents, for a look by another judge.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use mainsheet_api::{
    codec::{self, Content, Defaults, UnknownFields},
    kind::Kind,
    resource::Resource,
    validate::{self, CrdRules, Options},
    verdict::{Finding, Severity},
};
use proptest::prelude::*;

const DEFAULTS: Defaults<'static> =
    Defaults { namespace: "shop", scope: "", unknown_fields: UnknownFields::Strict };

/// Codes that no document can have: the codec refuses it first, or the text would be huge. Tests of their own follow.
const UNWRITABLE: [&str; 12] = [
    "body-type",
    "body-undecodable",
    "envoy-name",
    "dr-proxy-version",
    "se-resolution",
    "se-dynamic-location",
    "sc-dynamic-dns",
    "crd-enum",
    "vs-response-size",
    "regex-length",
    "wasm-secret",
    "wasm-name",
];

struct Case {
    name: String,
    /// (code, path), none for an accepted one.
    expected: BTreeSet<(String, String)>,
    text: String,
}

fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn cases() -> Vec<Case> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder("tests/validation")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().flat_map(|file| cases_of(file)).collect()
}

fn cases_of(file: &Path) -> Vec<Case> {
    let stem = file.file_stem().unwrap().to_str().unwrap();
    let text = fs::read_to_string(file).unwrap();
    let cases = text.split("--- # ").skip(1).enumerate();
    cases
        .map(|(index, case)| {
            let (head, body) = case.split_once('\n').unwrap();
            Case { name: format!("{stem}-{index:03}"), expected: expected(head), text: document(stem, body) }
        })
        .collect()
}

/// `refused CODE at PATH, CODE at PATH (istiod takes it)`
fn expected(head: &str) -> BTreeSet<(String, String)> {
    let Some(list) = head.strip_prefix("refused ") else {
        assert_eq!(head, "accepted");
        return BTreeSet::new();
    };
    let list = list.trim_end_matches(" (istiod takes it)");
    let pair =
        |item: &str| item.split_once(" at ").map(|(code, path)| (code.to_owned(), path.to_owned())).unwrap();
    list.split(", ").map(pair).collect()
}

fn document(stem: &str, body: &str) -> String {
    if body.starts_with("apiVersion") || body.starts_with("\"@type\"") {
        return body.to_owned();
    }
    let name: String = stem.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
    let kind = Kind::of_argument(&name).unwrap();
    let spec: String = body.lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "apiVersion: {}\nkind: {kind}\nmetadata: {{name: example, namespace: shop}}\nspec:\n{spec}",
        kind.api_version()
    )
}

/// Reads one document and checks it.
fn findings(text: &str) -> Vec<Finding> {
    let mut documents = codec::read(text, DEFAULTS);
    assert_eq!(documents.len(), 1, "{text}");
    match documents.remove(0).content {
        Content::Resource { resource, map, .. } => {
            let mut findings = validate::check(&resource, Options::default());
            map.place(&mut findings);
            findings
        }
        other => panic!("not a resource: {other:?}\n{text}"),
    }
}

/// Errors, that is: warnings have cases of their own, in `validation_rules`.
#[test]
fn every_case_yields_what_it_announces_and_nothing_else() {
    for case in cases() {
        let errors = findings(&case.text).into_iter().filter(|finding| finding.severity == Severity::Error);
        let found: BTreeSet<_> = errors.map(|finding| (finding.code, finding.path)).collect();
        assert_eq!(found, case.expected, "{}\n{}", case.name, case.text);
    }
}

#[test]
fn every_code_has_a_case() {
    let shown = cases().into_iter().flat_map(|case| case.expected).map(|(code, _)| code);
    let shown: BTreeSet<String> =
        shown.chain(crate::validation_rules::shown()).chain(crate::access::shown()).collect();
    let missing: Vec<_> = validate::code::all()
        .map(|code| code.id)
        .filter(|id| !shown.contains(*id) && !UNWRITABLE.contains(id))
        .collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn every_kind_has_accepted_and_refused_cases() {
    let mut counts: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    for case in cases() {
        let stem = case.name.rsplit_once('-').unwrap().0.to_owned();
        counts.entry(stem).or_default()[usize::from(case.expected.is_empty())] += 1;
    }
    assert_eq!(counts.len(), 18, "15 Istio kinds, ours, metadata and Envoy: {counts:?}");
    assert!(counts.values().all(|[refused, accepted]| *refused > 0 && *accepted > 0), "{counts:?}");
}

fn yaml_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            yaml_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            files.push(path);
        }
    }
}

#[test]
fn the_example_mesh_is_faultless() {
    let mut files = Vec::new();
    yaml_files(&folder("../manifests/examples"), &mut files);
    let mut keys = BTreeSet::new();
    for file in &files {
        for document in codec::read(&fs::read_to_string(file).unwrap(), DEFAULTS) {
            let Content::Resource { resource, .. } = document.content else {
                panic!("{}:{}: {:?}", file.display(), document.line, document.content);
            };
            let findings =
                validate::check(&resource, Options { crd_rules: CrdRules::Deny, ..Options::default() });
            let codes: Vec<_> = findings.iter().map(|finding| &*finding.code).collect();
            let of_every_one: &[&str] =
                if resource.key.kind.info().name == "EnvoyFilter" { &["ef-internal"] } else { &[] };
            assert_eq!(codes, of_every_one, "{}:{}", file.display(), document.line);
            assert!(keys.insert(resource.key.clone()), "{} twice", resource.key);
        }
    }
    let namespaces: BTreeSet<_> = keys.iter().map(|key| key.namespace.clone()).collect();
    assert!(keys.len() >= 20 && namespaces.len() >= 2, "{keys:?}");
}

#[test]
fn findings_stand_at_the_line_and_column_of_their_field() {
    let text = "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: reviews
spec:
  hosts:
  - reviews
  http:
  - timeout: 0s
    route:
    - destination:
        host: 10.0.0.1
";
    let found: Vec<_> = findings(text)
        .into_iter()
        .map(|finding| (finding.position.line, finding.position.column, finding.to_string()))
        .collect();
    let expected = [
        (
            9,
            5,
            "spec.http[0].timeout: shorter than 1ms or no whole number of milliseconds; use 1ms or longer [duration]",
        ),
        (
            12,
            9,
            "spec.http[0].route[0].destination.host: not a host to send to: `10.0.0.1`; use a service's name, such as \
             `reviews.shop.svc.cluster.local` [destination-host]",
        ),
    ];
    assert_eq!(found, expected.map(|(line, column, text)| (line, column, text.to_owned())));
}

#[test]
fn whole_documents_are_written_for_another_judge() {
    let Ok(target) = std::env::var("MAINSHEET_CASES") else { return };
    fs::create_dir_all(&target).unwrap();
    for case in cases() {
        let verdict = if case.expected.is_empty() { "accepted" } else { "refused" };
        fs::write(Path::new(&target).join(format!("{}-{verdict}.yaml", case.name)), case.text).unwrap();
    }
}

/// A resource of any kind with this body.
fn resource(kind: Kind, value: Vec<u8>) -> Resource {
    let yaml =
        "{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: a}, spec: {host: a}}";
    let Content::Resource { resource, .. } = codec::read(yaml, DEFAULTS).remove(0).content else { panic!() };
    let mut resource = *resource;
    resource.key.kind = kind;
    resource.body.type_url = format!("type.googleapis.com/{}", kind.info().message);
    resource.body.value = value.into();
    resource
}

proptest! {
    #[test]
    fn no_bytes_of_a_body_make_the_check_panic(kind in 0..20usize, value in prop::collection::vec(any::<u8>(), 0..200)) {
        let kind = Kind::all().nth(kind).unwrap();
        let _ = validate::check(&resource(kind, value), Options::default());
    }

    #[test]
    fn no_body_of_one_kind_read_as_another_makes_the_check_panic(
        case in 0..1000usize, kind in 0..20usize, at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let cases = cases();
        let Content::Resource { resource: mut other, .. } =
            codec::read(&cases[case % cases.len()].text, DEFAULTS).remove(0).content else { panic!() };
        let mut value = other.body.value.to_vec();
        if !value.is_empty() {
            let at = at.index(value.len());
            value[at] = byte;
        }
        other.body.value = value.clone().into();
        let _ = validate::check(&other, Options::default());
        let _ = validate::check(&resource(Kind::all().nth(kind).unwrap(), value), Options::default());
    }
}

mod unwritable {
    //! What no document says.

    use super::*;
    use mainsheet_api::generated::istio::{
        extensions::v1alpha1::WasmPlugin,
        networking::v1alpha3::{
            DestinationRule, HttpBody, HttpDirectResponse, HttpMatchRequest, HttpRoute,
            OutboundTrafficPolicy, ServiceEntry, Sidecar, StringMatch, TrafficPolicy, VirtualService,
            http_body::Specifier, string_match::MatchType, traffic_policy::ProxyProtocol,
        },
        security::v1beta1::{AuthorizationPolicy, PeerAuthentication, Rule, peer_authentication::MutualTls},
    };
    use prost::Message;

    fn codes(kind: &str, message: &impl Message) -> Vec<String> {
        let kind = Kind::of_argument(kind).unwrap();
        codes_of(&resource(kind, message.encode_to_vec()))
    }

    fn codes_of(resource: &Resource) -> Vec<String> {
        validate::check(resource, Options::default()).into_iter().map(|finding| finding.code).collect()
    }

    fn service(route: HttpRoute) -> VirtualService {
        VirtualService { hosts: vec!["a".into()], http: vec![route], ..Default::default() }
    }

    #[test]
    fn a_body_that_is_not_its_kinds_message_is_a_finding() {
        let mut resource = resource(Kind::VIRTUAL_SERVICE, vec![0xff; 3]);
        assert_eq!(codes_of(&resource), ["body-undecodable"]);
        resource.body.type_url = "type.googleapis.com/istio.networking.v1alpha3.Gateway".into();
        assert_eq!(codes_of(&resource), ["body-type"]);
    }

    #[test]
    fn a_resource_of_envoy_has_a_name() {
        let mut resource = resource(Kind::ROUTES, Vec::new());
        assert_eq!(codes_of(&resource), Vec::<String>::new());
        resource.key.name = "".into();
        assert_eq!(codes_of(&resource), ["envoy-name"]);
    }

    #[test]
    fn numbers_that_no_enum_has_are_refused_where_istiod_refuses_them() {
        let policy =
            TrafficPolicy { proxy_protocol: Some(ProxyProtocol { version: 2 }), ..Default::default() };
        let rule = DestinationRule { host: "a".into(), traffic_policy: Some(policy), ..Default::default() };
        assert_eq!(codes("DestinationRule", &rule), ["dr-proxy-version"]);
        let entry = ServiceEntry { hosts: vec!["a".into()], resolution: 77, ..Default::default() };
        assert_eq!(codes("ServiceEntry", &entry), ["se-resolution"]);
        let entry =
            ServiceEntry { hosts: vec!["*.a".into()], resolution: 4, location: 77, ..Default::default() };
        assert_eq!(codes("ServiceEntry", &entry), ["se-dynamic-location"]);
        let policy = OutboundTrafficPolicy { mode: 3, ..Default::default() };
        let sidecar = Sidecar { outbound_traffic_policy: Some(policy), ..Default::default() };
        assert_eq!(codes("Sidecar", &sidecar), ["sc-dynamic-dns"]);
        let mode = MutualTls { mode: 77 };
        assert_eq!(
            codes("PeerAuthentication", &PeerAuthentication { mtls: Some(mode), ..Default::default() }),
            ["crd-enum"]
        );
    }

    #[test]
    fn a_dry_run_of_an_action_that_nobody_knows_is_refused() {
        let policy = AuthorizationPolicy { action: 4, rules: vec![Rule::default()], ..Default::default() };
        let mut resource =
            resource(Kind::of_argument("AuthorizationPolicy").unwrap(), policy.encode_to_vec());
        resource.annotations.insert("istio.io/dry-run".to_owned(), "true".to_owned());
        assert_eq!(codes_of(&resource), ["dry-run-action", "crd-enum"]);
    }

    #[test]
    fn a_direct_response_holds_up_to_a_mebibyte() {
        let answer = |length: usize| {
            let body = HttpBody { specifier: Some(Specifier::String("x".repeat(length))) };
            let response = HttpDirectResponse { status: 200, body: Some(body) };
            codes(
                "VirtualService",
                &service(HttpRoute { direct_response: Some(response), ..Default::default() }),
            )
        };
        assert_eq!(answer(100 << 10), Vec::<String>::new());
        assert_eq!(answer(1 << 20), ["vs-response-large"]);
        assert_eq!(answer((1 << 20) + 1), ["vs-response-size"]);
    }

    #[test]
    fn a_regular_expression_has_up_to_1024_bytes() {
        let of = |length: usize| {
            let uri = StringMatch { match_type: Some(MatchType::Regex("x".repeat(length))) };
            let request = HttpMatchRequest { uri: Some(uri), ..Default::default() };
            let response = HttpDirectResponse { status: 200, body: None };
            let route =
                HttpRoute { r#match: vec![request], direct_response: Some(response), ..Default::default() };
            codes("VirtualService", &service(route))
        };
        assert_eq!(of(1024), Vec::<String>::new());
        assert_eq!(of(1025), ["regex-length"]);
    }

    #[test]
    fn names_of_a_plugin_and_its_secret_are_bounded() {
        let of = |secret: usize, name: usize| {
            codes(
                "WasmPlugin",
                &WasmPlugin {
                    url: "oci://a/b".into(),
                    image_pull_secret: "x".repeat(secret),
                    plugin_name: "x".repeat(name),
                    ..Default::default()
                },
            )
        };
        assert_eq!(of(253, 256), Vec::<String>::new());
        assert_eq!(of(254, 257), ["wasm-secret", "wasm-name"]);
    }
}
