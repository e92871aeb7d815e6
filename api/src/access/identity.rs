//! Who somebody is, in Kubernetes' words: a user, in groups.

use std::{fmt, sync::Arc};

/// Whoever showed no credential.
pub const ANONYMOUS: &str = "system:anonymous";
/// The group of all who showed no credential.
pub const UNAUTHENTICATED: &str = "system:unauthenticated";
/// The group of all who showed one.
pub const AUTHENTICATED: &str = "system:authenticated";
/// The group that may do everything, whatever documents say.
pub const MASTERS: &str = "system:masters";
/// Whoever administers the server from its own machine.
pub const ADMIN: &str = "system:admin";
/// What the user of a service account begins with: `system:serviceaccount:NAMESPACE:NAME`.
pub const SERVICE_ACCOUNT_PREFIX: &str = "system:serviceaccount:";
/// The group of all service accounts; with `:NAMESPACE` behind it, of those of one namespace.
pub const SERVICE_ACCOUNTS: &str = "system:serviceaccounts";

/// A user and the groups that it is in. Cheap to clone, equal by content.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity(Arc<Inner>);

#[derive(PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Inner {
    user: Arc<str>,
    /// In order, none twice.
    groups: Box<[Arc<str>]>,
}

impl Identity {
    /// A user in these groups, and in no others: who is authenticated has to be put into [`AUTHENTICATED`].
    pub fn new<G: Into<Arc<str>>>(user: impl Into<Arc<str>>, groups: impl IntoIterator<Item = G>) -> Self {
        let mut groups: Vec<Arc<str>> = groups.into_iter().map(Into::into).collect();
        groups.sort_unstable();
        groups.dedup();
        Self(Arc::new(Inner { user: user.into(), groups: groups.into() }))
    }

    /// Whoever showed no credential.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::new(ANONYMOUS, [UNAUTHENTICATED])
    }

    /// A service account, with the groups that Kubernetes gives each of them.
    #[must_use]
    pub fn service_account(namespace: &str, name: &str) -> Self {
        let of_namespace = format!("{SERVICE_ACCOUNTS}:{namespace}");
        Self::new(
            format!("{SERVICE_ACCOUNT_PREFIX}{namespace}:{name}"),
            [SERVICE_ACCOUNTS, of_namespace.as_str(), AUTHENTICATED],
        )
    }

    /// Whoever is on this machine, where that is enough: may do everything.
    #[must_use]
    pub fn local() -> Self {
        Self::new(ADMIN, [MASTERS, AUTHENTICATED])
    }

    /// `system:serviceaccount:shop:istiod`, `alice`.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.0.user
    }

    /// In order, none twice.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.groups.iter().map(AsRef::as_ref)
    }

    /// Whether it is in a group.
    #[must_use]
    pub fn is_in(&self, group: &str) -> bool {
        self.0.groups.binary_search_by(|have| (**have).cmp(group)).is_ok()
    }

    /// Whether it may do everything.
    #[must_use]
    pub fn is_master(&self) -> bool {
        self.is_in(MASTERS)
    }

    /// Namespace and name of the service account that it is, if it is one.
    #[must_use]
    pub fn as_service_account(&self) -> Option<(&str, &str)> {
        let (namespace, name) = self.user().strip_prefix(SERVICE_ACCOUNT_PREFIX)?.split_once(':')?;
        (!namespace.is_empty() && !name.is_empty() && !name.contains(':')).then_some((namespace, name))
    }
}

/// The user, as messages name it.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.user())
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} in {:?}", self.user(), self.0.groups)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_equal_by_content() {
        let one = Identity::new("alice", ["b", "a", "b"]);
        assert_eq!(one, Identity::new(String::from("alice"), ["a", "b"]));
        assert_ne!(one, Identity::new("alice", ["a"]));
        assert_ne!(one, Identity::new("bob", ["a", "b"]));
        assert_eq!(one.groups().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn service_accounts_are_in_the_groups_that_kubernetes_gives_them() {
        let account = Identity::service_account("istio-mcp", "istiod");
        assert_eq!(account.user(), "system:serviceaccount:istio-mcp:istiod");
        let groups: Vec<_> = account.groups().collect();
        let expected = ["system:authenticated", "system:serviceaccounts", "system:serviceaccounts:istio-mcp"];
        assert_eq!(groups, expected);
        assert_eq!(account.as_service_account(), Some(("istio-mcp", "istiod")));
    }

    #[test]
    fn users_that_only_look_like_service_accounts_are_none() {
        for user in
            ["alice", "system:serviceaccount:shop", "system:serviceaccount::a", "system:serviceaccount:a:"]
        {
            assert_eq!(Identity::new(user, [AUTHENTICATED]).as_service_account(), None, "{user}");
        }
        assert_eq!(Identity::new("system:serviceaccount:a:b:c", [""; 0]).as_service_account(), None);
    }

    #[test]
    fn only_masters_may_do_everything() {
        assert!(Identity::local().is_master());
        assert!(!Identity::anonymous().is_master());
        assert!(!Identity::new(MASTERS, [AUTHENTICATED]).is_master());
    }
}
