//! The client as its embedder sees it.

use std::{collections::BTreeMap, future::Future, sync::Arc};

use mainsheet_api::{
    kind::Kind,
    version::ResourceVersion,
    wire::{
        Node,
        google::protobuf::{Struct, Value, value},
    },
    xds::{
        Variant,
        client::{ClientSession, TTL_FEATURES, Wanted},
    },
};
use rand::{SeedableRng as _, rngs::StdRng};
use tokio::time::Instant;
use tonic::metadata::MetadataMap;

use crate::{
    address::Security,
    apply::Apply,
    connector::Connector,
    error::{BuildError, Disconnected},
    metrics::Metrics,
    servers::Servers,
    transport::Server,
    worker::Worker,
};

/// What is done when a stream ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reconnect {
    /// Another one is opened, after a back-off, for as long as it takes.
    #[default]
    Always,
    /// [`Client::run`] returns why.
    Never,
}

/// A client of one server, which may have several addresses, with what it holds.
#[derive(Debug)]
pub struct Client {
    servers: Servers,
    variant: Variant,
    reconnect: Reconnect,
    session: ClientSession,
    metrics: Metrics,
    headers: MetadataMap,
    /// When it was made: what its session takes for the beginning of time.
    began: Instant,
    jitter: StdRng,
}

impl Client {
    /// Begins a client of the server at `address` (`HOST:PORT`, also with `xds://` before it, or with `xdss://` for TLS),
    /// which will know it as `node_id`.
    pub fn builder(address: impl Into<String>, node_id: impl Into<String>) -> ClientBuilder {
        ClientBuilder {
            addresses: vec![address.into()],
            node_id: node_id.into(),
            cluster: String::new(),
            metadata: BTreeMap::new(),
            variant: Variant::Delta,
            reconnect: Reconnect::Always,
            wanted: Vec::new(),
            held: Vec::new(),
            ttl_features: TTL_FEATURES.map(ToOwned::to_owned).to_vec(),
            headers: MetadataMap::new(),
            security: Security::default(),
            connector: None,
            seed: None,
        }
    }

    /// Connects, applies what comes, answers it, and reconnects, until `stop`. An update that is being applied when
    /// `stop` comes is finished and answered first. Run again it goes on with what it holds.
    ///
    /// # Errors
    /// With [`Reconnect::Never`] only: why the stream ended, or did not open.
    pub async fn run(
        &mut self,
        apply: &mut impl Apply,
        stop: impl Future<Output = ()>,
    ) -> Result<(), Disconnected> {
        let worker = Worker {
            servers: &mut self.servers,
            variant: self.variant,
            reconnect: self.reconnect,
            session: &mut self.session,
            apply,
            metrics: &self.metrics,
            metadata: &self.headers,
            began: self.began,
            jitter: &mut self.jitter,
        };
        worker.run(stop).await
    }

    /// Its counters, to be read beside it.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// Changes what is wanted of a type, or asks for another one, from the next [`Client::run`] on. What is no longer wanted
    /// is no longer held.
    pub fn want(&mut self, type_url: &str, wanted: Wanted) {
        // Nothing is to be sent: no stream is open between two runs.
        self.session.on_disconnected();
        drop(self.session.want(type_url, wanted));
    }

    /// What is held of a type: names and versions.
    #[must_use]
    pub fn held(&self, type_url: &str) -> Vec<(Arc<str>, ResourceVersion)> {
        self.session.held(type_url)
    }
}

/// A client to be.
#[derive(Clone, Debug)]
pub struct ClientBuilder {
    addresses: Vec<String>,
    node_id: String,
    cluster: String,
    metadata: BTreeMap<String, String>,
    variant: Variant,
    reconnect: Reconnect,
    wanted: Vec<(Arc<str>, Wanted)>,
    held: Vec<(Arc<str>, Arc<str>, ResourceVersion)>,
    ttl_features: Vec<String>,
    headers: MetadataMap,
    security: Security,
    connector: Option<Connector>,
    seed: Option<u64>,
}

impl ClientBuilder {
    /// One more address of the server, tried when those before it fail. Replicas are meant: what is held from one is
    /// resumed at another.
    #[must_use]
    pub fn address(mut self, address: impl Into<String>) -> Self {
        self.addresses.push(address.into());
        self
    }

    /// Which form of the protocol to speak; delta unless told.
    #[must_use]
    pub fn variant(mut self, variant: Variant) -> Self {
        self.variant = variant;
        self
    }

    /// What to do when a stream ends; reconnect unless told.
    #[must_use]
    pub fn reconnect(mut self, reconnect: Reconnect) -> Self {
        self.reconnect = reconnect;
        self
    }

    /// The cluster that the client says it belongs to.
    #[must_use]
    pub fn cluster(mut self, cluster: impl Into<String>) -> Self {
        self.cluster = cluster.into();
        self
    }

    /// One more entry of the node's metadata.
    #[must_use]
    pub fn metadata(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.metadata.insert(name.into(), text.into());
        self
    }

