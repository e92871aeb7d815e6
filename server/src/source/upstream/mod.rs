//! Another server as a source: mainsheet, or istiod's own MCP server, over ADS.
//!
//! ```text
//! server --Update--> relay (an applier of the sink library) --read--> Told --telling--> Batch --> intake
//!    ^------ACK, or NACK by resource------/
//! ```
//!
//! | module | is |
//! |---|---|
//! | `source_name` | what the source of a server is called |
//! | `read` | what was received as documents, and what is to be refused of it: pure |
//! | `telling` | what is told of it, and how far that goes: pure |
//! | `relay` | the two, beside one client |
//!
//! Every resource is an origin of its own, so that one is put or removed without a word about the others. A server that is
//! away, or not ready, changes nothing.

mod read;
mod relay;
mod source_name;
mod telling;

use std::sync::Arc;

use mainsheet_api::{
    kind::Kind,
    resource::SourceName,
    time::Clock,
    validate,
    version::ResourceVersion,
    xds::{Variant, client::Wanted},
};
use mainsheet_sink::{BuildError, Client, CredentialFiles};
use tokio::sync::{mpsc, watch::Receiver};
use tokio_util::sync::CancellationToken;
use tonic::metadata::{MetadataMap, MetadataValue};

use self::relay::Relay;
pub use self::source_name::source_name;
use super::{Batch, DocumentOptions};
use crate::{
    chain::{Chain, RELAY},
    network::SharedNetwork,
    source_health::SourceHealth,
    surroundings::Randomness,
};

/// What an upstream source follows.
#[derive(Clone, Debug)]
pub struct UpstreamSourceOptions {
    /// Whose layer it writes.
    pub name: SourceName,
    /// Where the server is: replicas, the preferred one first.
    pub addresses: Vec<String>,
    /// What the server knows this one as.
    pub node_id: String,
    /// What this server shows it, and whom it believes.
    pub credentials: CredentialFiles,
    /// Which form of the protocol it speaks.
    pub variant: Variant,
    /// What is asked for.
    pub kinds: Vec<Kind>,
    /// The namespace of what comes without one.
    pub documents: DocumentOptions,
    /// What is refused.
    pub validation: validate::Options,
}

/// What an upstream source is connected to.
pub struct UpstreamSourceParts {
    /// To the intake.
    pub batches: mpsc::Sender<Batch>,
    /// For whoever inspects.
    pub health: SourceHealth,
    /// Changes when everything is to be told again.
    pub retell: Receiver<()>,
    /// Dates what happens, for people.
    pub clock: Arc<dyn Clock>,
    /// Whom this server follows.
    pub chain: Chain,
    /// What its layer holds at the start: only what differs needs to come.
    pub held: Vec<(Kind, Arc<str>, ResourceVersion)>,
    /// How the server is reached.
    pub network: SharedNetwork,
    /// For back-offs.
    pub randomness: Randomness,
}

/// What is asked for unless it is said: all of Istio's kinds, and our own. Not Envoy's, because they come without the
/// namespace that they belong to, and because istiod answers for them with what it makes for a sidecar. What grants access
/// only of a server that is an authority on it: of any other it would grant nothing.
pub fn default_kinds(is_authority: bool) -> impl Iterator<Item = Kind> {
    Kind::all().filter(move |kind| kind.is_of_mesh() || is_authority && kind.is_of_access())
}

/// What a server knows this one as, unless it is said. istiod takes no other form.
#[must_use]
pub fn default_node_id(instance: &str) -> String {
    format!("sidecar~127.0.0.1~{instance}.mainsheet~mainsheet.svc.cluster.local")
}

/// Follows a server and tells the intake of it, until the order to end.
///
/// The first batch is all that there is of every kind.
///
/// # Errors
/// Where an address is none, or the intake is gone.
pub async fn run(
    options: UpstreamSourceOptions,
    mut parts: UpstreamSourceParts,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    parts.retell.mark_unchanged();
    let mut held = std::mem::take(&mut parts.held);
    loop {
        let mut client = client(&options, &parts, &held)?;
        parts.health.follows(client.metrics());
        let mut relay = Relay::new(&options, &parts, std::mem::take(&mut held), stop.clone());
        let gone = relay.intake_gone();
        let end = async {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = gone.cancelled() => {}
                // What was told before was judged by other rules, and is not kept here: it has to come again.
                Ok(()) = parts.retell.changed() => {}
            }
        };
        client.run(&mut relay, end).await?;
        if stop.is_cancelled() {
            return Ok(());
        }
        anyhow::ensure!(!gone.is_cancelled(), "the intake is gone");
    }
}

fn client(
    options: &UpstreamSourceOptions,
    parts: &UpstreamSourceParts,
    held: &[(Kind, Arc<str>, ResourceVersion)],
) -> Result<Client, BuildError> {
    let mut addresses = options.addresses.iter();
    let first = addresses.next().cloned().unwrap_or_default();
    let mut client = Client::builder(first, &options.node_id)
        // A server that is away changes nothing.
        .without_ttl()
        .variant(options.variant)
        // Makes istiod answer with configuration, not with what it makes of it for a sidecar.
        .metadata("GENERATOR", "api")
        .credentials(options.credentials.clone())
        .headers(headers(&parts.chain))
        .seed(parts.randomness.number());
    if let Some(connector) = parts.network.connector() {
        client = client.connector(connector);
    }
    for address in addresses {
        client = client.address(address);
    }
    for kind in &options.kinds {
        let of_kind = held.iter().filter(|(of, ..)| of == kind);
        let of_kind = of_kind.map(|(_, name, version)| (Arc::clone(name), version.clone()));
        client = client.subscribe_kind(*kind, Wanted::Everything).holds(kind.type_url(), of_kind);
    }
    client.build()
}

fn headers(chain: &Chain) -> MetadataMap {
    let mut headers = MetadataMap::new();
    if let Ok(own) = MetadataValue::try_from(chain.own()) {
        headers.insert(RELAY, own);
    }
    headers
}
