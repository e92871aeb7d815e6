//! Policies: what they are for.

use super::{code, facts::Context, label::Labels, look::Look, text::Text, topic::Topic, workload};
use crate::generated::istio::{
    networking::v1alpha3,
    r#type::v1beta1::{PolicyTargetReference, WorkloadSelector},
};

#[derive(Debug, PartialEq)]
pub(super) struct Policy {
    /// Where the selector stands.
    selector: (&'static str, Labels),
    /// ServiceEntries, by name, and where they are named.
    targets: Box<[(Place, Text)]>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Only,
    Of(usize),
}

impl Policy {
    pub(super) fn of(
        context: &mut Context<'_>,
        selector: Option<&WorkloadSelector>,
        target_ref: Option<&PolicyTargetReference>,
        target_refs: &[PolicyTargetReference],
    ) -> Self {
        let listed = target_refs.iter().enumerate().map(|(place, target)| (Place::Of(place), target));
        let all = target_ref.map(|target| (Place::Only, target)).into_iter().chain(listed);
        let entries = all.filter(|(_, target)| {
            target.group == "networking.istio.io" && target.kind == "ServiceEntry" && !target.name.is_empty()
        });
        let texts = &mut *context.texts;
        let selector = selector.map_or_else(Labels::default, |it| Labels::of(&it.match_labels, texts));
        Self {
            selector: ("spec.selector", selector),
            targets: entries.map(|(place, target)| (place, texts.keep(&target.name))).collect(),
        }
    }

    /// EnvoyFilter selects in another way.
    pub(super) fn of_labels(
        context: &mut Context<'_>,
        selector: Option<&v1alpha3::WorkloadSelector>,
        target_refs: &[PolicyTargetReference],
    ) -> Self {
        let targets = Self::of(context, None, None, target_refs).targets;
        let selector = selector.map_or_else(Labels::default, |it| Labels::of(&it.labels, context.texts));
        Self { selector: ("spec.workloadSelector", selector), targets }
    }
}

pub(super) fn examine(policy: &Policy, look: &mut Look<'_>) {
    let namespace = look.own().namespace();
    for (place, name) in &policy.targets {
        let topic = Topic::Entry { namespace: namespace.clone(), name: name.clone() };
        if look.found(topic).is_empty() {
            let path = match place {
                Place::Only => "spec.targetRef.name".to_owned(),
                Place::Of(place) => format!("spec.targetRefs[{place}].name"),
            };
            look.flag(&code::TARGET_MISSING, path, format_args!("`{namespace}/{name}`"));
        }
    }
    let (path, selector) = &policy.selector;
    if **namespace == *look.options.root_namespace {
        workload::examine_anywhere(path, selector, look);
    } else {
        workload::examine(path, selector, look);
    }
}
