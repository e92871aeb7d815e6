//! A store, a cache, the stream service and the HTTP service, on ports of their own.

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use mainsheet_api::{
    change::{Cause, Change, Commit, Fence},
    generated::istio::networking::v1alpha3::VirtualService,
    key::Key,
    kind::Kind,
    resource::{Provenance, Record, Resource, SourceName, Terms},
    time::Timestamp,
    version::Revision,
    view::Audience,
    wire::{Any, Entry},
    xds::catalog::Catalog,
};
use mainsheet_cache::{
    Cache, CacheOptions,
    snapshot::SnapshotCatalog,
    store::{MemoryStore, SharedStore, WatchedStore},
};
use mainsheet_server::{
    admission::{Admission, Limits},
    audit::Audit,
    auth::{Authenticator, CredentialHealth, Grants},
    chain::Chain,
    clock::SystemClock,
    debug::DebugInspector,
    http,
    intake::{IntakeOptions, IntakeParts, intake},
    leases::Leases,
    metrics::Metrics,
    network::Tcp,
    readiness::Readiness,
    sinks::{Sinks, pins},
    store_state::StoreState,
    stream::{self, StreamOptions},
    surroundings::Randomness,
    task::TaskSet,
    v1,
    verdicts::AcrossVerdicts,
};
use prost::Message;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How long anything may take before a test counts as failed. Generous: it is only ever waited out by a failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const VIRTUAL_SERVICE: &str = "networking.istio.io/v1/VirtualService";

/// A server, with the handle to each of its parts.
pub(crate) struct Mesh {
    pub(crate) cache: Cache,
    pub(crate) readiness: Readiness,
    pub(crate) sinks: Arc<Sinks>,
    pub(crate) grpc: SocketAddr,
    pub(crate) http: SocketAddr,
    pub(crate) links: stream::Links<SnapshotCatalog>,
    pub(crate) stop: CancellationToken,
    tasks: TaskSet,
    fence: Fence,
}

impl Mesh {
    /// Ready, and empty.
    pub(crate) async fn start() -> Self {
        Self::with(StreamOptions::default(), Readiness::new()).await
    }

    pub(crate) async fn with(options: StreamOptions, readiness: Readiness) -> Self {
        Self::on(Arc::new(MemoryStore::default()), options, readiness).await
    }

    /// With these limits.
    pub(crate) async fn within(limits: Limits) -> Self {
        let (store, options) = (Arc::new(MemoryStore::default()), StreamOptions::default());
        Self::build(store, (options, limits), Readiness::new()).await
    }

    pub(crate) async fn on(store: SharedStore, options: StreamOptions, readiness: Readiness) -> Self {
        Self::build(store, (options, Limits::default()), readiness).await
    }

    pub(crate) async fn build(
        store: SharedStore,
        (options, limits): (StreamOptions, Limits),
        readiness: Readiness,
    ) -> Self {
        let cache_options =
            CacheOptions { precedence: vec![SourceName::hold(), SourceName::api()], history_len_max: 4 };
        let clock = Arc::new(SystemClock::new());
        let store = WatchedStore::new(store, clock.clone());
        let written = store.health().clone();
        let (cache, follower) = Cache::open(Arc::new(store), cache_options).await.unwrap();
        let store_state = StoreState::new(&cache, written, clock.clone());
        let fence = cache.store().take_lease().await.unwrap();
        let metrics = Metrics::new();
        let sinks = Sinks::new(Arc::clone(&metrics));
        sinks.pins().load(cache.store()).await.unwrap();
        let newest = cache.subscribe();
        // Only for what it shows: the tests commit by themselves.
        let leases = Leases::load(&cache, clock.clone()).await.unwrap();
        let parts = IntakeParts {
            leases: leases.clone(),
            cache: cache.clone(),
            clock: clock.clone(),
            readiness: readiness.clone(),
            sources: Vec::new(),
        };
        let (_, intake) = intake(parts, IntakeOptions::default());
        let stop = CancellationToken::new();
        let audit = Audit::nowhere(clock.clone(), Randomness::of_seed(1));
        let grants = Grants::default();
        let for_clients = v1::Links {
            audit: audit.clone(),
            leases: leases.clone(),
            cache: cache.clone(),
            intake: intake.clone(),
            readiness: readiness.clone(),
            grants: grants.clone(),
            sinks: Arc::clone(&sinks),
            sources: [].into(),
            clock: clock.clone(),
            instance: Arc::from("mainsheet-0"),
            store: "memory",
            store_state: store_state.clone(),
            credentials: CredentialHealth::default(),
            documents: mainsheet_server::source::DocumentOptions::default(),
        };
        let (others, service) = v1::service(for_clients, stop.clone());
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let admission = Admission::new(limits, clock.clone(), Randomness::of_machine(), &metrics);
        metrics.show_admission(admission.clone());
        let for_pages = http::Links {
            admission: admission.clone(),
            grants: grants.clone(),
            newest: newest.clone(),
            readiness: readiness.clone(),
            sinks: Arc::clone(&sinks),
            sources: [].into(),
            intake,
            verdicts: watch::channel(AcrossVerdicts::default()).1,
            store: store_state,
            credentials: CredentialHealth::default(),
            metrics: Arc::clone(&metrics),
        };
        let links = stream::Links {
            audit,
            authenticator: Authenticator::of_connections(clock.clone(), &metrics),
            admission,
            grants,
            newest,
            readiness: readiness.clone(),
            sinks: Arc::clone(&sinks),
            metrics,
            clock,
            chain: Chain::new("mainsheet-0", 0),
            inspector: Arc::new(DebugInspector::new(for_pages.clone(), "mainsheet-0")),
            others,
        };
        let streams = stream::Server::bind(&Tcp, loopback, options.clone(), links.clone()).await.unwrap();
        let for_http = http::HttpOptions { write_deadline: options.write_deadline, trust_loopback: true };
        let pages =
            http::Server::bind(&Tcp, loopback, for_pages, (move || for_http, links.authenticator.clone()))
                .await
                .unwrap();
        let (grpc, http) = (streams.local_addr(), pages.local_addr());
        let mut tasks = TaskSet::new(stop.clone());
        tasks.spawn("v1", service);
        tasks.spawn("pins", pins::run(Arc::clone(&sinks), cache.clone(), links.clock.clone(), stop.clone()));
        tasks.spawn("stream", streams.run(stop.clone()));
        tasks.spawn("http", pages.run(stop.clone()));
        let ended = stop.clone();
        tasks.spawn("follow", async move {
            tokio::select! {
                followed = follower.run() => Ok(followed?),
                () = ended.cancelled() => Ok(()),
            }
        });
        Self { cache, readiness, sinks, grpc, http, links, stop, tasks, fence }
    }

