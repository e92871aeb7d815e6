mod claims;
mod incremental;
mod references;

use crate::{
    codec::{self, Content, Defaults, UnknownFields},
    resource::Resource,
    time::Timestamp,
    validate::across::{Across, AcrossOptions, Change, Complete},
};

const DEFAULTS: Defaults<'_> =
    Defaults { namespace: "shop", scope: "", unknown_fields: UnknownFields::Strict };

/// A resource of a kind, of a name (or `namespace/name`, else of the namespace `shop`) and with a spec.
pub(super) fn resource(kind: &str, name: &str, spec: &str) -> Resource {
    let (namespace, name) = name.split_once('/').unwrap_or(("shop", name));
    let group = match kind {
        "AuthorizationPolicy" => "security.istio.io",
        _ => "networking.istio.io",
    };
    let text = format!(
        "{{apiVersion: {group}/v1, kind: {kind}, metadata: {{name: {name}, namespace: {namespace}}}, spec: {spec}}}"
    );
    let mut documents = codec::read(&text, DEFAULTS);
    match documents.remove(0).content {
        Content::Resource { resource, .. } => *resource,
        other => panic!("{text}: {other:?}"),
    }
}

pub(super) fn upsert(resource: &Resource, at: u64) -> Change {
    Change::Upsert { resource: resource.clone(), created: Timestamp(at) }
}

/// Left out of what is said, so that tests may be short, too.
const SHORT: &str = "host-short";

/// What is said of resources, in the order in which they are created: a line each, `name: path code`.
pub(super) fn said(options: AcrossOptions, resources: &[(&str, &str, &str)]) -> Vec<String> {
    let resources: Vec<_> = resources.iter().map(|(kind, name, spec)| resource(kind, name, spec)).collect();
    let mut across = Across::new(options);
    across.apply((1..).zip(&resources).map(|(at, resource)| upsert(resource, at)));
    let lines = |resource: &Resource| {
        let name = resource.key.name.clone();
        let line =
            move |finding: &crate::verdict::Finding| format!("{name}: {} {}", finding.path, finding.code);
        let findings = across.findings(&resource.key).iter();
        findings.filter(|finding| finding.code != SHORT).map(line).collect::<Vec<_>>()
    };
    resources.iter().flat_map(lines).collect()
}

/// As a mesh that Kubernetes has parts of.
pub(super) fn findings(resources: &[(&str, &str, &str)]) -> Vec<String> {
    said(AcrossOptions::default(), resources)
}

/// As a mesh of which the resources are all.
pub(super) fn findings_of_all(resources: &[(&str, &str, &str)]) -> Vec<String> {
    let complete = Complete { hosts: true, workloads: true };
    said(AcrossOptions { complete, ..AcrossOptions::default() }, resources)
}

#[track_caller]
pub(super) fn nothing(resources: &[(&str, &str, &str)]) {
    assert_eq!(findings(resources), [""; 0]);
}

#[test]
fn what_is_complete_is_named_word_by_word() {
    for text in ["nothing", "hosts", "workloads", "hosts,workloads"] {
        assert_eq!(text.parse::<Complete>().unwrap().to_string(), text);
    }
    assert_eq!("workloads, hosts".parse::<Complete>().unwrap().to_string(), "hosts,workloads");
    assert!("".parse::<Complete>().is_err() && "hosts,nothing".parse::<Complete>().is_err());
}
