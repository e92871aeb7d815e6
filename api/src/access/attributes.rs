//! What somebody wants to do, in the words of a SubjectAccessReview.

use std::fmt;

use super::Identity;
use crate::{key::Key, kind::Kind};

/// A verb on a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes<'a> {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`; for those who grant, `bind` and `escalate`.
    pub verb: &'a str,
    /// `networking.istio.io`
    pub group: &'a str,
    /// `virtualservices`
    pub resource: &'a str,
    /// `status`; mostly empty.
    pub subresource: &'a str,
    /// None: everywhere, or of a kind without namespaces.
    pub namespace: Option<&'a str>,
    /// None: of any name. Whoever creates names nothing, so that a rule that is about some names grants no creation.
    pub name: Option<&'a str>,
}

impl<'a> Attributes<'a> {
    /// On all resources of a kind: in a namespace, or everywhere.
    #[must_use]
    pub fn of_kind(verb: &'a str, kind: Kind, namespace: Option<&'a str>) -> Self {
        let row = kind.info();
        let namespace = namespace.filter(|_| row.namespaced);
        Self { verb, group: row.group, resource: row.plural, subresource: "", namespace, name: None }
    }

    /// On one resource.
    #[must_use]
    pub fn of_key(verb: &'a str, key: &'a Key) -> Self {
        let name = (verb != "create").then_some(&*key.name);
        Self { name, ..Self::of_kind(verb, key.kind, Some(&key.namespace)) }
    }

    /// That somebody may not do it, as Kubernetes words it. Says nothing of what there is.
    #[must_use]
    pub fn refusal(&self, identity: &Identity) -> String {
        format!("user {:?} cannot {self}", identity.user())
    }

    pub(super) fn namespace(&self) -> &'a str {
        self.namespace.unwrap_or_default()
    }
}

/// `get resource "gateways" in API group "networking.istio.io" in the namespace "shop"`
impl fmt::Display for Attributes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verb, group, resource, subresource, .. } = self;
        let slash = if subresource.is_empty() { "" } else { "/" };
        write!(f, "{verb} resource \"{resource}{slash}{subresource}\" in API group {group:?}")?;
        match self.namespace() {
            "" => f.write_str(" at the cluster scope"),
            namespace => write!(f, " in the namespace {namespace:?}"),
        }
    }
}
