//! Documents to resources, their validation, and back.

use mainsheet_api::{
    codec::{
        self, Content, Defaults, Document, Received, SourceMap, UnknownFields, decode_entry, write_json,
        write_yaml,
    },
    kind::Family,
    resource::Resource,
    time::Timestamp,
    validate::{self, Options},
    verdict::{Severity, Verdict},
    wire::{self, Any, Entry},
};
use prost::Message;

use super::{
    seeds,
    text::{self, Page},
};

pub(super) const WORDS: &[&str] = &[
    "\n---\n",
    ": ",
    "- ",
    "  ",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a",
    "<<: *a",
    "!!binary ",
    "? ",
    "|\n",
    ">-\n",
    "\"",
    "'",
    "#",
    "null",
    "~",
    "true",
    "yes",
    "1e999",
    "\u{feff}",
    "\u{85}",
    "\u{2028}",
    "\r",
    "%YAML 1.1\n",
    "apiVersion: networking.istio.io/v1\n",
    "kind: VirtualService\n",
    "kind: List\nitems:\n",
    "metadata:\n",
    "annotations:\n",
    "spec:\n",
    "\"@type\": type.googleapis.com/",
    "google.protobuf.Any",
    "google.protobuf.Struct",
    "typed_config:\n",
    "resources:\n",
    "10s",
    "1.5h",
    "-0",
    ".inf",
];

const CREATED: Timestamp = Timestamp(1_767_323_045_000);

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = seeds::documents();
    let json =
        seeds.iter().take(40).filter_map(|text| match read(text, UnknownFields::Strict).pop()?.content {
            Content::Resource { resource, .. } => write_json(&received(&resource)).ok(),
            Content::Rejected { .. } | Content::Ignored { .. } => None,
        });
    let json: Vec<_> = json.collect();
    seeds.extend(json);
    seeds.into_iter().map(String::into_bytes).collect()
}

pub(super) fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let unknown_fields = match input.len() % 3 {
        0 => UnknownFields::Strict,
        1 => UnknownFields::Warn,
        _ => UnknownFields::Ignore,
    };
    let page = Page::of(&text);
    for Document { line, content } in read(&text, unknown_fields) {
        assert!(line > 0, "documents begin somewhere");
        match content {
            Content::Resource { resource, map, warnings } => {
                text::check(&warnings, Some(&page));
                check(&resource, &map, &page);
            }
            Content::Rejected { findings, .. } => {
                text::check(&findings, Some(&page));
                assert!(!Verdict { findings }.is_accepted(), "rejected without an error");
            }
            Content::Ignored { what } => assert!(!what.is_empty(), "ignored, and nobody knows what"),
        }
    }
}

fn read(text: &str, unknown_fields: UnknownFields) -> Vec<Document> {
    codec::read(text, Defaults { namespace: "default", scope: "", unknown_fields })
}

fn received(resource: &Resource) -> Received {
    Received { resource: resource.clone(), created: Some(CREATED) }
}

fn check(resource: &Resource, map: &SourceMap, page: &Page) {
    let mut findings = validate::check(resource, Options::default());
    map.place(&mut findings);
    text::check(&findings, Some(page));
    let written = received(resource);
    check_text(&write_yaml(&written).expect("what was read can be written"), resource);
    check_text(&write_json(&written).expect("what was read can be written"), resource);
    if findings.iter().all(|finding| finding.severity == Severity::Warning) {
        check_entry(resource);
    }
}

/// That a text is this resource.
fn check_text(text: &str, resource: &Resource) {
    let mut documents = read(text, UnknownFields::Strict);
    let one = documents.pop().map(|document| document.content);
    match one {
        Some(Content::Resource { resource: found, .. }) if documents.is_empty() => {
            assert_eq!(*found, *resource, "{text}");
        }
        other => panic!("{other:?} of what was written: {text}"),
    }
}

/// That a client gets what was accepted.
fn check_entry(resource: &Resource) {
    let entry = Entry::encode(resource, CREATED);
    let any = Any::decode(entry.any.clone()).expect("an entry is an Any");
    let kind = resource.key.kind;
    let Received { resource: held, .. } = decode_entry(kind, &any).expect("an entry is what its kind says");
    assert_eq!((&held.key.name, &held.body), (&resource.key.name, &resource.body));
    let labels = wire::labels(&entry.any);
    if kind.info().family == Family::Istio {
        assert_eq!(
            (&held.key, &held.labels, &held.annotations),
            (&resource.key, &resource.labels, &resource.annotations)
        );
        assert!(labels.into_iter().eq(held.labels.iter().map(|(key, value)| (&**key, &**value))));
    } else {
        assert!(labels.is_empty());
    }
}
