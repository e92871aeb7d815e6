//! Workloads, and selectors that select none.

use std::collections::BTreeMap;

use super::{
    code,
    facts::{Context, Facts},
    label::Labels,
    look::Look,
    text::Text,
    topic::Topic,
};
use crate::{generated::istio::networking::v1alpha3 as wire, key::Key};

/// A WorkloadEntry, or those that a WorkloadGroup makes.
#[derive(Debug, PartialEq)]
pub(super) struct Workload {
    labels: Labels,
}

impl Workload {
    pub(super) fn of_entry(context: &mut Context<'_>, entry: &wire::WorkloadEntry) -> Self {
        let own = &context.resource.labels;
        Self::of(context, [own, &entry.labels])
    }

    pub(super) fn of_group(context: &mut Context<'_>, group: &wire::WorkloadGroup) -> Self {
        let nothing = BTreeMap::new();
        let metadata = group.metadata.as_ref().map_or(&nothing, |metadata| &metadata.labels);
        let template = group.template.as_ref().map_or(&nothing, |template| &template.labels);
        Self::of(context, [metadata, template])
    }

    fn of(context: &mut Context<'_>, labels: [&BTreeMap<String, String>; 2]) -> Self {
        let all = labels.into_iter().flatten().map(|(name, value)| (name.clone(), value.clone()));
        Self { labels: Labels::of(&all.collect(), context.texts) }
    }

    /// By each label, in its namespace and in all of them.
    pub(super) fn topics<'a>(&'a self, key: &'a Key) -> impl Iterator<Item = Topic> + 'a {
        self.labels.0.iter().flat_map(|label| {
            let topic = |namespace: Text| Topic::Workload { namespace, label: label.clone() };
            [topic(key.namespace.clone()), topic(Text::from(""))]
        })
    }
}

/// A selector of workloads of the own namespace.
pub(super) fn examine(path: &str, selector: &Labels, look: &mut Look<'_>) {
    let namespace = look.own().namespace().clone();
    examine_in(namespace, path, selector, look);
}

/// A selector of workloads of any namespace.
pub(super) fn examine_anywhere(path: &str, selector: &Labels, look: &mut Look<'_>) {
    examine_in(Text::from(""), path, selector, look);
}

fn examine_in(namespace: Text, path: &str, selector: &Labels, look: &mut Look<'_>) {
    let Some(label) = selector.0.first().filter(|_| look.options.complete.workloads) else { return };
    let found = look.found(Topic::Workload { namespace, label: label.clone() });
    let selects = |facts: &Facts| matches!(facts, Facts::Workload(it) if selector.select(&it.labels));
    if !found.iter().any(|subject| selects(&subject.facts)) {
        look.flag(&code::WORKLOAD_MISSING, path, format_args!("`{}`", selector.text()));
    }
}
