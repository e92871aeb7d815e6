//! The rules of istiod, one by one: a bad document breaks one rule alone, its good neighbour breaks none.
//!
//! The cases are lines of `tests/validation_rules`: rule, verdict, kind, body, and metadata after `##`.
//! `MAINSHEET_RULES=FILE` writes them for another judge, in wire form: a line of JSON each.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
};

use mainsheet_api::{
    codec::{self, Content, Defaults, UnknownFields},
    kind::Kind,
    resource::Resource,
    validate::{
        self, CrdRules, Options,
        rules::{self, Kept},
    },
    verdict::Severity,
};

const DEFAULTS: Defaults<'static> =
    Defaults { namespace: "shop", scope: "", unknown_fields: UnknownFields::Strict };

const KINDS: [(&str, &str); 15] = [
    ("VS", "VirtualService"),
    ("DR", "DestinationRule"),
    ("GW", "Gateway"),
    ("SE", "ServiceEntry"),
    ("SC", "Sidecar"),
    ("WE", "WorkloadEntry"),
    ("WG", "WorkloadGroup"),
    ("EF", "EnvoyFilter"),
    ("PC", "ProxyConfig"),
    ("AP", "AuthorizationPolicy"),
    ("PA", "PeerAuthentication"),
    ("RA", "RequestAuthentication"),
    ("TE", "Telemetry"),
    ("WP", "WasmPlugin"),
    ("TX", "TrafficExtension"),
];

/// Texts that would be in the way, or too long.
const SHORT: [(&str, &str); 4] = [
    ("$http", "http: [{route: $to}]"),
    ("$tls", "tls: [{match: [{sniHosts: [a.com]}], route: $to}]"),
    ("$tcp", "tcp: [{route: $to}]"),
    ("$to", "[{destination: {host: a}}]"),
];

pub(crate) struct Case {
    line: String,
    rule: String,
    good: bool,
    pub(crate) resource: Resource,
}

pub(crate) fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/validation_rules");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let texts: Vec<String> = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    texts.iter().flat_map(|text| text.lines()).filter(|line| !line.starts_with('#')).map(case).collect()
}

fn case(line: &str) -> Case {
    let mut words = line.splitn(4, ' ');
    let [rule, verdict, kind, rest] =
        std::array::from_fn(|_| words.next().unwrap_or_else(|| panic!("{line}")));
    let (body, metadata) = rest.split_once(" ## ").unwrap_or((rest, "{}"));
    let (_, kind) = KINDS.iter().find(|(short, _)| *short == kind).unwrap_or_else(|| panic!("{line}"));
    let kind = Kind::of_argument(kind).unwrap();
    let metadata = match metadata.strip_prefix("{name: ") {
        Some(_) => metadata.to_owned(),
        None => metadata.replacen('{', "{name: example, ", 1).replace(", }", "}"),
    };
    let body = if body == "{}" { body.to_owned() } else { format!("{{{body}}}") };
    let text = format!(
        "apiVersion: {}\nkind: {kind}\nmetadata: {metadata}\nspec: {}\n",
        kind.api_version(),
        long(&SHORT.iter().fold(body, |body, (short, long)| body.replace(short, long)))
    );
    match codec::read(&text, DEFAULTS).remove(0).content {
        Content::Resource { resource, .. } => Case {
            line: line.to_owned(),
            rule: rule.to_owned(),
            good: verdict == "good",
            resource: *resource,
        },
        other => panic!("{line}\n{text}\n{other:?}"),
    }
}

/// `$1024` is a text of that length.
fn long(text: &str) -> String {
    let Some((before, after)) = text.split_once("\"$") else { return text.to_owned() };
    let (length, after) = after.split_once('"').unwrap();
    format!("{before}{}{after}", "x".repeat(length.parse().unwrap()))
}

/// The codes of a resource. What is said of every EnvoyFilter tells no two of them apart, and what the CRDs refuse is no
/// rule of istiod.
fn codes(case: &Case) -> Vec<String> {
    let findings = validate::check(&case.resource, Options::default()).into_iter();
    let says_something = |code: &String| {
        (code != "ef-internal" || case.rule == "EF-01") && (!code.starts_with("crd-") || case.rule == "ST-15")
    };
    findings.map(|finding| finding.code).filter(says_something).collect()
}

