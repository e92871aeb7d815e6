//! Who may do what: identities, and Kubernetes' RBAC as a pure function of the documents that grant it.
//!
//! | module | is |
//! |---|---|
//! | [`identity`] | who somebody is: a user in groups |
//! | `attributes` | what somebody wants to do |
//! | `rule` | whether one rule of a role allows it |
//! | `document` | roles and bindings, as they are read from resources |
//! | `index` | [`Access`]: all of them, by whom they grant something; carried forward by edits |
//! | `aggregate` | ClusterRoles that are made of others |
//! | `concerned` | whose grants an edit may have changed |
//! | `view` | what somebody sees |
//! | `escalate` | what somebody would give away without having it |
//!
//! Documents grant; nothing denies. What no document grants may not be done, but by the group `system:masters`, which may
//! do everything.

mod aggregate;
mod attributes;
mod concerned;
mod document;
mod escalate;
pub mod identity;
mod index;
mod rule;
mod view;

#[cfg(test)]
mod tests;

pub use attributes::Attributes;
pub use concerned::Concerned;
pub use document::Edit;
pub use escalate::Escalation;
pub use identity::Identity;
pub use index::Access;

/// The API group of roles and bindings.
pub const ACCESS_GROUP: &str = "rbac.authorization.k8s.io";

/// What may be granted with [`OUR_GROUP`] and are no kinds: parts of the server itself.
pub const OUR_RESOURCES: [&str; 5] = ["sinks", "sources", "statuses", "backups", "revisions"];

/// The API group of [`OUR_RESOURCES`], and of our own kinds.
pub const OUR_GROUP: &str = "mainsheet.io";

/// A name that is longer could not be stored by Kubernetes either.
const NAME_BYTES_MAX: usize = 253;

/// Whether roles and bindings may be called so: Kubernetes takes what can stand in a path.
#[must_use]
pub fn is_access_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..")
        && name.len() <= NAME_BYTES_MAX
        && !name.chars().any(|c| matches!(c, '/' | '%') || c.is_control())
}
