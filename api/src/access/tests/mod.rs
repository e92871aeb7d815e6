//! Access as a whole: cases from Kubernetes' documentation, and properties against a model that shares nothing with it.

mod cases;
mod model;
mod properties;

use std::collections::BTreeMap;

use prost::Message;

use super::{Access, Edit};
use crate::{
    generated::k8s::rbac::v1 as pb,
    key::Key,
    kind::{Kind, TYPE_URL_PREFIX},
    resource::Resource,
    wire::Any,
};

/// A document of access.
fn document(kind: Kind, (namespace, name): (&str, &str), body: &impl Message) -> Resource {
    Resource {
        key: Key::new(kind, namespace, name),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        body: Any {
            type_url: format!("{TYPE_URL_PREFIX}{}", kind.info().message),
            value: body.encode_to_vec().into(),
        },
        upstream_version: None,
    }
}

fn put(resource: &Resource) -> Edit {
    Edit::put(resource).unwrap().unwrap()
}

fn access(documents: &[Resource]) -> Access {
    Access::default().edited(documents.iter().map(put)).0
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

fn rule(verbs: &[&str], groups: &[&str], resources: &[&str]) -> pb::PolicyRule {
    pb::PolicyRule {
        verbs: texts(verbs),
        api_groups: texts(groups),
        resources: texts(resources),
        ..pb::PolicyRule::default()
    }
}

fn role(place: (&str, &str), rules: &[pb::PolicyRule]) -> Resource {
    match place.0 {
        "" => {
            let body = pb::ClusterRole { rules: rules.to_vec(), aggregation_rule: None };
            document(Kind::CLUSTER_ROLE, place, &body)
        }
        _ => document(Kind::ROLE, place, &pb::Role { rules: rules.to_vec() }),
    }
}

/// A binding of a role, `Role/x` or `ClusterRole/x`, to subjects, `User/x`, `Group/x` or `ServiceAccount/namespace:x`.
fn binding(place: (&str, &str), role: &str, subjects: &[&str]) -> Resource {
    let (kind, name) = role.split_once('/').unwrap();
    let role_ref = Some(pb::RoleRef { kind: kind.into(), name: name.into(), api_group: String::new() });
    let subjects = subjects.iter().map(|subject| self::subject(subject)).collect();
    match place.0 {
        "" => document(Kind::CLUSTER_ROLE_BINDING, place, &pb::ClusterRoleBinding { role_ref, subjects }),
        _ => document(Kind::ROLE_BINDING, place, &pb::RoleBinding { role_ref, subjects }),
    }
}

fn subject(text: &str) -> pb::Subject {
    let (kind, name) = text.split_once('/').unwrap();
    let (namespace, name) = match kind {
        "ServiceAccount" => name.split_once(':').unwrap(),
        _ => ("", name),
    };
    let [kind, namespace, name] = [kind, namespace, name].map(str::to_owned);
    pb::Subject { api_group: String::new(), kind, name, namespace }
}
