//! What a view sees of a kind: whole partitions, and of others single entries, picked by name out of the bytes that all
//! share.

use std::sync::Arc;

use bytes::Bytes;
use mainsheet_api::{
    key::Key,
    version::VersionSum,
    view::{Shown, View},
};

use crate::{
    chunk::Item,
    partition::{Partition, PartitionKey},
    served::Served,
};

/// What is seen of a partition.
pub(crate) enum Seen<'a> {
    /// All of it.
    Whole(&'a Arc<Partition>),
    /// These entries, in order of names.
    Picked(&'a Partition, Vec<&'a Item>),
}

impl<'a> Seen<'a> {
    /// What there is of these names; nothing, where that is none of them.
    fn picked(partition: &'a Partition, names: impl Iterator<Item = String>) -> Option<Self> {
        let items: Vec<&Item> = names.filter_map(|name| partition.get(&name)).collect();
        (!items.is_empty()).then_some(Self::Picked(partition, items))
    }

    pub(crate) fn whole(&self) -> Option<&'a Arc<Partition>> {
        match self {
            Self::Whole(partition) => Some(partition),
            Self::Picked(..) => None,
        }
    }

    /// The entries, in order of names.
    pub(crate) fn items(&self) -> Box<dyn Iterator<Item = &'a Item> + '_> {
        match self {
            Self::Whole(partition) => Box::new(partition.items_after(None)),
            Self::Picked(_, items) => Box::new(items.iter().copied()),
        }
    }

    /// Their bytes, as `resources` of a SotW response.
    pub(crate) fn pieces(&self) -> Box<dyn Iterator<Item = Bytes> + '_> {
        match self {
            Self::Whole(partition) => Box::new(partition.chunks.iter().map(|chunk| chunk.bytes.clone())),
            Self::Picked(partition, items) => {
                Box::new(items.iter().filter_map(|item| partition.field_of(&item.name)))
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Whole(partition) => partition.len,
            Self::Picked(_, items) => items.len(),
        }
    }

    /// The version of all of it together.
    pub(crate) fn sum(&self) -> VersionSum {
        match self {
            Self::Whole(partition) => partition.sum,
            Self::Picked(_, items) => items.iter().fold(VersionSum::EMPTY, |sum, item| sum.plus(item.sum())),
        }
    }
}

impl Served {
    /// What a view sees, in order of partitions.
    pub(crate) fn visible<'a>(
        &'a self,
        view: &'a View,
    ) -> Box<dyn Iterator<Item = (&'a PartitionKey, Seen<'a>)> + 'a> {
        let scope = view.of_kind(self.kind);
        let candidates: Box<dyn Iterator<Item = _>> = match scope.namespaces() {
            // A view of a few namespaces does not look at all that there are.
            Some(namespaces) if namespaces.len() < self.partitions.len() => {
                Box::new(namespaces.flat_map(|namespace| self.of_namespace(namespace)))
            }
            Some(_) | None => Box::new(self.partitions.iter()),
        };
        let meant = candidates.filter(|(place, _)| view.is_among(&place.audience));
        Box::new(meant.filter_map(move |(place, partition)| {
            let wire_name =
                |name: &Arc<str>| Key::new(self.kind, place.namespace.clone(), name.clone()).wire_name();
            let seen = match scope.in_namespace(&place.namespace) {
                Shown::Nothing => None,
                Shown::Everything => Some(Seen::Whole(partition)),
                Shown::Names(names) => Seen::picked(partition, names.into_iter().map(wire_name)),
            };
            Some((place, seen?))
        }))
    }
}
