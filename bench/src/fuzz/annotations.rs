//! Times to live, label selectors, names and labels: short texts, and labels out of bytes.

use std::collections::BTreeMap;

use mainsheet_api::{
    codec::decode_entry,
    key::Key,
    kind::Kind,
    lease::{self, NEVER, TTL, XDS_TTL},
    limits::{TTL_MAX, TTL_MIN},
    resource::Resource,
    selector::LabelSelector,
    time::Timestamp,
    validate::{self, Options},
    verdict::Severity,
    wire::{self, Any, Entry},
};
use prost::Message;

use super::text;

pub(super) const WORDS: &[&str] = &[
    "never",
    "30s",
    "10m",
    "1h30m",
    "7d",
    "3650d",
    "3651d",
    "0s",
    "d",
    "h",
    "m",
    "s",
    "app",
    "=",
    "==",
    "!=",
    "!",
    " in ",
    " notin ",
    "(",
    ")",
    ",",
    ">",
    "<",
    "shop",
    "example.com/app",
    "in",
    "notin",
    "/",
    "*",
    "-",
    ".",
    "_",
    "\u{e9}",
    "VirtualService",
    "networking.istio.io",
    "v1",
    "\0",
];

const TEXTS: &[&str] = &[
    "10m",
    "1h30m",
    "7d",
    NEVER,
    "app=shop, tier in (web, db), !canary",
    "a!=b,c notin (d,e),f>5,g<-3,h==i,j",
    "example.com/app in ()",
    "shop",
    "networking.istio.io/v1/VirtualService",
    "VirtualService.networking.istio.io",
];

const NOW: Timestamp = Timestamp(1_767_323_045_000);

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let texts = TEXTS.iter().map(|text| text.as_bytes().to_vec());
    texts.chain([Entry::encode(&annotated("10m"), NOW).any.to_vec()]).collect()
}

pub(super) fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    check_ttl(&text);
    check_selector(&text);
    check_annotated(&text);
    check_name(&text);
    let _ = wire::labels(input);
    if let Some(kind) = Kind::of_argument(&text) {
        assert!(!kind.info().name.is_empty());
    }
}

fn check_ttl(text: &str) {
    match lease::parse_lease_ttl(text) {
        Ok(Some(ttl)) => {
            assert!((TTL_MIN..=TTL_MAX).contains(&ttl), "{ttl:?}");
            assert_eq!(lease::parse_ttl(&lease::format_ttl(ttl)), Ok(ttl));
        }
        Ok(None) => assert_eq!(text, NEVER),
        Err(_) => {}
    }
}

fn check_selector(text: &str) {
    match text.parse::<LabelSelector>() {
        Ok(selector) => {
            let again: LabelSelector = selector.to_string().parse().expect("what was written can be read");
            assert_eq!(again, selector);
            let labels = |key: &str| key.len().is_multiple_of(2).then_some("1");
            assert_eq!(again.matches(labels), selector.matches(labels));
        }
        Err(error) => {
            let chars = text.chars().count();
            assert!((1..=chars + 1).contains(&error.column), "{error}");
        }
    }
}

fn annotated(text: &str) -> Resource {
    let map = |keys: &[&str]| keys.iter().map(|key| ((*key).to_owned(), text.to_owned())).collect();
    Resource {
        key: Key::new(Kind::SERVICE_ENTRY, "shop", "reviews"),
        labels: map(&["app"]),
        annotations: map(&[TTL, XDS_TTL, "mainsheet.io/sink-selector"]),
        body: Any {
            type_url: format!("type.googleapis.com/{}", Kind::SERVICE_ENTRY.info().message),
            value: Default::default(),
        },
        upstream_version: None,
    }
}

/// That validation refuses just the times to live that nothing here could act on.
fn check_annotated(text: &str) {
    let resource = annotated(text);
    let findings = validate::check(&resource, Options::default());
    text::check(&findings, None);
    let is_refused = |code: &str| findings.iter().any(|finding| finding.code == code);
    assert_eq!(is_refused("ttl"), lease::parse_lease_ttl(text).is_err(), "{text:?}: {findings:?}");
    assert_eq!(is_refused("xds-ttl"), lease::parse_ttl(text).is_err(), "{text:?}: {findings:?}");
    let entry = Entry::encode(&resource, NOW);
    assert_eq!(entry.ttl, lease::xds_ttl(&resource.annotations));
    assert_eq!(wire::labels(&entry.any), BTreeMap::from([("app", text)]));
}

/// That a name which is accepted comes back from the wire as it was.
fn check_name(text: &str) {
    let (namespace, name) = text.split_once('\0').unwrap_or((text, text));
    let resource = Resource { key: Key::new(Kind::SERVICE_ENTRY, namespace, name), ..annotated("10m") };
    let findings = validate::check(&resource, Options::default());
    let is_of_name = |path: &str| matches!(path, "metadata.name" | "metadata.namespace");
    if findings.iter().any(|finding| finding.severity == Severity::Error && is_of_name(&finding.path)) {
        return;
    }
    let any = Any::decode(Entry::encode(&resource, NOW).any).expect("an entry is an Any");
    let received = decode_entry(resource.key.kind, &any).expect("a name that was accepted");
    assert_eq!(received.resource.key, resource.key);
}
