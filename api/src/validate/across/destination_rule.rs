//! DestinationRules: subsets that others name, and what istiod drops where several rules have one host.

use super::{
    code,
    exports::Exports,
    facts::{Context, Facts},
    host,
    label::Labels,
    look::{Look, Subject},
    text::Text,
    topic::Topic,
    virtual_service::hosts,
    workload,
};
use crate::generated::istio::networking::v1alpha3 as wire;

#[derive(Debug, PartialEq)]
pub(super) struct DestinationRule {
    pub(super) host: Text,
    is_short: bool,
    pub(super) subsets: Box<[Text]>,
    pub(super) exports: Exports,
    /// As written, sorted: rules are merged only where this is the same.
    export_to: Box<[Text]>,
    has_policy: bool,
    selector: Option<Labels>,
}

impl DestinationRule {
    pub(super) fn of(context: &mut Context<'_>, rule: &wire::DestinationRule) -> Self {
        let namespace = context.namespace();
        let host = host::resolved(&rule.host, namespace, &context.options.domain);
        let texts = &mut *context.texts;
        let selector = rule.workload_selector.as_ref().map(|it| Labels::of(&it.match_labels, texts));
        // A rule for some workloads counts in its own namespace only, whatever it says.
        let own_only = [".".to_owned()];
        let entries = if selector.is_some() { &own_only[..] } else { &rule.export_to };
        let mut export_to = texts.keep_all(entries);
        export_to.sort();
        Self {
            host: texts.keep(&host),
            is_short: host::is_short(&rule.host),
            subsets: rule.subsets.iter().map(|subset| texts.keep(&subset.name)).collect(),
            exports: Exports::of(entries, namespace, texts),
            export_to,
            has_policy: rule.traffic_policy.is_some(),
            selector,
        }
    }

    pub(super) fn topics(&self) -> impl Iterator<Item = Topic> + '_ {
        std::iter::once(Topic::RuleOfHost(host::shelf(&self.host).into()))
    }
}

/// Every rule among subjects.
pub(super) fn rules(subjects: Vec<&Subject>) -> impl Iterator<Item = (&Subject, &DestinationRule)> {
    subjects.into_iter().filter_map(|subject| match &subject.facts {
        Facts::DestinationRule(rule) => Some((subject, rule)),
        _ => None,
    })
}

pub(super) fn examine(rule: &DestinationRule, look: &mut Look<'_>) {
    earlier(rule, look);
    hosts::examine("spec.host", &rule.host, rule.is_short, look);
    if let Some(selector) = &rule.selector {
        workload::examine("spec.workloadSelector", selector, look);
    }
}

/// Rules of the same host and namespace, for the same workloads: what they say first, this one says in vain.
fn earlier(rule: &DestinationRule, look: &mut Look<'_>) {
    let (own, shelf) = (look.own(), look.text(&host::shelf(&rule.host)));
    let same = |(subject, other): &(&Subject, &DestinationRule)| {
        subject.namespace() == own.namespace()
            && subject.counts_before(own)
            && other.host == rule.host
            && other.selector == rule.selector
    };
    let earlier: Vec<_> = rules(look.others(Topic::RuleOfHost(shelf))).filter(same).collect();
    let merged = |other: &DestinationRule| other.export_to == rule.export_to;
    for (place, subset) in rule.subsets.iter().enumerate() {
        let taken = earlier.iter().find(|(_, other)| merged(other) && other.subsets.contains(subset));
        if let Some((subject, _)) = taken {
            let path = format_args!("spec.subsets[{place}].name");
            look.flag(&code::RULE_SUBSET_TAKEN, path, format_args!("`{subset}` is that of {}", subject.key));
        }
    }
    let policy = earlier.iter().find(|(_, other)| merged(other) && other.has_policy && rule.has_policy);
    if let Some((subject, _)) = policy {
        look.flag(
            &code::RULE_POLICY_TAKEN,
            "spec.trafficPolicy",
            format_args!("that of {} counts", subject.key),
        );
    }
    let apart = earlier.iter().find(|(_, other)| !merged(other) && other.exports.meet(&rule.exports));
    if let Some((subject, _)) = apart {
        look.flag(&code::RULE_TAKEN, "spec.host", &subject.key);
    }
}
