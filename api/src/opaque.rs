//! Resources of kinds that are not known here: nothing of them is looked at but what they are called.

use std::collections::BTreeMap;

use crate::{
    key::Key,
    kind::{Kind, Refused},
    limits::NAME_BYTES_MAX,
    resource::Resource,
    validate::is_kubernetes_label,
    verdict::{Finding, Position, Severity},
    wire::Any,
};

/// What a resource is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be written.
    Write,
    /// To see what writing it would do.
    Try,
}

/// A resource that clients get under this type URL and bare name, as it is. Its kind is made where there is none yet.
///
/// # Errors
/// What is wrong with what it is called, or with a body that says no type.
pub fn resource(
    purpose: Purpose,
    (type_url, namespace, name): (&str, &str, &str),
    body: Any,
) -> Result<Resource, Vec<Finding>> {
    let mut findings = findings(namespace, name, &body);
    if !findings.is_empty() {
        // A kind that is made stays: not for what is wrong otherwise.
        findings.extend(Kind::check_opaque(type_url).err().as_ref().map(of_type_url));
        return Err(findings);
    }
    let kind = match purpose {
        Purpose::Write => Kind::opaque(type_url),
        Purpose::Try => Kind::opaque_to_try(type_url),
    };
    let kind = kind.map_err(|refused| vec![of_type_url(&refused)])?;
    Ok(Resource {
        key: Key::new(kind, namespace, name),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        body,
        upstream_version: None,
    })
}

fn findings(namespace: &str, name: &str, body: &Any) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !is_kubernetes_label(namespace) {
        findings.push(error(
            ["opaque-namespace", "namespace"],
            "not the name of a namespace",
            "use lower-case letters, digits and `-`, 63 characters at most",
        ));
    }
    // `*` would ask for everything, and an empty name for nothing.
    let is_name =
        !matches!(name, "" | "*") && name.len() <= NAME_BYTES_MAX && !name.contains(char::is_control);
    if !is_name {
        let remedy = "give it the name that clients ask for: any printable text but `*`";
        findings.push(error(["opaque-name", "name"], "nobody can ask for a resource by this name", remedy));
    }
    if body.type_url.is_empty() {
        let remedy = "set its `type_url`: by it clients know how to decode it";
        findings.push(error(["opaque-body", "body"], "the body does not say what it is", remedy));
    }
    findings
}

fn of_type_url(refused: &Refused) -> Finding {
    error(["opaque-type-url", "type_url"], &refused.to_string(), &refused.remedy())
}

fn error([code, path]: [&str; 2], reason: &str, remedy: &str) -> Finding {
    Finding {
        code: code.to_owned(),
        severity: Severity::Error,
        path: path.to_owned(),
        position: Position::default(),
        reason: reason.to_owned(),
        remedy: remedy.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{time::Timestamp, wire::Entry};

    fn body() -> Any {
        Any { type_url: "type.googleapis.com/example.Widget".into(), value: vec![8, 1].into() }
    }

    #[test]
    fn clients_get_it_bare_and_by_its_bare_name() {
        use prost::Message as _;
        let resource = resource(Purpose::Write, ("opaque.example/v1/Widget", "shop", "w"), body()).unwrap();
        let entry = Entry::encode(&resource, Timestamp(7));
        assert_eq!(&*entry.name, "w");
        assert_eq!(Any::decode(entry.any).unwrap(), body());
        assert_eq!(resource.key.kind.type_url(), "opaque.example/v1/Widget");
    }

    #[test]
    fn version_is_of_content_and_type() {
        let version = |url: &str, value: u8| {
            let body = Any { value: vec![8, value].into(), ..body() };
            Entry::encode(
                &resource(Purpose::Write, (url, "shop", "w"), body).unwrap(),
                Timestamp(u64::from(value)),
            )
            .version
        };
        assert_eq!(version("version.example/A", 1), version("version.example/A", 1));
        assert_ne!(version("version.example/A", 1), version("version.example/A", 2));
        assert_ne!(version("version.example/A", 1), version("version.example/B", 1));
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once_and_makes_no_kind() {
        let wrong = resource(Purpose::Write, ("Widget", "Shop", "*"), Any::default()).unwrap_err();
        let codes: Vec<_> = wrong.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!(codes, ["opaque-namespace", "opaque-name", "opaque-body", "opaque-type-url"]);
        assert!(wrong.iter().all(|finding| !finding.remedy.is_empty()));
        resource(Purpose::Write, ("wrong.example/v1/Widget", "shop", ""), body()).unwrap_err();
        assert_eq!(Kind::of_type_url("wrong.example/v1/Widget"), None);
    }
}
