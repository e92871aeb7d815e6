//! One step as responses: pages of what changed, and removed names.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use super::{
    seen::{Seen, sotw_resources},
    unanswered::Members,
};
use crate::{
    wire::Entry,
    xds::{
        Variant,
        catalog::{Catalog, Difference, Shared},
    },
};

/// One response: a page of a difference, removed names of it, or both. Neither makes an empty response.
#[derive(Clone, Debug, Default)]
pub(super) struct Planned {
    pub(super) step: Arc<Difference>,
    pub(super) page: Option<usize>,
    pub(super) removed: Range<usize>,
}

impl Planned {
    pub(super) fn members(&self) -> Members {
        let changed = self.page.map_or(0..0, |page| self.step.pages[page].range.clone());
        Members { step: self.step.clone(), changed, removed: self.removed.clone() }
    }

    /// `carries_ttl`: for a client that understands times to live.
    pub(super) fn resources(&self, variant: Variant, carries_ttl: bool) -> Shared {
        let Some(page) = self.page.map(|page| &self.step.pages[page]) else { return Shared::default() };
        match variant {
            Variant::Delta => page.bytes_with(carries_ttl).clone(),
            Variant::Sotw => sotw_resources(&self.step.changed[page.range.clone()], carries_ttl),
        }
    }
}

/// Names, and what there is to say of each: a resource, or that it is gone.
pub(super) type Part = BTreeMap<Arc<str>, Option<Entry>>;

/// The step that says this.
pub(super) fn own_step<C: Catalog>(part: Part, seen: &Seen<C>) -> Arc<Difference> {
    let (mut changed, mut removed) = (Vec::new(), Vec::new());
    for (name, current) in part {
        match current {
            Some(entry) => changed.push(entry),
            None => removed.push(name),
        }
    }
    Arc::new(seen.own_difference(changed, removed))
}

/// Bytes of removed names in one response, beside a page of resources: together less than the 4 MiB that many clients
/// take, even where each name is an assignment without endpoints: twice the name and some 90 bytes.
const REMOVED_BYTES_MAX: usize = 512 << 10;

/// What each of them counts beside its name.
const REMOVED_BYTES: usize = 45;

/// One response for each page of a difference. Removed names go with the first pages.
pub(super) fn all(step: &Arc<Difference>) -> Vec<Planned> {
    let mut responses: Vec<Planned> = changed(step).collect();
    for (index, removed) in cut_names(&step.removed).into_iter().enumerate() {
        match responses.get_mut(index) {
            Some(response) => response.removed = removed,
            None => responses.push(Planned { step: step.clone(), page: None, removed }),
        }
    }
    responses
}

/// One response for each page, without the removed names.
pub(super) fn changed(step: &Arc<Difference>) -> impl Iterator<Item = Planned> {
    (0..step.pages.len()).map(|page| Planned { step: step.clone(), page: Some(page), removed: 0..0 })
}

fn cut_names(names: &[Arc<str>]) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut bytes = 0;
    for (index, name) in names.iter().enumerate() {
        let own = name.len() + REMOVED_BYTES;
        bytes += own;
        match ranges.last_mut() {
            Some(range) if bytes <= REMOVED_BYTES_MAX => range.end = index + 1,
            _ => {
                ranges.push(index..index + 1);
                bytes = own;
            }
        }
    }
    ranges
}
