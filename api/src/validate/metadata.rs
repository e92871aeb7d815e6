//! Names, namespaces and the annotations that istiod acts on, for every kind.

use super::{AccessDocuments, code, report::Report};
use crate::{
    access::is_access_name,
    generated::istio::security::v1beta1::{AuthorizationPolicy, authorization_policy::Action},
    kind::Family,
    lease::{TTL, TtlError, XDS_TTL, parse_lease_ttl, parse_ttl},
    selector::LabelSelector,
    view::SINK_SELECTOR,
};
use prost::Message as _;
use std::str::FromStr as _;

const SUBDOMAIN_LEN_MAX: usize = 253;
const LABEL_LEN_MAX: usize = 63;
/// All annotations of an object together.
const ANNOTATIONS_BYTES_MAX: usize = 256 << 10;
const DRY_RUN: &str = "istio.io/dry-run";

/// Annotations that only istiod's own objects have; on anybody else's they mean "drop it".
const INTERNAL: [&str; 3] = [
    "internal.istio.io/webhook-always-reject",
    "internal.istio.io/parent-namespace",
    "internal.istio.io/parents",
];

/// What Go takes for a bool.
const BOOLS: [&str; 12] = ["1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"];

/// Kubernetes' RFC 1123 label: lower case, unlike Istio's own notion in `host`.
pub(crate) fn is_kubernetes_label(text: &str) -> bool {
    let ends_well = |byte: Option<u8>| byte.is_some_and(|byte| byte != b'-');
    text.len() <= LABEL_LEN_MAX
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && ends_well(text.bytes().next())
        && ends_well(text.bytes().next_back())
}

/// Kubernetes' RFC 1123 subdomain, whose parts may be longer than a label.
pub(super) fn is_kubernetes_name(text: &str) -> bool {
    let part_is_right = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    text.len() <= SUBDOMAIN_LEN_MAX && text.split('.').all(part_is_right)
}

/// Whether the body is worth looking at: istiod stops at an annotation that it refuses.
pub(super) fn check(report: &mut Report<'_>) -> bool {
    names(report);
    ours(report);
    let errors = report.errors();
    report.field("metadata", |report| {
        annotations(report);
        if report.resource().key.kind.info().family == Family::Istio {
            kubernetes(report);
        }
    });
    report.errors() == errors
}

/// A sink takes `namespace/name` apart at its one slash, so neither part may hold one or be empty.
fn names(report: &mut Report<'_>) {
    let key = &report.resource().key;
    match key.kind.info().family {
        Family::Istio if key.kind.is_of_access() => report.field("metadata", |report| {
            report.flag_if(report.options().access == AccessDocuments::GrantNothing, &code::NO_AUTHORITY);
            report.expect("name", &*key.name, is_access_name, &code::ACCESS_NAME);
            let is_right = |text: &str| !key.kind.info().namespaced || is_kubernetes_label(text);
            report.expect("namespace", &*key.namespace, is_right, &code::METADATA_NAMESPACE);
        }),
        Family::Istio => report.field("metadata", |report| {
            report.expect("name", &*key.name, is_kubernetes_name, &code::METADATA_NAME);
            report.expect("namespace", &*key.namespace, is_kubernetes_label, &code::METADATA_NAMESPACE);
        }),
        Family::Envoy | Family::Opaque => {
            report.flag_at_if(key.name.is_empty(), name_field(report), &code::ENVOY_NAME);
            report.expect(
                "[mainsheet.io/namespace]",
                &*key.namespace,
                is_kubernetes_label,
                &code::METADATA_NAMESPACE,
            );
        }
    }
}

