//! The composition root: which parts there are, and how they are connected. One small function a part.
//!
//! ```text
//! source/files:PATH --> intake --> cache (store, follow) --> grpc --> sinks
//! source/xds:ADDR   -/  ^                                |-> http
//!                       |                                |-> clashes, verdicts
//!                       \------------ expiry <-----------/
//! ```

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use mainsheet_api::{
    resource::SourceName,
    time::Clock,
    validate::{self, across::AcrossOptions},
};
use mainsheet_cache::{
    Cache, CacheOptions, Follower,
    snapshot::SnapshotCatalog,
    store::{MemoryStore, RedbStore, SharedStore},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::{
    chain::Chain,
    clashes,
    clock::SystemClock,
    config::{FollowedServer, ServedPath, Settings, StoreKind},
    debug::{self, DebugInspector},
    expiry::{self, ExpiryParts},
    http,
    intake::{Intake, IntakeHandle, IntakeParts, intake},
    leases::Leases,
    live::{self, Live},
    metrics::Metrics,
    readiness::Readiness,
    sinks::Sinks,
    source::{
        self, DocumentOptions,
        file::{self, FileSourceOptions, FileSourceParts},
        upstream::{UpstreamSourceOptions, UpstreamSourceParts},
    },
    source_health::SourceHealth,
    stream,
    task::TaskSet,
    v1,
    verdicts::{self, AcrossVerdicts},
};

/// A server at work, as others see it. As long as one is kept, so is the store, which only the last to let go closes.
pub struct Running {
    grpc_addr: SocketAddr,
    http_addr: SocketAddr,
    cache: Cache,
    intake: IntakeHandle,
    readiness: Readiness,
    live: Live,
}

/// What several parts share.
struct Shared {
    clock: Arc<dyn Clock>,
    readiness: Readiness,
    metrics: Arc<Metrics>,
    sinks: Arc<Sinks>,
    chain: Chain,
}

/// Starts a server: opens the store, takes the ports, starts the tasks. Returns before it is ready.
///
/// The tasks are to be joined from then on: that is how the failure of one is noticed. Cancelling [`TaskSet::stop`] ends
/// them in good order, dropping them aborts them.
///
/// # Errors
/// Where the store can't be opened or a port can't be had. Nothing runs then.
pub async fn start(settings: &Settings) -> anyhow::Result<(Running, TaskSet)> {
    let shared = shared(settings);
    let (cache, follower) = open_cache(settings).await?;
    shared.metrics.show_follow(cache.follow_health().clone());
    let leases = Leases::load(&cache, Arc::clone(&shared.clock)).await?;
    shared.metrics.show_leases(leases.clone());
    let (intake, handle) = new_intake(settings, &cache, &leases, &shared);
    let sources = source_health(settings);
    shared.metrics.show_sources(Arc::clone(&sources));
    let (said, verdicts) = watch::channel(AcrossVerdicts::default());
    let pages = pages(&cache, &handle, (&sources, &shared), verdicts);
    let mut tasks = TaskSet::new(CancellationToken::new());
    let stop = tasks.stop();
    let (others, v1) =
        v1::service(v1_links(settings, (&cache, &handle, &leases), (&sources, &shared)), stop.clone());
    let grpc = bind_grpc(settings, &cache, (&pages, others), &shared).await?;
    let http = bind_http(settings, pages).await?;
    let (grpc_addr, http_addr) = (grpc.local_addr(), http.local_addr());
    let live = Live { intake: handle.options.clone(), stream: grpc.options() };

    tasks.spawn("follow", follow(follower, stop.clone()));
    tasks.spawn("clashes", clashes::run(cache.subscribe(), stop.clone()));
    let across = verdicts::run(across_options(settings), cache.subscribe(), said, stop.clone());
    tasks.spawn("verdicts", across);
    tasks.spawn("intake", intake.run(stop.clone()));
    let ends = ExpiryParts {
        clock: Arc::clone(&shared.clock),
        cache: cache.clone(),
        intake: handle.clone(),
        leases,
    };
    tasks.spawn("expiry", expiry::run(ends, stop.clone()));
    for (server, health) in settings.upstreams.iter().zip(&sources[settings.paths.len()..]) {
        let parts = upstream_parts(health, (&cache, &handle), &shared);
        let follow = upstream(server, settings, parts, stop.clone());
        tasks.spawn(format!("source/{}", health.source()), follow);
    }
    for (path, health) in settings.paths.iter().zip(&*sources) {
        let parts = file_parts(health, &handle, &shared);
        tasks.spawn(format!("source/{}", health.source()), files(path, settings, parts, stop.clone()));
    }
    tasks.spawn("v1", v1);
    tasks.spawn("grpc", grpc.run(stop.clone()));
    tasks.spawn("http", http.run(stop));
    Ok((Running { grpc_addr, http_addr, cache, intake: handle, readiness: shared.readiness, live }, tasks))
}

fn shared(settings: &Settings) -> Shared {
    let metrics = Metrics::new();
    let sinks = Sinks::new(Arc::clone(&metrics));
    let chain = Chain::new(&settings.instance, rand::random());
    Shared { clock: Arc::new(SystemClock::new()), readiness: Readiness::new(), metrics, sinks, chain }
}

async fn open_cache(settings: &Settings) -> anyhow::Result<(Cache, Follower)> {
    let options = settings.retention;
    let store: SharedStore = match settings.store {
        StoreKind::Memory => Arc::new(MemoryStore::new(options)),
        StoreKind::Redb => Arc::new(RedbStore::open(&settings.data_dir, options).await?),
    };
    let precedence = precedence(settings);
    let options = CacheOptions { precedence, history_len_max: settings.history_len_max };
    Ok(Cache::open(store, options).await?)
}

/// What wins over what: rollbacks over what is written through the API, and both over sources.
fn precedence(settings: &Settings) -> Vec<SourceName> {
    [SourceName::hold(), SourceName::api()].into_iter().chain(sources(settings)).collect()
}

/// A source for each path and each upstream, the strongest first.
fn sources(settings: &Settings) -> Vec<SourceName> {
    let paths = settings.paths.iter().map(|path| file::source_name(&path.path));
    paths.chain(settings.upstreams.iter().map(FollowedServer::source)).collect()
}

/// How each of them gets on, in the same order.
fn source_health(settings: &Settings) -> Arc<[SourceHealth]> {
    let health =
        |given: &ServedPath| SourceHealth::new(file::source_name(&given.path), &given.path.to_string_lossy());
    let follows = |server: &FollowedServer| SourceHealth::new(server.source(), &server.addresses.join(","));
    settings.paths.iter().map(health).chain(settings.upstreams.iter().map(follows)).collect()
}

fn file_parts(health: &SourceHealth, intake: &IntakeHandle, shared: &Shared) -> FileSourceParts {
    FileSourceParts {
        batches: intake.batches.clone(),
        retell: intake.retell.clone(),
        health: health.clone(),
        clock: Arc::clone(&shared.clock),
    }
}

fn upstream_parts(
    health: &SourceHealth,
    (cache, intake): (&Cache, &IntakeHandle),
    shared: &Shared,
) -> UpstreamSourceParts {
    let layer = cache.snapshot().0.layer(health.source());
    let held = layer.iter().map(|held| (held.key.kind, held.key.wire_name().into(), held.version.clone()));
    UpstreamSourceParts {
        batches: intake.batches.clone(),
        retell: intake.retell.clone(),
        health: health.clone(),
        clock: Arc::clone(&shared.clock),
        chain: shared.chain.clone(),
        held: held.collect(),
    }
}

fn new_intake(
    settings: &Settings,
    cache: &Cache,
    leases: &Leases,
    shared: &Shared,
) -> (Intake, IntakeHandle) {
    let parts = IntakeParts {
        cache: cache.clone(),
        clock: Arc::clone(&shared.clock),
        readiness: shared.readiness.clone(),
        sources: sources(settings),
        leases: leases.clone(),
    };
    intake(parts, live::intake_options(settings))
}

async fn bind_grpc(
    settings: &Settings,
    cache: &Cache,
    (pages, others): (&debug::Links, Routes),
    shared: &Shared,
) -> anyhow::Result<stream::Server<SnapshotCatalog>> {
    let links = stream::Links {
        newest: cache.subscribe(),
        readiness: shared.readiness.clone(),
        sinks: Arc::clone(&shared.sinks),
        metrics: Arc::clone(&shared.metrics),
        clock: Arc::clone(&shared.clock),
        chain: shared.chain.clone(),
        inspector: Arc::new(DebugInspector::new(pages.clone(), &settings.instance)),
        others,
    };
    let bound = stream::Server::bind(settings.grpc_addr, live::stream_options(settings), links).await;
    bound.with_context(|| refused_port("sinks", "grpc-addr", settings.grpc_addr))
}

/// What findings across resources have to know of the mesh.
fn across_options(settings: &Settings) -> AcrossOptions {
    AcrossOptions {
        root_namespace: settings.root_namespace.clone(),
        domain: settings.cluster_domain.clone(),
        complete: settings.complete,
    }
}

/// What clients that are no sinks ask of.
fn v1_links(
    settings: &Settings,
    (cache, intake, leases): (&Cache, &IntakeHandle, &Leases),
    (sources, shared): (&Arc<[SourceHealth]>, &Shared),
) -> v1::Links {
    v1::Links {
        cache: cache.clone(),
        intake: intake.clone(),
        leases: leases.clone(),
        readiness: shared.readiness.clone(),
        sinks: Arc::clone(&shared.sinks),
        sources: Arc::clone(sources),
        clock: Arc::clone(&shared.clock),
        instance: Arc::from(settings.instance.as_str()),
        store: match settings.store {
            StoreKind::Memory => "memory",
            StoreKind::Redb => "redb",
        },
        documents: settings.documents.clone(),
    }
}

/// What people and istioctl look at.
fn pages(
    cache: &Cache,
    intake: &IntakeHandle,
    (sources, shared): (&Arc<[SourceHealth]>, &Shared),
    verdicts: watch::Receiver<AcrossVerdicts>,
) -> debug::Links {
    debug::Links {
        verdicts,
        newest: cache.subscribe(),
        readiness: shared.readiness.clone(),
        sinks: Arc::clone(&shared.sinks),
        sources: Arc::clone(sources),
        intake: intake.clone(),
        metrics: Arc::clone(&shared.metrics),
    }
}

async fn bind_http(settings: &Settings, pages: debug::Links) -> anyhow::Result<http::Server> {
    let bound = http::Server::bind(settings.http_addr, pages, settings.write_deadline).await;
    bound.with_context(|| refused_port("HTTP", "http-addr", settings.http_addr))
}

/// What to do about a port that can't be had; why is in the cause.
fn refused_port(whom: &str, setting: &str, addr: SocketAddr) -> String {
    format!("listen for {whom} on {addr}: stop what has this address, or set `{setting}` to another one")
}

async fn follow(follower: Follower, stop: CancellationToken) -> anyhow::Result<()> {
    tokio::select! {
        biased;
        () = stop.cancelled() => Ok(()),
        ended = follower.run() => Ok(ended?),
    }
}

fn files(
    path: &ServedPath,
    settings: &Settings,
    parts: FileSourceParts,
    stop: CancellationToken,
) -> impl Future<Output = anyhow::Result<()>> + use<> {
    let options = FileSourceOptions {
        name: parts.health.source().clone(),
        roots: vec![path.path.clone()],
        documents: path.documents(&settings.documents),
    };
    file::run(options, parts, stop)
}

fn upstream(
    server: &FollowedServer,
    settings: &Settings,
    parts: UpstreamSourceParts,
    stop: CancellationToken,
) -> impl Future<Output = anyhow::Result<()>> + use<> {
    let namespace = server.default_namespace.as_ref().unwrap_or(&settings.documents.default_namespace);
    let options = UpstreamSourceOptions {
        name: parts.health.source().clone(),
        addresses: server.addresses.clone(),
        node_id: server.node_id(&settings.instance),
        variant: server.variant,
        kinds: server.kinds(),
        documents: DocumentOptions { default_namespace: namespace.clone(), ..settings.documents.clone() },
        validation: validate::Options { crd_rules: settings.crd_rules },
    };
    source::upstream::run(options, parts, stop)
}

impl Running {
    /// Where sinks connect.
    #[must_use]
    pub fn grpc_addr(&self) -> SocketAddr {
        self.grpc_addr
    }

    /// Where HTTP is served.
    #[must_use]
    pub fn http_addr(&self) -> SocketAddr {
        self.http_addr
    }

    /// The newest state.
    #[must_use]
    pub fn snapshot(&self) -> SnapshotCatalog {
        self.cache.snapshot()
    }

    /// What comes in: what is rejected, what is held.
    #[must_use]
    pub fn intake(&self) -> &IntakeHandle {
        &self.intake
    }

    /// To change what can be changed while it runs.
    #[must_use]
    pub fn live(&self) -> &Live {
        &self.live
    }

    /// Waits until sinks are served. For ever, where the server stops before.
    pub fn ready(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut awaited = self.readiness.subscribe();
        async move {
            if awaited.wait_for(Vec::is_empty).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
