//! Roles and bindings, as they are read from resources.

use std::{collections::BTreeSet, sync::Arc};

use prost::{DecodeError, Message};

use super::identity::SERVICE_ACCOUNT_PREFIX;
use crate::{
    generated::k8s::rbac::v1::{self as pb, PolicyRule},
    key::Key,
    kind::Kind,
    resource::Resource,
    selector::LabelSelector,
};

/// What names a role or a binding: its namespace, empty where it holds everywhere, and its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) namespace: Arc<str>,
    pub(super) name: Arc<str>,
}

/// What may be done.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Role {
    /// As they are written.
    pub(super) rules: Arc<[PolicyRule]>,
    pub(super) labels: std::collections::BTreeMap<String, String>,
    /// Any of these selects ClusterRoles whose rules are its own, instead of those that are written.
    pub(super) aggregation: Option<Vec<LabelSelector>>,
}

/// Who may do it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Binding {
    pub(super) role: Place,
    pub(super) subjects: BTreeSet<Subject>,
}

/// To whom something is granted. A service account is a user.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    User(Arc<str>),
    Group(Arc<str>),
}

/// A document of access that is put or removed.
#[derive(Clone, Debug)]
pub struct Edit {
    pub(super) place: Place,
    pub(super) document: Document,
}

/// What a document says; none where it is removed.
#[derive(Clone, Debug)]
pub(super) enum Document {
    Role(Option<Role>),
    Binding(Option<Binding>),
}

impl Edit {
    /// That this is there; `None` where it is no document of access.
    ///
    /// # Errors
    /// Where the body is not what its kind says.
    pub fn put(resource: &Resource) -> Result<Option<Self>, DecodeError> {
        let (key, body) = (&resource.key, resource.body.value.clone());
        let place = Place::of(key);
        let document = match key.kind {
            Kind::ROLE => Document::Role(Some(Role::written(pb::Role::decode(body)?.rules, resource))),
            Kind::CLUSTER_ROLE => {
                let pb::ClusterRole { aggregation_rule, rules } = pb::ClusterRole::decode(body)?;
                let aggregation = aggregation_rule.map(|rule| selectors(&rule));
                Document::Role(Some(Role { aggregation, ..Role::written(rules, resource) }))
            }
            Kind::ROLE_BINDING => {
                let pb::RoleBinding { role_ref, subjects } = pb::RoleBinding::decode(body)?;
                Document::Binding(Binding::of(&place, role_ref.as_ref(), &subjects))
            }
            Kind::CLUSTER_ROLE_BINDING => {
                let pb::ClusterRoleBinding { role_ref, subjects } = pb::ClusterRoleBinding::decode(body)?;
                Document::Binding(Binding::of(&place, role_ref.as_ref(), &subjects))
            }
            _ => return Ok(None),
        };
        Ok(Some(Self { place, document }))
    }

    /// That this is not there any more; `None` where it is no document of access.
    #[must_use]
    pub fn remove(key: &Key) -> Option<Self> {
        let document = match key.kind {
            Kind::ROLE | Kind::CLUSTER_ROLE => Document::Role(None),
            Kind::ROLE_BINDING | Kind::CLUSTER_ROLE_BINDING => Document::Binding(None),
            _ => return None,
        };
        Some(Self { place: Place::of(key), document })
    }
}

impl Place {
    fn of(key: &Key) -> Self {
        Self { namespace: key.namespace.clone(), name: key.name.clone() }
    }

    /// Whether it holds everywhere.
    pub(super) fn is_everywhere(&self) -> bool {
        self.namespace.is_empty()
    }
}

impl Role {
    fn written(rules: Vec<PolicyRule>, resource: &Resource) -> Self {
        Self { rules: rules.into(), labels: resource.labels.clone(), aggregation: None }
    }
}

/// A selector that can't be read selects nothing.
fn selectors(rule: &pb::AggregationRule) -> Vec<LabelSelector> {
    rule.cluster_role_selectors
        .iter()
        .filter_map(|selector| LabelSelector::of_document(selector).ok())
        .collect()
}

impl Binding {
    /// `None` where it names no role that it could give.
    fn of(place: &Place, role: Option<&pb::RoleRef>, subjects: &[pb::Subject]) -> Option<Self> {
        let role = role?;
        let namespace = match &*role.kind {
            "ClusterRole" => Arc::from(""),
            "Role" if !place.is_everywhere() => place.namespace.clone(),
            _ => return None,
        };
        let subjects = subjects.iter().filter_map(|subject| Subject::of(subject, &place.namespace)).collect();
        Some(Self { role: Place { namespace, name: Arc::from(&*role.name) }, subjects })
    }
}

impl Subject {
    /// A service account that names no namespace is of the binding's.
    fn of(subject: &pb::Subject, binding_namespace: &str) -> Option<Self> {
        match &*subject.kind {
            "User" => Some(Self::User(Arc::from(&*subject.name))),
            "Group" => Some(Self::Group(Arc::from(&*subject.name))),
            "ServiceAccount" => {
                let namespaces = [&*subject.namespace, binding_namespace];
                let namespace = namespaces.into_iter().find(|namespace| !namespace.is_empty())?;
                Some(Self::User(format!("{SERVICE_ACCOUNT_PREFIX}{namespace}:{}", subject.name).into()))
            }
            _ => None,
        }
    }
}
