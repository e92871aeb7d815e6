//! Who may do what: identities, and Kubernetes' RBAC as a pure function of the documents that grant it.
//!
//! | module | is |
//! |---|---|
//! | [`identity`] | who somebody is: a user in groups |

pub mod identity;

pub use identity::Identity;
