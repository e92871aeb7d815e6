//! What a sink gets: a read over ADS, of any server.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use mainsheet_api::{
    codec::{self, decode_entry, write_json, write_yaml},
    generated::{google::protobuf, mainsheet::v1 as pb},
    kind::{Family, Kind},
    selector::LabelSelector,
};
use mainsheet_sink::{Client, CredentialFiles};
use prost::Message as _;

use super::{Wanted, missing};
use crate::cli::{
    Exit,
    error::CliError,
    first_answers::first_answers,
    kinds::{NamedKind, Targets},
    output::{Printer, note},
};

/// Who reads, where nobody says who.
const NODE: &str = "mainsheet-cli~get";

/// Reads what a server at an address shows a node, and prints what was asked for.
pub(super) async fn get(
    wanted: &Wanted,
    (address, credentials): (&str, &CredentialFiles),
    mut printer: Printer<'_>,
) -> anyhow::Result<Exit> {
    let args = &wanted.args;
    if args.revision.is_some() || args.source.is_some() || args.watch {
        bail!(
            "the server at `{address}` is no mainsheet: it knows neither revisions nor sources; `mainsheet watch` follows it"
        );
    }
    let selector: Option<LabelSelector> = args.selector.as_deref().map(str::parse).transpose()?;
    let kinds = kinds(wanted)?;
    let client =
        Client::builder(address, args.node.as_deref().unwrap_or(NODE)).credentials(credentials.clone());
    let answers = first_answers(client, address, kinds, args.service.timeout()).await?;
    let mut found = BTreeMap::new();
    for (kind, received) in answers {
        for one in received {
            let decoded = decode_entry(kind, &one.any).with_context(|| format!("{kind} `{}`", one.name))?;
            let labels = &decoded.resource.labels;
            let is_selected =
                selector.as_ref().is_none_or(|all| all.matches(|key| labels.get(key).map(|value| &**value)));
            if is_selected && wanted.asks_for(&decoded) {
                let shown = shown(wanted, &decoded, one.any.encode_to_vec())?;
                found.insert(decoded.resource.key.clone(), shown);
            }
        }
    }
    let found: Vec<pb::Resource> = found.into_values().collect();
    match &wanted.targets {
        Targets::Named(named) if found.is_empty() => {
            let [(kind, name), ..] = &**named else { return Ok(Exit::Done) };
            bail!("{kind} `{name}` not found{}", missing::place(wanted))
        }
        _ => {}
    }
    printer.print(&found, None)?;
    printer.end()?;
    if found.is_empty() {
        note(&format!("no {} found{}", wanted.what(), missing::place(wanted)));
    }
    Ok(Exit::Done)
}

fn kinds(wanted: &Wanted) -> anyhow::Result<Vec<Kind>> {
    let known = |kind: &NamedKind| match kind {
        NamedKind::Known(kind) => Ok(*kind),
        NamedKind::Opaque(url) => Kind::opaque(url).map_err(|refused| CliError::usage(refused.to_string())),
    };
    let named: Result<Vec<Kind>, _> = match &wanted.targets {
        Targets::Kinds(kinds) if kinds.is_empty() => {
            Ok(Kind::all().filter(|kind| kind.info().from_documents && !kind.is_of_access()).collect())
        }
        Targets::Kinds(kinds) => kinds.iter().map(known).collect(),
        Targets::Named(named) => named.iter().map(|(kind, _)| known(kind)).collect(),
    };
    Ok(named?)
}

impl Wanted {
    fn asks_for(&self, found: &codec::Received) -> bool {
        let key = &found.resource.key;
        // The namespace of what is sent bare is not on the wire.
        let row = key.kind.info();
        let is_in_namespace = row.family != Family::Istio
            || !row.namespaced
            || self.namespace().is_none_or(|namespace| *key.namespace == *namespace);
        let is_named = match &self.targets {
            Targets::Kinds(_) => true,
            Targets::Named(named) => named
                .iter()
                .any(|(kind, name)| kind.in_request() == key.kind.info().name && *key.name == **name),
        };
        is_in_namespace && is_named
    }
}

/// As the service would have told it, as far as the wire says.
fn shown(wanted: &Wanted, received: &codec::Received, any: Vec<u8>) -> anyhow::Result<pb::Resource> {
    let resource = &received.resource;
    let key = pb::ResourceKey {
        kind: resource.key.kind.to_string(),
        namespace: resource.key.namespace.to_string(),
        name: resource.key.name.to_string(),
        scope: String::new(),
    };
    let text = match pb::Form::try_from(wanted.form()) {
        Ok(pb::Form::Yaml) => write_yaml(received)?,
        Ok(pb::Form::Json) => write_json(received)?,
        _ => String::new(),
    };
    let created = received.created.map(|created| {
        let (seconds, nanos) = created.seconds_and_nanos();
        protobuf::Timestamp { seconds, nanos }
    });
    Ok(pb::Resource {
        key: Some(key),
        version: resource.upstream_version.as_ref().map(ToString::to_string).unwrap_or_default(),
        created,
        any: any.into(),
        text,
        ..pb::Resource::default()
    })
}
