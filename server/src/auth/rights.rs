//! What a caller may do, asked as Kubernetes asks it.

use mainsheet_api::{
    access::{Attributes, Edit, Identity, OUR_GROUP},
    key::Key,
};

use super::{Granted, Grants};

/// What a caller may do, now and later: grants may change while a write waits. Cloning shares it.
#[derive(Clone, Debug)]
pub(crate) struct Rights {
    identity: Identity,
    grants: Grants,
}

/// What a caller may do at one instant.
#[derive(Clone, Debug)]
pub(crate) struct RightsNow(Granted);

/// Why something may not be done: as Kubernetes words it, and the key that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Denied {
    pub(crate) key: Option<Key>,
    pub(crate) reason: String,
}

/// A part of the server that is asked for, in the group `mainsheet.io`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// `get`, `update`.
    pub verb: &'static str,
    /// `backups`
    pub resource: &'static str,
    /// `confirmation`; mostly empty.
    pub subresource: &'static str,
}

impl Rights {
    pub(crate) fn new(identity: Identity, grants: Grants) -> Self {
        Self { identity, grants }
    }

    /// Of somebody who may do everything.
    #[cfg(test)]
    pub(crate) fn all() -> Self {
        Self::new(Identity::local(), Grants::default())
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Whether it is all that there is, whatever is granted.
    pub(crate) fn is_everything(&self) -> bool {
        self.identity.is_master()
    }

    /// As they are at this instant.
    pub(crate) fn now(&self) -> RightsNow {
        RightsNow(self.grants.now(&self.identity))
    }
}

impl RightsNow {
    /// Whether a key is visible: what is not is not found either.
    pub(crate) fn sees(&self, key: &Key) -> bool {
        self.may("list", key)
    }

    /// # Errors
    /// Where a part of the server may not be used.
    pub(crate) fn check_part(&self, part: Part) -> Result<(), Denied> {
        let Part { verb, resource, subresource } = part;
        let wanted =
            Attributes { verb, group: OUR_GROUP, resource, subresource, namespace: None, name: None };
        if self.0.allows(&wanted) {
            return Ok(());
        }
        Err(Denied { key: None, reason: wanted.refusal(self.0.identity()) })
    }

    /// Whether a key may be given content.
    ///
    /// # Errors
    /// Where it may not. Whoever may do none of it is told the same whether there is something or not.
    pub(crate) fn check_put(&self, key: &Key, is_there: bool) -> Result<(), Denied> {
        let (creates, changes) = (self.may("create", key), self.may("update", key) || self.may("patch", key));
        match (is_there, creates, changes) {
            (true, _, true) | (false, true, _) => Ok(()),
            (_, false, false) => Err(self.denied("patch", key)),
            (true, true, false) => Err(self.denied("update", key)),
            (false, false, true) => Err(self.denied("create", key)),
        }
    }

    /// # Errors
    /// Where a verb on a key is not granted.
    pub(crate) fn check(&self, verb: &str, key: &Key) -> Result<(), Denied> {
        if self.may(verb, key) { Ok(()) } else { Err(self.denied(verb, key)) }
    }

    /// Whether a document of access may be written by whoever may write such a document.
    ///
    /// # Errors
    /// Where it would give away more than is held.
    pub(crate) fn check_grant(&self, key: &Key, edit: &Edit) -> Result<(), Denied> {
        let denied = |reason: String| Denied { key: Some(key.clone()), reason };
        self.0.check_grant(edit).map_err(|escalation| denied(escalation.to_string()))
    }

    fn may(&self, verb: &str, key: &Key) -> bool {
        self.0.allows(&Attributes::of_key(verb, key))
    }

    fn denied(&self, verb: &str, key: &Key) -> Denied {
        let reason = Attributes::of_key(verb, key).refusal(self.0.identity());
        Denied { key: Some(key.clone()), reason }
    }
}
