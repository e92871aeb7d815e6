//! What changed between two states of a kind, each as a view sees it. What is the same by identity is not looked at.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use imbl::ordmap::DiffItem;
use mainsheet_api::{version::ResourceVersion, view::View, wire::Entry, xds::catalog::Difference};

use crate::{
    chunk::{Chunk, Item},
    partition::{Partition, PartitionKey},
    served::Served,
    visible::Seen,
};

/// The step to a state, worked out once for all who make it.
pub(crate) fn step(from: Option<(&Served, &View)>, to: (&Served, &View)) -> Arc<Difference> {
    let key = (from.map(|(served, view)| (served.made, served.digest_of(view))), to.0.digest_of(to.1));
    to.0.steps.get(
        key,
        |difference| weight_of(difference),
        || {
            Arc::new(match from {
                Some(from) => difference(from, to),
                None => everything(to.0, to.1),
            })
        },
    )
}

/// Bytes that a difference takes beside the chunks: about two pieces, a name and a version for each entry.
fn weight_of(difference: &Difference) -> usize {
    256 * (difference.changed.len() + difference.removed.len())
}

/// The step from nothing.
fn everything(to: &Served, view: &View) -> Difference {
    let mut changed = Vec::new();
    for (_, seen) in to.visible(view) {
        changed.extend(seen.items().map(Item::entry));
    }
    Difference::new(changed, Vec::new())
}

/// The step from one state and view to another.
fn difference(from: (&Served, &View), to: (&Served, &View)) -> Difference {
    let mut step = Step::default();
    if from.1 == to.1 && to.1.of_kind(to.0.kind).is_everything() {
        // The map skips what both share by whole branches: one change among 10,000 namespaces is found at once.
        for (place, before, after) in from.0.partitions.diff(&to.0.partitions).map(sides) {
            if to.1.is_among(&place.audience) {
                step.partition(before, after);
            }
        }
    } else {
        merge(from.0.visible(from.1), to.0.visible(to.1), |before, after| step.seen(before, after));
    }
    step.finish()
}

type Side<'a> = Option<&'a Arc<Partition>>;

fn sides<'a>(item: DiffItem<'a, 'a, PartitionKey, Arc<Partition>>) -> (&'a PartitionKey, Side<'a>, Side<'a>) {
    match item {
        DiffItem::Add(place, after) => (place, None, Some(after)),
        DiffItem::Update { old: (place, before), new: (_, after) } => (place, Some(before), Some(after)),
        DiffItem::Remove(place, before) => (place, Some(before), None),
    }
}

#[derive(Default)]
struct Step {
    changed: Vec<Entry>,
    removed: BTreeMap<Arc<str>, ResourceVersion>,
}

impl Step {
    fn seen(&mut self, before: Option<Seen<'_>>, after: Option<Seen<'_>>) {
        match (&before, &after) {
            (Some(Seen::Picked(..)), _) | (_, Some(Seen::Picked(..))) => {
                self.items(items(before.as_ref()), items(after.as_ref()));
            }
            (None | Some(Seen::Whole(_)), None | Some(Seen::Whole(_))) => {
                self.partition(before.as_ref().and_then(Seen::whole), after.as_ref().and_then(Seen::whole));
            }
        }
    }

    fn partition(&mut self, before: Side<'_>, after: Side<'_>) {
        if before == after {
            return;
        }
        let before = before.map_or(&[][..], |partition| &partition.chunks);
        let after = after.map_or(&[][..], |partition| &partition.chunks);
        self.items(items_unless_in(before, after), items_unless_in(after, before));
    }

    fn items<'a>(
        &mut self,
        before: impl Iterator<Item = (&'a Arc<str>, &'a Item)>,
        after: impl Iterator<Item = (&'a Arc<str>, &'a Item)>,
    ) {
        merge(before, after, |before, after| match (before, after) {
            (Some(before), Some(after)) if before.held.version == after.held.version => {}
            (_, Some(after)) => self.changed.push(after.entry()),
            (Some(before), None) => {
                self.removed.insert(before.name.clone(), before.held.version.clone());
            }
            (None, None) => {}
        });
    }

    /// A name that left one partition and turned up in another has changed, if its version has; it is not gone.
    fn finish(mut self) -> Difference {
        if !self.removed.is_empty() {
            self.changed.retain(|entry| {
                self.removed.remove(&entry.name).is_none_or(|version| version != entry.version)
            });
        }
        Difference::new(self.changed, self.removed.into_keys().collect())
    }
}

/// The entries of what is seen.
fn items<'a>(seen: Option<&'a Seen<'_>>) -> impl Iterator<Item = (&'a Arc<str>, &'a Item)> {
    seen.into_iter().flat_map(|seen| seen.items().map(|item| (&item.name, item)))
}

/// The entries of chunks, without those chunks that `others` has, too.
fn items_unless_in<'a>(
    chunks: &'a [Arc<Chunk>],
    others: &[Arc<Chunk>],
) -> impl Iterator<Item = (&'a Arc<str>, &'a Item)> {
    let others: HashSet<*const Chunk> = others.iter().map(Arc::as_ptr).collect();
    chunks
        .iter()
        .filter(move |chunk| !others.contains(&Arc::as_ptr(chunk)))
        .flat_map(|chunk| chunk.items.iter().map(|item| (&item.name, item)))
}

/// Walks two sorted lists at once and visits each key with what the two have for it.
fn merge<K: Ord, V>(
    left: impl Iterator<Item = (K, V)>,
    right: impl Iterator<Item = (K, V)>,
    mut visit: impl FnMut(Option<V>, Option<V>),
) {
    let (mut left, mut right) = (left.peekable(), right.peekable());
    loop {
        let order = match (left.peek(), right.peek()) {
            (Some((one, _)), Some((other, _))) => one.cmp(other),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return,
        };
        let one = if order.is_le() { left.next() } else { None };
        let other = if order.is_ge() { right.next() } else { None };
        visit(one.map(|(_, value)| value), other.map(|(_, value)| value));
    }
}