    /// Commits VirtualServices of `namespace/name` with a body of about that many bytes, and waits until they are
    /// published.
    pub(crate) async fn put<'a>(&self, services: impl IntoIterator<Item = (&'a str, usize)>) -> Revision {
        let changes = services.into_iter().map(|(name, len)| Change::Put(record(name, len)));
        self.commit(changes.collect()).await
    }

    pub(crate) async fn remove(&self, name: &str) -> Revision {
        self.commit(vec![Change::Remove { source: source(), key: key(name) }]).await
    }

    /// Commits an Envoy resource without content, and waits until it is published.
    pub(crate) async fn put_envoy(&self, kind: Kind, name: &str) -> Revision {
        self.put_envoys(kind, [(name, name)]).await
    }

    /// Commits Envoy resources of these names and bodies, and waits until they are published.
    pub(crate) async fn put_envoys<'a>(
        &self,
        kind: Kind,
        resources: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Revision {
        let put = |(name, body): (&str, &str)| {
            let body = Any { type_url: kind.type_url(), value: body.to_owned().into() };
            Change::Put(record_of(Key::new(kind, "default", name), body))
        };
        self.commit(resources.into_iter().map(put).collect()).await
    }

    /// Commits, and waits until it is published.
    pub(crate) async fn commit(&self, changes: Vec<Change>) -> Revision {
        self.commit_as(Cause::from("test"), changes).await
    }

    /// As somebody, for some reason.
    pub(crate) async fn commit_as(&self, cause: Cause, changes: Vec<Change>) -> Revision {
        let base = self.cache.snapshot().revision();
        let commit = Commit { base, fence: self.fence, cause, at: Timestamp(1_000), changes };
        let revision = self.cache.commit(commit).await.unwrap();
        let mut news = self.cache.subscribe();
        in_time("publish", news.wait_for(|newest| newest.revision() >= revision)).await.unwrap();
        revision
    }

    /// Gives the order to stop and waits until everything has ended.
    pub(crate) async fn stopped(self) -> anyhow::Result<()> {
        self.stop.cancel();
        in_time("stop", self.tasks.join()).await
    }
}

fn source() -> SourceName {
    SourceName("files".into())
}

pub(crate) fn key(name: &str) -> Key {
    let (namespace, name) = name.split_once('/').unwrap();
    Key::new(Kind::VIRTUAL_SERVICE, namespace, name)
}

pub(crate) fn record(name: &str, len: usize) -> Arc<Record> {
    let body = VirtualService { hosts: vec!["h".repeat(len)], ..VirtualService::default() };
    let type_url = "type.googleapis.com/istio.networking.v1alpha3.VirtualService".into();
    record_of(key(name), Any { type_url, value: body.encode_to_vec().into() })
}

/// What the source `files` says of a key.
pub(crate) fn record_of(key: Key, body: Any) -> Arc<Record> {
    let resource = Resource {
        key,
        labels: [("app".to_owned(), "test".to_owned())].into(),
        annotations: [].into(),
        body,
        upstream_version: None,
    };
    Arc::new(Record {
        source: source(),
        entry: Entry::encode(&resource, Timestamp(1_000)),
        key: resource.key,
        audience: Audience::everyone(),
        created: Timestamp(1_000),
        provenance: Provenance::default(),
        warnings: Vec::new(),
        terms: Terms::default(),
    })
}

/// Fails the test when `what` takes too long.
pub(crate) async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("{what}: not within {PATIENCE:?}"),
    }
}

/// Waits until `holds`, of something that gives no notice of its own.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    in_time(what, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}
