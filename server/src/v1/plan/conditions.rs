//! What must be true of the API's layer for a write to be made.

use std::collections::BTreeMap;

use mainsheet_api::{
    generated::mainsheet::v1::{self as pb, precondition},
    key::Key,
    limits::WRITE_KEYS_MAX,
    version::{ResourceVersion, Revision},
};
use mainsheet_cache::{layer::Layer, snapshot::Held};
use tonic::Status;

use super::outcome::conflict;
use crate::v1::{error::bad_request, selection};

/// Conditions by what they are about. Several of one key must all be true.
#[derive(Clone, Debug, Default)]
pub(in crate::v1) struct Conditions(BTreeMap<Key, Vec<Expected>>);

#[derive(Clone, Debug)]
enum Expected {
    Revision(Revision),
    Version(ResourceVersion),
    Absent,
}

impl Conditions {
    /// Reads what a request says.
    pub(in crate::v1) fn of(given: Vec<pb::Precondition>, default_namespace: &str) -> Result<Self, Status> {
        if given.len() > WRITE_KEYS_MAX {
            return Err(bad_request("preconditions", format!("more than {WRITE_KEYS_MAX}")));
        }
        let mut conditions: BTreeMap<Key, Vec<Expected>> = BTreeMap::new();
        for (index, pb::Precondition { key, expected }) in given.into_iter().enumerate() {
            let field = format!("preconditions[{index}]");
            let key = selection::key(&format!("{field}.key"), key, default_namespace)?;
            let expected = match expected {
                Some(precondition::Expected::Revision(revision)) => Expected::Revision(Revision(revision)),
                Some(precondition::Expected::Version(version)) => {
                    Expected::Version(ResourceVersion::new(version))
                }
                Some(precondition::Expected::Absent(true)) => Expected::Absent,
                Some(precondition::Expected::Absent(false)) => {
                    let remedy = "is false; to expect that it is there, give its revision or version";
                    return Err(bad_request(&format!("{field}.absent"), remedy));
                }
                None => {
                    let remedy = "says nothing; give one of `revision`, `version` and `absent`";
                    return Err(bad_request(&format!("{field}.expected"), remedy));
                }
            };
            conditions.entry(key).or_default().push(expected);
        }
        Ok(Self(conditions))
    }

    /// What they are about.
    pub(in crate::v1) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.0.keys()
    }

    /// Why a key is not as it is expected to be, if it is not.
    pub(super) fn unmet(&self, key: &Key, held: Option<&Held>) -> Option<pb::Conflict> {
        let expected = self.0.get(key)?;
        expected.iter().find_map(|expected| Some(conflict(expected.unmet(held)?, held)))
    }

    /// The same of all keys but these.
    pub(super) fn unmet_beside(
        &self,
        layer: &Layer,
        is_known: impl Fn(&Key) -> bool,
    ) -> Vec<(Key, pb::Conflict)> {
        let others = self.0.keys().filter(|key| !is_known(key));
        let unmet = |key: &Key| Some((key.clone(), self.unmet(key, layer.get(key).map(|held| &**held))?));
        others.filter_map(unmet).collect()
    }
}

impl Expected {
    fn unmet(&self, held: Option<&Held>) -> Option<String> {
        let is_met = match (self, held) {
            (Self::Revision(revision), Some(held)) => held.changed == *revision,
            (Self::Version(version), Some(held)) => held.version == *version,
            (Self::Absent, held) => held.is_none(),
            (Self::Revision(_) | Self::Version(_), None) => false,
        };
        (!is_met).then(|| match (self, held) {
            (Self::Absent, Some(held)) => {
                format!("is expected not to be there, and is, of revision {}", held.changed)
            }
            (Self::Revision(revision), Some(held)) => {
                format!("is expected to be of revision {revision}, and is of {}", held.changed)
            }
            (Self::Version(version), Some(held)) => {
                format!("is expected to have version {version}, and has {}", held.version)
            }
            (Self::Revision(revision), _) => {
                format!("is expected to be of revision {revision}, and the API's layer does not have it")
            }
            (Self::Version(version), _) => {
                format!("is expected to have version {version}, and the API's layer does not have it")
            }
            (Self::Absent, None) => String::new(),
        })
    }
}