    /// Asks for a type, as the server knows it: `networking.istio.io/v1/VirtualService`. The last word on a type counts.
    #[must_use]
    pub fn subscribe(mut self, type_url: impl Into<Arc<str>>, wanted: Wanted) -> Self {
        let type_url = type_url.into();
        self.wanted.retain(|(other, _)| *other != type_url);
        self.wanted.push((type_url, wanted));
        self
    }

    /// Asks for a kind under its preferred version.
    #[must_use]
    pub fn subscribe_kind(self, kind: Kind, wanted: Wanted) -> Self {
        self.subscribe(kind.type_url(), wanted)
    }

    /// Says what is held of a type from before, by name, as a process that keeps it knows. A server that understands sends
    /// only what differs. It counts where the type is asked for.
    #[must_use]
    pub fn holds(
        mut self,
        type_url: impl Into<Arc<str>>,
        held: impl IntoIterator<Item = (Arc<str>, ResourceVersion)>,
    ) -> Self {
        let type_url = type_url.into();
        self.held.extend(held.into_iter().map(|(name, version)| (Arc::clone(&type_url), name, version)));
        self
    }

    /// Keeps what it holds however long its server is silent: the server is not told that this client understands times to
    /// live, and sends none.
    #[must_use]
    pub fn without_ttl(mut self) -> Self {
        self.ttl_features = Vec::new();
        self
    }

    /// Metadata to be sent with the opening of each stream: a token, for example.
    #[must_use]
    pub fn headers(mut self, headers: MetadataMap) -> Self {
        self.headers = headers;
        self
    }

    /// Opens connections, in place of TCP.
    #[must_use]
    pub fn connector(mut self, connector: Connector) -> Self {
        self.connector = Some(connector);
        self
    }

    /// Draws the jitter of back-offs from this instead of the machine's randomness, so that a run can be repeated.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// How TLS is spoken: whom to trust, which name to expect, what to show. Addresses that begin with `xdss://` or `https://`
    /// need it, and those without a scheme then speak it, too.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, config: tonic::transport::ClientTlsConfig) -> Self {
        self.security = Security::of_config(config);
        self
    }

    /// What it shows, and whom it believes, as files, which are read anew for each connection: certificates and tokens may be
    /// renewed meanwhile. Instead of [`ClientBuilder::tls`].
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn credentials(mut self, files: crate::CredentialFiles) -> Self {
        self.security = Security::of_files(files);
        self
    }

    /// Finishes it. Nothing is connected yet.
    ///
    /// # Errors
    /// Where an address is none, the node has no id, or nothing is asked for.
    pub fn build(self) -> Result<Client, BuildError> {
        let servers = self.addresses.into_iter().map(|address| {
            let endpoint = self.security.endpoint(&address)?;
            Ok(Server::new(address, endpoint, (self.connector.clone(), self.security.clone())))
        });
        let servers = Servers::new(servers.collect::<Result<_, BuildError>>()?);
        if self.node_id.is_empty() {
            return Err(BuildError::NoNode);
        }
        if self.wanted.is_empty() {
            return Err(BuildError::NoSubscription);
        }
        let fields = self.metadata.into_iter().map(|(name, text)| (name, string(text))).collect();
        let node = Node {
            id: self.node_id,
            cluster: self.cluster,
            metadata: Some(Struct { fields }),
            user_agent_name: "mainsheet".to_owned(),
            user_agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            client_features: self.ttl_features,
        };
        let mut session = ClientSession::new(self.variant, node, self.wanted);
        for (type_url, name, version) in self.held {
            session.resume(&type_url, [(name, version)]);
        }
        Ok(Client {
            servers,
            variant: self.variant,
            reconnect: self.reconnect,
            session,
            metrics: Metrics::default(),
            headers: self.headers,
            began: Instant::now(),
            jitter: self.seed.map_or_else(StdRng::from_os_rng, StdRng::seed_from_u64),
        })
    }
}

fn string(text: String) -> Value {
    Value { kind: Some(value::Kind::StringValue(text)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(address: &str) -> Result<Client, BuildError> {
        Client::builder(address, "me").subscribe("t", Wanted::Everything).build()
    }

    #[test]
    fn addresses_are_taken_with_and_without_scheme() {
        for address in ["127.0.0.1:15010", "xds://127.0.0.1:15010", "http://[::1]:15010/", "host.example:1"] {
            assert!(built(address).is_ok(), "{address}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for address in ["", "127.0.0.1", ":15010", "ftp://a:1", "a b:1", "a:99999"] {
            assert_eq!(built(address).unwrap_err(), BuildError::Address(address.into()), "{address}");
        }
        let second = Client::builder("a:1", "me").address("b").subscribe("t", Wanted::Everything).build();
        assert_eq!(second.unwrap_err(), BuildError::Address("b".into()));
        assert_eq!(built("https://a:1").unwrap_err(), BuildError::Tls("https://a:1".into()));
    }

    #[test]
    fn client_without_node_or_subscription_is_refused() {
        let nameless = Client::builder("a:1", "").subscribe("t", Wanted::Everything).build();
        assert_eq!(nameless.unwrap_err(), BuildError::NoNode);
        assert_eq!(Client::builder("a:1", "me").build().unwrap_err(), BuildError::NoSubscription);
    }
}
