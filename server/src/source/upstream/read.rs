//! From what was received to a document, and to whether the server is to hear that it is refused.

use mainsheet_api::{
    codec::{Content, DecodeError, Document, SourceMap, decode_entry},
    kind::{Family, Kind},
    resource::Resource,
    validate,
    verdict::{Finding, Position, Severity, Verdict},
    xds::client::Received,
};

use crate::{
    contain::contain,
    source::{Completeness, DocumentOptions, Report},
};

/// How what is received is read.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) documents: DocumentOptions,
    pub(super) validation: validate::Options,
}

/// One resource that was received.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) received: Received,
    pub(super) report: Report,
    /// Why it is refused: for the server.
    pub(super) refusal: Option<String>,
}

/// The origin of a resource: `VirtualService/shop/reviews`. Never one that stands for others, as one that ends in `/` does.
pub(super) fn origin(kind: Kind, name: &str) -> String {
    let name = name.replace('%', "%25");
    match name.strip_suffix('/') {
        Some(rest) => format!("{kind}/{rest}%2F"),
        None => format!("{kind}/{name}"),
    }
}

impl Reading {
    /// Reads a resource. What the intake will refuse by itself is known here as well, so that the server can be told which it
    /// is; rules of one's own are not.
    pub(super) fn read(&self, kind: Kind, received: Received) -> Told {
        let origin = origin(kind, &received.name);
        let (content, refusal) = match self.decode(kind, &received) {
            Ok(resource) => {
                let refusal = self.refusal(&origin, &resource);
                let (map, warnings) = (SourceMap::default(), Vec::new());
                (Content::Resource { resource: Box::new(resource), map, warnings }, refusal)
            }
            Err(error) => {
                let reason = error.to_string();
                (Content::Rejected { key: None, findings: vec![undecodable(reason.clone())] }, Some(reason))
            }
        };
        // What can't be told to be of which key leaves what was last good of it where it is.
        let completeness = match content {
            Content::Rejected { .. } => Completeness::Partial,
            _ => Completeness::Whole,
        };
        let documents = vec![Document { line: 0, content }];
        let report = Report { origin, documents, completeness, written: None };
        Told { received, report, refusal }
    }

    fn decode(&self, kind: Kind, received: &Received) -> Result<Resource, DecodeError> {
        let mut resource = decode_entry(kind, &received.any)?.resource;
        if kind.info().family == Family::Envoy {
            // Neither comes with the resource itself.
            resource.key.namespace = self.documents.default_namespace.as_str().into();
            resource.upstream_version = Some(received.version.clone());
        }
        Ok(resource)
    }

    fn refusal(&self, origin: &str, resource: &Resource) -> Option<String> {
        let work = || validate::check(resource, self.validation);
        let findings = contain("validation", origin, work).unwrap_or_else(|finding| vec![finding]);
        let verdict = Verdict { findings };
        if verdict.is_accepted() {
            return None;
        }
        let errors = verdict.findings.iter().filter(|finding| finding.severity == Severity::Error);
        let reasons: Vec<_> = errors.map(reason_of).collect();
        Some(reasons.join("; "))
    }
}

fn reason_of(finding: &Finding) -> String {
    match finding.path.is_empty() {
        true => finding.reason.clone(),
        false => format!("{}: {}", finding.path, finding.reason),
    }
}

fn undecodable(reason: String) -> Finding {
    Finding {
        code: "undecodable".to_owned(),
        severity: Severity::Error,
        path: String::new(),
        position: Position::default(),
        reason,
        remedy: "look at the server that sent it".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use mainsheet_api::{
        codec::{self, Defaults, UnknownFields},
        time::Timestamp,
        version::ResourceVersion,
        wire::{Any, Entry},
    };
    use prost::Message;

    use super::*;

    const DEFAULTS: Defaults<'_> =
        Defaults { namespace: "shop", scope: "", unknown_fields: UnknownFields::Strict };

    fn reading() -> Reading {
        Reading { documents: DocumentOptions::default(), validation: validate::Options::default() }
    }

    fn received(text: &str, version: Option<&str>) -> Received {
        let Content::Resource { mut resource, .. } = codec::read(text, DEFAULTS).remove(0).content else {
            panic!("{text}")
        };
        resource.upstream_version = version.map(ResourceVersion::new);
        let entry = Entry::encode(&resource, Timestamp::default());
        Received { name: entry.name, version: entry.version, any: Any::decode(entry.any).unwrap() }
    }

    fn route(host: &str) -> String {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: r, labels: {{a: b}}}}\n\
             spec: {{hosts: [r.example], http: [{{route: [{{destination: {{host: {host}}}}}]}}]}}\n"
        )
    }

    fn resource(told: &Told) -> &Resource {
        match &told.report.documents[0].content {
            Content::Resource { resource, .. } => resource,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn resource_keeps_its_key_labels_and_version() {
        let told = reading().read(Kind::VIRTUAL_SERVICE, received(&route("h"), Some("v7")));
        assert_eq!((told.refusal.as_deref(), &*told.report.origin), (None, "VirtualService/shop/r"));
        let resource = resource(&told);
        assert_eq!(resource.key.to_string(), "VirtualService shop/r");
        assert_eq!(
            (&*resource.labels["a"], resource.upstream_version.as_ref().unwrap().as_str()),
            ("b", "v7")
        );
    }

    #[test]
    fn envoy_resource_gets_the_namespace_of_the_source_and_the_version_that_came_with_it() {
        let text = "\"@type\": type.googleapis.com/envoy.config.cluster.v3.Cluster\nname: c\n";
        let told = reading().read(Kind::CLUSTER, received(text, Some("v8")));
        let resource = resource(&told);
        assert_eq!(resource.key.to_string(), "Cluster default/c");
        assert_eq!(resource.upstream_version.as_ref().unwrap().as_str(), "v8");
    }

    #[test]
    fn resource_that_does_not_validate_is_told_and_refused_with_where_and_why() {
        let text = route("h").replace("hosts: [r.example], ", "hosts: [\"*\"], gateways: [a/b/c], ");
        let told = reading().read(Kind::VIRTUAL_SERVICE, received(&text, None));
        assert!(told.refusal.unwrap().contains("spec."));
        assert_eq!(told.report.completeness, Completeness::Whole);
    }

    #[test]
    fn resource_that_does_not_decode_is_refused_and_says_nothing_of_the_last_good() {
        let mut bad = received(&route("h"), None);
        bad.any.value = b"no protobuf".as_slice().into();
        let told = reading().read(Kind::VIRTUAL_SERVICE, bad);
        assert!(told.refusal.is_some());
        assert_eq!(told.report.completeness, Completeness::Partial);
        assert!(matches!(told.report.documents[0].content, Content::Rejected { key: None, .. }));
    }

    #[test]
    fn origins_differ_and_stand_for_no_others() {
        let names = ["a", "a/", "a%2F", "a/b", "a%"];
        let origins: std::collections::BTreeSet<_> =
            names.iter().map(|name| origin(Kind::CLUSTER, name)).collect();
        assert_eq!(origins.len(), names.len());
        assert!(origins.iter().all(|origin| !crate::source::is_prefix(origin)));
    }
}