/// Where an Envoy resource says its name.
fn name_field(report: &Report<'_>) -> &'static str {
    if report.resource().key.kind.info().name == "ClusterLoadAssignment" { "cluster_name" } else { "name" }
}

/// Kubernetes' qualified name: an optional subdomain and a slash, then up to 63 characters.
fn is_qualified_name(text: &str) -> bool {
    let (prefix, name) = text.split_once('/').map_or((None, text), |(prefix, name)| (Some(prefix), name));
    prefix.is_none_or(is_kubernetes_name) && !name.is_empty() && is_label_value(name)
}

fn is_label_value(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let ends = [text.bytes().next(), text.bytes().next_back()];
    text.len() <= LABEL_LEN_MAX
        && text.bytes().all(inner)
        && ends.iter().flatten().all(|end| end.is_ascii_alphanumeric())
}

/// What Kubernetes asks of labels and annotations. To others they are texts.
fn kubernetes(report: &mut Report<'_>) {
    let resource = report.resource();
    for (name, value) in &resource.labels {
        if !is_qualified_name(name) || !is_label_value(value) {
            report.entry("labels", name, |report| report.flag(&code::CRD_LABEL));
        }
    }
    let size: usize = resource.annotations.iter().map(|(name, value)| name.len() + value.len()).sum();
    report.flag_at_if(size > ANNOTATIONS_BYTES_MAX, "annotations", &code::CRD_ANNOTATION);
    for name in resource.annotations.keys() {
        if !is_qualified_name(&name.to_ascii_lowercase()) {
            report.entry("annotations", name, |report| report.flag(&code::CRD_ANNOTATION));
        }
    }
}

fn annotations(report: &mut Report<'_>) {
    for name in INTERNAL {
        if report.annotation(name).is_some() {
            report.entry("annotations", name, |report| report.flag(&code::ANNOTATION_INTERNAL));
        }
    }
    if let Some(value) = report.annotation(DRY_RUN) {
        report.entry("annotations", DRY_RUN, |report| dry_run(report, value));
    }
}

/// Annotations that mean something to this server.
fn ours(report: &mut Report<'_>) {
    let wrong = |name, read: fn(&str) -> Option<TtlError>| read(report.annotation(name)?);
    let ttl = wrong(TTL, |text| parse_lease_ttl(text).err()).map(|error| (TTL, &code::TTL, error));
    let xds_ttl = wrong(XDS_TTL, |text| parse_ttl(text).err()).map(|error| (XDS_TTL, &code::XDS_TTL, error));
    let times = [ttl, xds_ttl].into_iter().flatten();
    let mut wrong: Vec<_> = times
        .map(|(name, code, error)| {
            (name, code, format!("`{}` is {error}", report.annotation(name).unwrap_or_default()))
        })
        .collect();
    let selector = report.annotation(SINK_SELECTOR).map(LabelSelector::from_str);
    if let Some(Err(error)) = selector {
        wrong.push((SINK_SELECTOR, &code::SINK_SELECTOR, error.to_string()));
    }
    for (name, code, detail) in wrong {
        match report.resource().key.kind.info().family {
            Family::Istio => report.field("metadata", |report| {
                report.entry("annotations", name, |report| report.flag_with(code, detail));
            }),
            Family::Envoy | Family::Opaque => report.here(name, |report| report.flag_with(code, detail)),
        }
    }
}

fn dry_run(report: &mut Report<'_>, value: &str) {
    let resource = report.resource();
    if resource.key.kind.info().name != "AuthorizationPolicy" {
        return report.flag(&code::DRY_RUN_KIND);
    }
    if !BOOLS.contains(&value) {
        report.flag_value(&code::DRY_RUN_VALUE, value);
    }
    let policy = AuthorizationPolicy::decode(resource.body.value.clone());
    let action = policy.map(|policy| Action::try_from(policy.action));
    let right = matches!(action, Ok(Ok(Action::Allow | Action::Deny)) | Err(_));
    report.flag_if(!right, &code::DRY_RUN_ACTION);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kubernetes_names() {
        for good in ["a", "a.b", "a-1.b-2", &"x".repeat(253)] {
            assert!(is_kubernetes_name(good), "{good}");
        }
        for bad in ["", "a/b", "A", "a_b", "a..b", ".a", "-a", "a-", "a b", &"x".repeat(254)] {
            assert!(!is_kubernetes_name(bad), "{bad}");
        }
    }

    #[test]
    fn namespaces_are_kubernetes_labels() {
        assert!(is_kubernetes_label("shop-1"));
        for bad in ["", "a.b", "Shop", "-a", "a-", "a/b", &"x".repeat(64)] {
            assert!(!is_kubernetes_label(bad), "{bad}");
        }
    }
}
