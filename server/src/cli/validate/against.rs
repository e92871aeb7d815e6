//! What a server serves already, read over ADS as any sink reads.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Context as _;
use mainsheet_api::{
    codec::decode_entry,
    kind::{Family, Kind},
    resource::Resource,
    xds::{
        Variant,
        client::{Received, Update, Wanted},
    },
};
use mainsheet_sink::{Apply, Client, Reconnect, Rejection};
use tokio_util::sync::CancellationToken;

use crate::cli::error::CliError;

/// As which node to read.
const NODE: &str = "mainsheet-cli~validate";

/// Every resource of Istio's kinds and our own that the server shows.
///
/// # Errors
/// Where the server can't be reached, refuses, or has not answered for every kind in time.
pub(super) async fn served(address: &str, timeout: Duration) -> anyhow::Result<Vec<Resource>> {
    let mut client = Client::builder(address, NODE).variant(Variant::Sotw).reconnect(Reconnect::Never);
    for kind in kinds() {
        client = client.subscribe_kind(kind, Wanted::Everything);
    }
    let mut answers = Answers { by_kind: BTreeMap::new(), done: CancellationToken::new() };
    let done = answers.done.clone();
    let ran = tokio::time::timeout(timeout, client.build()?.run(&mut answers, done.cancelled())).await;
    if answers.is_complete() {
        return answers.resources();
    }
    match ran {
        Ok(Err(reason)) => Err(reason.into()),
        _ => {
            let waited = humantime::format_duration(timeout);
            Err(CliError::NotReached(format!("no answer from `{address}` within {waited}")).into())
        }
    }
}

fn kinds() -> impl Iterator<Item = Kind> {
    Kind::all().filter(|kind| kind.info().family == Family::Istio && kind.info().from_documents)
}

/// The first answer for each kind.
struct Answers {
    by_kind: BTreeMap<Kind, Vec<Received>>,
    done: CancellationToken,
}

impl Apply for Answers {
    async fn apply(&mut self, update: &Update) -> Result<(), Rejection> {
        if let Some(kind) = Kind::of_type_url(&update.type_url) {
            self.by_kind.entry(kind).or_insert_with(|| update.changed.clone());
        }
        if self.is_complete() {
            self.done.cancel();
        }
        Ok(())
    }
}

impl Answers {
    fn is_complete(&self) -> bool {
        kinds().all(|kind| self.by_kind.contains_key(&kind))
    }

    fn resources(self) -> anyhow::Result<Vec<Resource>> {
        let all =
            self.by_kind.into_iter().flat_map(|(kind, found)| found.into_iter().map(move |one| (kind, one)));
        let decoded = all.map(|(kind, Received { name, any, .. })| {
            let received = decode_entry(kind, &any).with_context(|| format!("{kind} `{name}`"))?;
            Ok(received.resource)
        });
        decoded.collect()
    }
}
