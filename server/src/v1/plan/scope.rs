//! Which resources of the API's layer are meant by a set or by labels.

use std::{collections::BTreeSet, sync::Arc};

use mainsheet_api::{
    generated::mainsheet::v1::{self as pb, prune},
    kind::Kind,
    selector::LabelSelector,
    wire,
};
use mainsheet_cache::snapshot::{Held, Snapshot};
use tonic::Status;

use crate::v1::{error::bad_request, selection};

/// What of the API's layer is meant.
#[derive(Clone, Debug)]
pub(in crate::v1) struct Scope {
    by: By,
    /// None: of all.
    kinds: BTreeSet<Kind>,
    /// None: in all.
    namespaces: BTreeSet<Arc<str>>,
}

#[derive(Clone, Debug)]
enum By {
    Labels(LabelSelector),
    Set(Arc<str>),
}

impl Scope {
    /// Reads what a request says in `field`.
    pub(in crate::v1) fn of(field: &str, given: pb::Prune) -> Result<Self, Status> {
        let pb::Prune { scope, kinds, namespaces } = given;
        let by = match scope {
            Some(prune::Scope::LabelSelector(text)) => {
                let field = format!("{field}.label_selector");
                let labels: LabelSelector =
                    text.parse().map_err(|why| bad_request(&field, format!("{why}")))?;
                if labels.is_empty() {
                    return Err(bad_request(&field, "is empty, which would select everything; name a label"));
                }
                By::Labels(labels)
            }
            Some(prune::Scope::Set(set)) if !set.is_empty() => By::Set(set.into()),
            Some(prune::Scope::Set(_)) => return Err(bad_request(&format!("{field}.set"), "is empty")),
            None => {
                return Err(bad_request(&format!("{field}.scope"), "give one of `label_selector` and `set`"));
            }
        };
        let kind = |text: &String| selection::kind(&format!("{field}.kinds"), text);
        let kinds = kinds.iter().map(kind).collect::<Result<_, _>>()?;
        Ok(Self { by, kinds, namespaces: namespaces.into_iter().map(Arc::from).collect() })
    }

    /// Whether it means this one of the API's layer.
    pub(super) fn has(&self, snapshot: &Snapshot, held: &Held) -> bool {
        let key = &held.key;
        let is_kind = self.kinds.is_empty() || self.kinds.contains(&key.kind);
        let is_there = self.namespaces.is_empty() || self.namespaces.contains(&key.namespace);
        is_kind && is_there && self.has_content(snapshot, held)
    }

    fn has_content(&self, snapshot: &Snapshot, held: &Held) -> bool {
        match &self.by {
            By::Set(set) => held.terms.set.as_ref() == Some(set),
            By::Labels(selector) => {
                let Some(found) = snapshot.find_in(&held.source, &held.key) else { return false };
                let labels = wire::labels(&found.entry.any);
                selector.matches(|name| labels.get(name).copied())
            }
        }
    }
}
