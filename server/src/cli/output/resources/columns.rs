//! What tables of resources say.

use std::collections::BTreeSet;

use mainsheet_api::{generated::mainsheet::v1 as pb, wire};

use super::{Layout, Update};
use crate::cli::{
    kinds::NamedKind,
    output::{Format, age, span, timestamp},
};

/// A column of a table of resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Event,
    Namespace,
    Name,
    Version,
    Age,
    Revision,
    Source,
    Origin,
    Hides,
    Lease,
    Warnings,
    Labels,
}

impl Column {
    /// Those of a layout, in their order.
    pub(super) fn of(layout: &Layout) -> Vec<Self> {
        let is_wide = matches!(layout.format, Format::Wide);
        [
            (Self::Event, layout.is_watch),
            (Self::Namespace, layout.with_namespaces),
            (Self::Name, true),
            (Self::Version, true),
            (Self::Age, true),
            (Self::Revision, is_wide),
            (Self::Source, is_wide),
            (Self::Origin, is_wide),
            (Self::Hides, is_wide),
            (Self::Lease, is_wide),
            (Self::Warnings, is_wide),
            (Self::Labels, layout.with_labels),
        ]
        .into_iter()
        .filter_map(|(column, is_shown)| is_shown.then_some(column))
        .collect()
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Event => "EVENT",
            Self::Namespace => "NAMESPACE",
            Self::Name => "NAME",
            Self::Version => "VERSION",
            Self::Age => "AGE",
            Self::Revision => "REVISION",
            Self::Source => "SOURCE",
            Self::Origin => "ORIGIN",
            Self::Hides => "HIDES",
            Self::Lease => "LEASE",
            Self::Warnings => "WARNINGS",
            Self::Labels => "LABELS",
        }
    }

    pub(super) fn cell(self, resource: &pb::Resource, update: Option<Update>, layout: &Layout) -> String {
        let key = resource.key.clone().unwrap_or_default();
        match self {
            Self::Event => update.map_or("", |update| update.word).to_owned(),
            Self::Namespace => key.namespace,
            Self::Name if layout.is_mixed => qualified_name(resource),
            Self::Name => key.name,
            Self::Version if resource.is_absence => "<absent>".to_owned(),
            Self::Version => known(&resource.version),
            Self::Age => resource.created.map_or_else(unknown, |created| age(timestamp(created), layout.now)),
            Self::Revision if resource.revision == 0 => unknown(),
            Self::Revision => resource.revision.to_string(),
            Self::Source => known(&resource.source),
            Self::Origin => origin(resource),
            Self::Hides => listed(resource.hidden.iter().map(|hidden| hidden.source.clone())),
            Self::Lease => lease(resource, layout),
            Self::Warnings => listed(resource.warnings.iter().map(|warning| warning.code.clone())),
            Self::Labels => {
                let labels = wire::labels(&resource.any);
                listed(labels.into_iter().map(|(name, value)| format!("{name}={value}")))
            }
        }
    }
}

/// As kubectl names it: `virtualservice.networking.istio.io/reviews`.
pub(super) fn qualified_name(resource: &pb::Resource) -> String {
    let key = resource.key.clone().unwrap_or_default();
    format!("{}/{}", NamedKind::of_answer(&key.kind).qualified(), key.name)
}

fn origin(resource: &pb::Resource) -> String {
    match (&*resource.origin, resource.line) {
        ("", _) => none(),
        (origin, 0) => origin.to_owned(),
        (origin, line) => format!("{origin}:{line}"),
    }
}

fn lease(resource: &pb::Resource, layout: &Layout) -> String {
    let deadline = resource.lease.as_ref().and_then(|lease| lease.deadline);
    deadline.map_or_else(none, |deadline| format!("{} left", span(timestamp(deadline).since(layout.now))))
}

/// Each once.
fn listed(words: impl Iterator<Item = String>) -> String {
    let words: BTreeSet<String> = words.filter(|word| !word.is_empty()).collect();
    if words.is_empty() { none() } else { words.into_iter().collect::<Vec<_>>().join(",") }
}

/// What another server than ours does not say.
fn known(text: &str) -> String {
    if text.is_empty() { unknown() } else { text.to_owned() }
}

/// As kubectl has it.
fn unknown() -> String {
    "<unknown>".to_owned()
}

/// As kubectl has it.
fn none() -> String {
    "<none>".to_owned()
}
