//! What a server knows that a line may say. Whoever presses Tab waits for it, so it must come at once, or not at all.

use std::{collections::BTreeSet, time::Duration};

use mainsheet_api::generated::mainsheet::v1 as pb;

use super::{candidates::Candidate, line::Line};
use crate::{
    cli::{
        client::{Connection, channel},
        kinds::NamedKind,
    },
    generated::mainsheet_client::MainsheetClient,
};

/// What nobody notices while typing, less the time that the program takes to start.
const WAIT: Duration = Duration::from_millis(150);

/// Revisions that are offered: whoever means an older one has its number from `mainsheet log`.
const REVISIONS: u32 = 50;

/// The largest page there is.
const PAGE_LEN: u32 = 1000;

/// Names of the kinds on the line.
pub(super) fn names(line: &Line) -> Vec<Candidate> {
    let namespace = line.namespace.clone().unwrap_or_else(|| "default".to_owned());
    let namespaces = if line.all_namespaces { Vec::new() } else { vec![namespace] };
    once_each(keys(line, namespaces).into_iter().map(|key| key.name))
}

/// Namespaces that have something of the kinds on the line.
pub(super) fn namespaces(line: &Line) -> Vec<Candidate> {
    once_each(keys(line, Vec::new()).into_iter().map(|key| key.namespace))
}

/// Layers, from the strongest to the weakest.
pub(super) fn sources(line: &Line) -> Vec<Candidate> {
    let status = ask(line, async |mut client, found: &mut Vec<pb::SourceStatus>| {
        *found = client.status(pb::StatusRequest {}).await?.into_inner().sources;
        Ok(())
    });
    let help = |source: &pb::SourceStatus| format!("{} resources", source.resources);
    status.into_iter().map(|source| (source.name.clone(), Some(help(&source)))).collect()
}

/// Who is connected.
pub(super) fn nodes(line: &Line) -> Vec<Candidate> {
    let sinks = ask(line, async |mut client, found: &mut Vec<pb::Sink>| {
        let request = pb::SinksRequest { page_size: PAGE_LEN, ..pb::SinksRequest::default() };
        *found = client.sinks(request).await?.into_inner().sinks;
        Ok(())
    });
    once_each(sinks.into_iter().map(|sink| sink.node_id))
}

/// The newest ones, each with what made it.
pub(super) fn revisions(line: &Line) -> Vec<Candidate> {
    let revisions = ask(line, async |mut client, found: &mut Vec<pb::RevisionInfo>| {
        let request = pb::HistoryRequest { page_size: REVISIONS, ..pb::HistoryRequest::default() };
        *found = client.history(request).await?.into_inner().revisions;
        Ok(())
    });
    let help = |info: &pb::RevisionInfo| {
        let authorship = info.authorship.clone().unwrap_or_default();
        let words = [info.cause.clone(), authorship.author, authorship.message];
        words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(", ")
    };
    revisions.into_iter().map(|info| (info.revision.to_string(), Some(help(&info)))).collect()
}

/// Keys of the kinds on the line, of as many pages as come in time.
fn keys(line: &Line, namespaces: Vec<String>) -> Vec<pb::ResourceKey> {
    let selection = pb::Selection {
        kinds: line.kinds().iter().map(NamedKind::in_request).collect(),
        namespaces,
        source: line.source.clone().unwrap_or_default(),
        ..pb::Selection::default()
    };
    ask(line, async |mut client, found: &mut Vec<pb::ResourceKey>| {
        let mut request = pb::ListRequest {
            selection: Some(selection),
            page_size: PAGE_LEN,
            form: pb::Form::None.into(),
            ..pb::ListRequest::default()
        };
        loop {
            let page = client.list(request.clone()).await?.into_inner();
            found.extend(page.resources.into_iter().filter_map(|resource| resource.key));
            if page.next_page_token.is_empty() {
                return Ok(());
            }
            request.page_token = page.next_page_token;
        }
    })
}

/// What is found before the time is over. Errors are none of the shell's business.
fn ask<T>(
    line: &Line,
    question: impl AsyncFnOnce(MainsheetClient<Connection>, &mut Vec<T>) -> Result<(), tonic::Status>,
) -> Vec<T> {
    let mut found = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    if let Ok(runtime) = runtime {
        let asked = async {
            let (channel, shows) = channel(&line.credentials, &line.server, WAIT).await?;
            question(MainsheetClient::with_interceptor(channel.connect().await?, shows), &mut found).await?;
            anyhow::Ok(())
        };
        let _ = runtime.block_on(async { tokio::time::timeout(WAIT, asked).await });
    }
    found
}

fn once_each(words: impl Iterator<Item = String>) -> Vec<Candidate> {
    let words: BTreeSet<String> = words.filter(|word| !word.is_empty()).collect();
    words.into_iter().map(|word| (word, None)).collect()
}