/// Every code that some case gets.
pub(crate) fn shown() -> BTreeSet<String> {
    let findings = |case: &Case| validate::check(&case.resource, Options::default());
    cases().iter().flat_map(findings).map(|finding| finding.code).collect()
}

#[test]
fn each_rule_refuses_what_breaks_it_and_takes_its_neighbour() {
    let mut kept: BTreeMap<&str, Kept> = rules::all().map(|rule| (rule.id, rule.kept)).collect();
    kept.retain(|_, kept| *kept != Kept::Elsewhere);
    let mut complaints = String::new();
    for case in cases() {
        let codes = codes(&case);
        let right = match (&kept[case.rule.as_str()], case.good) {
            (Kept::By(own), false) => {
                !codes.is_empty() && codes.iter().all(|code| own.contains(&code.as_str()))
            }
            (_, true) => codes.is_empty(),
            (_, false) => false,
        };
        if !right {
            writeln!(complaints, "{}\n    {codes:?}", case.line).unwrap();
        }
    }
    assert!(complaints.is_empty(), "{complaints}");
}

#[test]
fn each_rule_has_bad_and_good_cases_or_says_why_not() {
    let cases = cases();
    for rule in rules::all() {
        let count =
            |good: bool| cases.iter().filter(|case| case.rule == rule.id && case.good == good).count();
        let wanted = match rule.kept {
            Kept::By(_) => [true, true],
            Kept::Taken => [false, true],
            Kept::Elsewhere => [false, false],
        };
        assert_eq!([count(false) > 0, count(true) > 0], wanted, "{}", rule.id);
    }
}

#[test]
fn what_only_the_crds_refuse_is_an_error_by_choice() {
    let case = case("ST-15 bad DR host: a, trafficPolicy: {loadBalancer: {warmupDurationSecs: 0s}}");
    for (crd_rules, severity) in [(CrdRules::Warn, Severity::Warning), (CrdRules::Deny, Severity::Error)] {
        let findings = validate::check(&case.resource, Options { crd_rules, ..Options::default() });
        let found: Vec<_> = findings.iter().map(|finding| (&*finding.code, finding.severity)).collect();
        assert_eq!(found, [("crd-duration", severity)]);
    }
}

#[test]
fn a_field_that_istiod_refuses_is_not_told_twice() {
    let case = case("NUM-09 bad DR host: a, trafficPolicy: {outlierDetection: {interval: 0s}}");
    let findings =
        validate::check(&case.resource, Options { crd_rules: CrdRules::Deny, ..Options::default() });
    assert_eq!(findings.iter().map(|finding| &*finding.code).collect::<Vec<_>>(), ["duration"]);
}

#[test]
fn cases_are_written_for_another_judge() {
    let Ok(target) = std::env::var("MAINSHEET_RULES") else { return };
    let lines = cases().into_iter().map(|case| for_judge(&case.line, &case.resource));
    fs::write(target, lines.collect::<String>()).unwrap();
}

/// A resource and the verdict on it, in a line. What istiod has no rule for is left out.
pub(crate) fn for_judge(id: &str, resource: &Resource) -> String {
    let findings = validate::check(resource, Options::default());
    let of = |severity: Severity| {
        let istiods = |code: &&str| !code.starts_with("crd-") && !code.starts_with("metadata-");
        let codes =
            findings.iter().filter(|finding| finding.severity == severity).map(|finding| &*finding.code);
        codes.filter(istiods).collect::<Vec<_>>()
    };
    let key = &resource.key;
    let line = serde_json::json!({
        "Id": id, "Kind": key.kind.info().name, "Name": *key.name, "Namespace": *key.namespace,
        "Labels": resource.labels, "Annotations": resource.annotations, "Body": base64(&resource.body.value),
        "Errors": of(Severity::Error), "Warnings": of(Severity::Warning),
    });
    format!("{line}\n")
}

fn base64(bytes: &[u8]) -> String {
    const SYMBOLS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().enumerate().fold(0u32, |bits, (at, byte)| bits | u32::from(*byte) << (16 - 8 * at));
        for at in 0..4 {
            let symbol = SYMBOLS[(bits >> (18 - 6 * at)) as usize & 63];
            text.push(if at <= chunk.len() { symbol.into() } else { '=' });
        }
    }
    text
}
