//! What is said where nothing was found: whoever asks has often forgotten the namespace.

use std::collections::BTreeSet;

use mainsheet_api::{codec::nearest, generated::mainsheet::v1 as pb};

use super::Wanted;
use crate::cli::{Exit, client::Service, kinds::NamedKind, output::note};

/// Resources that are looked through for a hint.
const LOOKED_AT_MAX: u32 = 1000;

/// Namespaces that a hint names.
const NAMED_MAX: usize = 5;

/// A resource that is not there: where one of its name is, or which name is much like it.
pub(super) async fn one(wanted: &Wanted, kind: &NamedKind, name: &str, service: &Service) -> String {
    let named = pb::Selection { name: name.to_owned(), ..selection(wanted, kind) };
    let elsewhere: BTreeSet<String> =
        keys(wanted, named, service).await.into_iter().map(|key| key.namespace).collect();
    let hint = if elsewhere.is_empty() {
        let namespaces = vec![wanted.args.namespace.clone()];
        let beside = pb::Selection { namespaces, ..selection(wanted, kind) };
        let names: Vec<String> =
            keys(wanted, beside, service).await.into_iter().map(|key| key.name).collect();
        let similar = nearest(name, names.iter().map(|name| &**name));
        similar.map_or(String::new(), |similar| format!("; did you mean `{similar}`?"))
    } else {
        format!("; {}", in_namespaces(&elsewhere))
    };
    format!("{kind} `{name}` not found{}{hint}", place(wanted))
}

fn in_namespaces(namespaces: &BTreeSet<String>) -> String {
    let named: Vec<_> = namespaces.iter().take(NAMED_MAX).map(|name| format!("`{name}`")).collect();
    let more = if namespaces.len() > NAMED_MAX { " and others" } else { "" };
    match &*named {
        [only] => format!("there is one in namespace {only} (-n {})", only.trim_matches('`')),
        _ => format!("there are some in the namespaces {}{more}", named.join(", ")),
    }
}

/// An empty list is no error.
pub(super) async fn all(wanted: &Wanted, service: &Service) -> anyhow::Result<Exit> {
    let mut hint = "";
    if wanted.namespace().is_some() {
        let mut everywhere = wanted.selections();
        everywhere.iter_mut().for_each(|selection| selection.namespaces.clear());
        for selection in everywhere {
            if hint.is_empty() && !keys(wanted, selection, service).await.is_empty() {
                hint = "; other namespaces have some (-A)";
            }
        }
    }
    note(&format!("no {} found{}{hint}", wanted.what(), place(wanted)));
    Ok(Exit::Done)
}

/// Where was looked, and when.
pub(super) fn place(wanted: &Wanted) -> String {
    let mut place = String::new();
    if let Some(namespace) = wanted.namespace() {
        place += &format!(" in namespace `{namespace}`");
    }
    if let Some(source) = &wanted.args.source {
        place += &format!(" of source `{source}`");
    }
    if let Some(selector) = &wanted.args.selector {
        place += &format!(" with labels `{selector}`");
    }
    if let Some(revision) = wanted.args.revision {
        place += &format!(" at revision {revision}");
    }
    place
}

fn selection(wanted: &Wanted, kind: &NamedKind) -> pb::Selection {
    pb::Selection {
        kinds: vec![kind.in_request()],
        source: wanted.args.source.clone().unwrap_or_default(),
        ..pb::Selection::default()
    }
}

/// The first keys of a list. No hint is worth an error of its own.
async fn keys(wanted: &Wanted, selection: pb::Selection, service: &Service) -> Vec<pb::ResourceKey> {
    let request = pb::ListRequest {
        selection: Some(selection),
        revision: wanted.args.revision.unwrap_or_default(),
        page_size: LOOKED_AT_MAX,
        form: pb::Form::None.into(),
        ..pb::ListRequest::default()
    };
    let answer = service.answer(service.client().list(request)).await.unwrap_or_default();
    answer.resources.into_iter().filter_map(|resource| resource.key).collect()
}
