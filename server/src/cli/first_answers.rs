//! A read over ADS: everything of some kinds, as any sink gets it.

use std::{collections::BTreeMap, time::Duration};

use mainsheet_api::{
    kind::Kind,
    xds::{
        Variant,
        client::{Received, Update, Wanted},
    },
};
use mainsheet_sink::{Apply, ClientBuilder, Reconnect, Rejection};
use tokio_util::sync::CancellationToken;

use super::error::CliError;

/// Everything of these kinds that the server at `address` shows. State of the world: one response holds all of a kind,
/// whereas delta answers may come in parts of which nobody says which is the last.
///
/// # Errors
/// Where the server can't be reached, refuses, or has not answered for every kind in time.
pub(super) async fn first_answers(
    client: ClientBuilder,
    address: &str,
    kinds: impl IntoIterator<Item = Kind>,
    timeout: Duration,
) -> anyhow::Result<BTreeMap<Kind, Vec<Received>>> {
    let mut client = client.variant(Variant::Sotw).reconnect(Reconnect::Never);
    let mut answers =
        Answers { awaited: Vec::new(), by_kind: BTreeMap::new(), done: CancellationToken::new() };
    for kind in kinds {
        client = client.subscribe_kind(kind, Wanted::Everything);
        answers.awaited.push(kind);
    }
    let done = answers.done.clone();
    let ran = tokio::time::timeout(timeout, client.build()?.run(&mut answers, done.cancelled())).await;
    match ran {
        _ if answers.is_complete() => Ok(answers.by_kind),
        Ok(Err(reason)) => Err(reason.into()),
        _ => {
            let waited = humantime::format_duration(timeout);
            Err(CliError::NotReached(format!("no answer from `{address}` within {waited}")).into())
        }
    }
}

/// The first answer for each kind, and that's it.
struct Answers {
    awaited: Vec<Kind>,
    by_kind: BTreeMap<Kind, Vec<Received>>,
    done: CancellationToken,
}

impl Answers {
    fn is_complete(&self) -> bool {
        self.awaited.iter().all(|kind| self.by_kind.contains_key(kind))
    }
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
