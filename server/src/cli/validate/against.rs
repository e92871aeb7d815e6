//! What a server serves already.

use std::time::Duration;

use anyhow::Context as _;
use mainsheet_api::{codec::decode_entry, kind::Kind, resource::Resource, xds::client::Received};
use mainsheet_sink::{Client, CredentialFiles};

use crate::cli::first_answers::first_answers;

/// As which node to read.
const NODE: &str = "mainsheet-cli~validate";

/// What documents are looked at in view of.
#[derive(Debug, Default)]
pub(super) struct Served {
    /// The server's; empty where there is none.
    pub(super) address: String,
    /// Resources of Istio's kinds and our own.
    pub(super) resources: Vec<Resource>,
}

impl Served {
    /// Reads what the server at an address shows.
    ///
    /// # Errors
    /// Where it can't be reached, refuses, or has not answered for every kind in time.
    pub(super) async fn by(
        (address, credentials): (&str, &CredentialFiles),
        timeout: Duration,
    ) -> anyhow::Result<Self> {
        let client = Client::builder(address, NODE).credentials(credentials.clone());
        let answers = first_answers(client, address, kinds(), timeout).await?;
        let all = answers.into_iter().flat_map(|(kind, found)| found.into_iter().map(move |one| (kind, one)));
        let decoded = all.map(|(kind, Received { name, any, .. })| {
            let received = decode_entry(kind, &any).with_context(|| format!("{kind} `{name}`"))?;
            anyhow::Ok(received.resource)
        });
        Ok(Self { address: address.to_owned(), resources: decoded.collect::<Result<_, _>>()? })
    }
}

fn kinds() -> impl Iterator<Item = Kind> {
    Kind::all().filter(|kind| kind.is_of_mesh())
}
