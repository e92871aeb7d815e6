//! Sidecars: a workload gets one of them only.

use super::{code, facts::Context, label::Labels, look::Look, topic::Topic, workload};
use crate::{generated::istio::networking::v1alpha3 as wire, key::Key};

#[derive(Debug, PartialEq)]
pub(super) struct Sidecar {
    /// None for the one of all other workloads.
    selector: Labels,
}

impl Sidecar {
    pub(super) fn of(context: &mut Context<'_>, sidecar: &wire::Sidecar) -> Self {
        let selector = sidecar.workload_selector.as_ref();
        Self { selector: selector.map_or_else(Labels::default, |it| Labels::of(&it.labels, context.texts)) }
    }

    pub(super) fn topics(&self, key: &Key) -> impl Iterator<Item = Topic> + use<> {
        let labels = self.selector.text().into();
        std::iter::once(Topic::Sidecar { namespace: key.namespace.clone(), labels })
    }
}

/// One that was there before and selects everything that this one does leaves it nothing.
pub(super) fn examine(sidecar: &Sidecar, look: &mut Look<'_>) {
    let own = look.own();
    let mut wider = sidecar.selector.parts();
    if sidecar.selector.is_empty() {
        wider.push(String::new());
    }
    let taken = wider.into_iter().find_map(|labels| {
        let topic = Topic::Sidecar { namespace: own.namespace().clone(), labels: look.text(&labels) };
        look.others(topic).into_iter().find(|other| other.counts_before(own))
    });
    if let Some(subject) = taken {
        let path = if sidecar.selector.is_empty() { "spec" } else { "spec.workloadSelector" };
        look.flag(&code::SIDECAR_TAKEN, path, format_args!("{} counts", subject.key));
    }
    workload::examine("spec.workloadSelector", &sidecar.selector, look);
}
