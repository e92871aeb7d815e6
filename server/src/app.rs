//! The composition root: which parts there are, and how they are connected. One small function a part.
//!
//! ```text
//! source/files:PATH --> intake --> cache (store, follow) --> access --> grpc --> sinks
//! source/xds:ADDR   -/  ^                                |-> http
//!                       |                                |-> clashes, verdicts
//!                       \------------ expiry <-----------/
//! ```

mod running;
mod sources;

pub use self::running::Running;

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use mainsheet_api::{resource::SourceName, time::Clock, validate::across::AcrossOptions};
use mainsheet_cache::{
    Cache, CacheOptions, Follower,
    snapshot::SnapshotCatalog,
    store::{MemoryStore, RedbStore, SharedStore, StoreHealth, WatchedStore},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::{
    admission::Admission,
    audit::{self, Audit, AuditOptions},
    auth::{self, Authenticator, Authority, CredentialHealth, Credentials, Grants, authority},
    chain::Chain,
    clashes,
    config::{AuditFailure, Settings, StoreKind},
    debug::{self, DebugInspector},
    expiry::{self, ExpiryParts},
    http::{self, HttpOptions},
    intake::{Intake, IntakeHandle, IntakeParts, intake},
    leases::Leases,
    live::{self, Live},
    metrics::Metrics,
    network::SharedNetwork,
    private,
    readiness::Readiness,
    sinks::{Sinks, pins},
    source_health::SourceHealth,
    store_state::{self, StoreState},
    stream::{self, StreamOptions},
    surroundings::{Randomness, Surroundings},
    task::TaskSet,
    tls::Port,
    v1,
    verdicts::{self, AcrossVerdicts},
};

/// What several parts share.
struct Shared {
    clock: Arc<dyn Clock>,
    network: SharedNetwork,
    randomness: Randomness,
    store: StoreState,
    readiness: Readiness,
    metrics: Arc<Metrics>,
    admission: Admission,
    audit: Audit,
    authenticator: Authenticator,
    credentials: CredentialHealth,
    sinks: Arc<Sinks>,
    chain: Chain,
    grants: Grants,
}

/// Starts a server: opens the store, takes the ports, starts the tasks. Returns before it is ready.
///
/// The tasks are to be joined from then on: that is how the failure of one is noticed. Cancelling [`TaskSet::stop`] ends
/// them in good order, dropping them aborts them.
///
/// # Errors
/// Where the store can't be opened or a port can't be had. Nothing runs then.
pub async fn start(settings: &Settings) -> anyhow::Result<(Running, TaskSet)> {
    start_in(settings, Surroundings::default()).await
}

/// [`start`], in other surroundings than those of the machine.
///
/// # Errors
/// Those of [`start`].
pub async fn start_in(settings: &Settings, around: Surroundings) -> anyhow::Result<(Running, TaskSet)> {
    let Surroundings { clock, network, randomness, store, sources: given } = around;
    let names = sources::names(settings, &given);
    let (cache, follower, written) = open_cache(settings, (store, &clock), &names).await?;
    let store = StoreState::new(&cache, written.clone(), Arc::clone(&clock));
    let metrics = Metrics::new();
    let (credentials, followers) = Credentials::load(settings, &clock, &metrics).await?;
    let (shared, audit) = shared(settings, clock, (network, randomness), (store, metrics, &credentials))?;
    shared.metrics.show_credentials(shared.credentials.clone());
    shared.metrics.show_store(shared.store.clone());
    shared.sinks.pins().load(cache.store()).await?;
    let leases = Leases::load(&cache, Arc::clone(&shared.clock)).await?;
    shared.metrics.show_leases(leases.clone());
    let (intake, handle) = new_intake(settings, (&cache, &leases), names, &shared);
    let sources = sources::health(settings, &given);
    shared.metrics.show_sources(Arc::clone(&sources));
    let (authority, granted) =
        (authority(settings, &cache, &shared.grants), watch::channel(cache.snapshot()));
    let untold = shared.readiness.guard(authority::AWAITED);
    let (said, verdicts) = watch::channel(AcrossVerdicts::default());
    let pages = pages(&cache, &handle, (&sources, &shared), verdicts);
    let mut tasks = TaskSet::new(CancellationToken::new());
    let stop = tasks.stop();
    let (others, v1) =
        v1::service(v1_links(settings, (&cache, &handle, &leases), (&sources, &shared)), stop.clone());
    let grpc = bind_grpc(settings, granted.1, (&pages, others), (&shared, &credentials)).await?;
    let http = bind_http(settings, pages, (&grpc.options(), &shared, &credentials)).await?;
    let (grpc_addr, http_addr) = (grpc.local_addr(), http.local_addr());
    let tls_addrs = [grpc.tls_addr(), http.tls_addr()];
    let live =
        Live { intake: handle.options.clone(), stream: grpc.options(), admission: shared.admission.clone() };

    tasks.spawn("credentials", auth::follow(followers, stop.clone()));
    tasks.spawn("follow", follow(follower, stop.clone()));
    let tried = Arc::clone(cache.store());
    let try_again = store_state::keep_trying(tried, written, Arc::clone(&shared.clock), stop.clone());
    tasks.spawn("store", try_again);
    let noting = pins::run(Arc::clone(&shared.sinks), cache.clone(), Arc::clone(&shared.clock), stop.clone());
    tasks.spawn("pins", noting);
    tasks.spawn("clashes", clashes::run(cache.subscribe(), stop.clone()));
    let told = authority::release_when_told(
        (shared.readiness.clone(), untold),
        (cache.clone(), granted.0.subscribe()),
        stop.clone(),
    );
    tasks.spawn("access", authority::run(authority, cache.subscribe(), granted.0, stop.clone()));
    tasks.spawn("access/ready", told);
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
    sources::spawn(settings, (given, &sources), (&cache, &handle, &shared), &mut tasks);
    tasks.spawn("v1", v1);
    // Probes and people are answered until the last sink is sent on.
    let drained = CancellationToken::new();
    if let Some(audit) = audit {
        tasks.spawn("audit", audit.run(drained.clone()));
    }
    let ending = drained.clone().drop_guard();
    tasks.spawn("grpc", async move {
        let _ending = ending;
        grpc.run(stop).await
    });
    tasks.spawn("http", http.run(drained));
    Ok((
        Running {
            grpc_addr,
            http_addr,
            tls_addrs,
            cache,
            intake: handle,
            readiness: shared.readiness,
            sinks: shared.sinks,
            live,
        },
        tasks,
    ))
}

fn shared(
    settings: &Settings,
    clock: Arc<dyn Clock>,
    (network, randomness): (SharedNetwork, Randomness),
    (store, metrics, credentials): (StoreState, Arc<Metrics>, &Credentials),
) -> anyhow::Result<(Shared, Option<audit::Writer>)> {
    let (authenticator, credentials) = (credentials.authenticator.clone(), credentials.health.clone());
    let sinks = Sinks::new(Arc::clone(&metrics));
    let number = randomness.number();
    let chain = Chain::new(&settings.instance, number);
    let (audit, writer) =
        Audit::open(&audit_options(settings), Arc::clone(&clock), Randomness::of_seed(number))?;
    metrics.show_audit(audit.clone());
    let (limits, readiness) = (settings.limits.clone(), Readiness::new());
    let admission = Admission::new(limits, Arc::clone(&clock), randomness.fork(), &metrics);
    metrics.show_admission(admission.clone());
    let grants = Grants::default();
    let shared = Shared {
        clock,
        network,
        randomness,
        store,
        readiness,
        metrics,
        admission,
        audit,
        authenticator,
        credentials,
        sinks,
        chain,
        grants,
    };
    Ok((shared, writer))
}

/// Where is written who did what.
fn audit_options(settings: &Settings) -> AuditOptions {
    AuditOptions {
        path: settings.audit_log.clone(),
        bytes_max: settings.audit_log_size,
        kept: settings.audit_log_kept,
        refuses: settings.audit_failure == AuditFailure::Refuse,
    }
}

async fn open_cache(
    settings: &Settings,
    (given, clock): (Option<SharedStore>, &Arc<dyn Clock>),
    sources: &[SourceName],
) -> anyhow::Result<(Cache, Follower, StoreHealth)> {
    let options = settings.retention;
    let store: SharedStore = match (given, settings.store) {
        (Some(store), _) => store,
        (None, StoreKind::Memory) => Arc::new(MemoryStore::new(options)),
        (None, StoreKind::Redb) => {
            let store = RedbStore::open(&settings.data_dir, options).await?;
            private::narrow_dir(&settings.data_dir);
            Arc::new(store)
        }
    };
    let watched = WatchedStore::new(store, Arc::clone(clock));
    let health = watched.health().clone();
    // What wins over what: rollbacks over what is written through the API, and both over sources.
    let written = [SourceName::hold(), SourceName::api()];
    let precedence = written.into_iter().chain(sources.iter().cloned()).collect();
    let options = CacheOptions { precedence, history_len_max: settings.history_len_max };
    let (cache, follower) = Cache::open(Arc::new(watched), options).await?;
    Ok((cache, follower, health))
}

fn new_intake(
    settings: &Settings,
    (cache, leases): (&Cache, &Leases),
    sources: Vec<SourceName>,
    shared: &Shared,
) -> (Intake, IntakeHandle) {
    let parts = IntakeParts {
        cache: cache.clone(),
        clock: Arc::clone(&shared.clock),
        readiness: shared.readiness.clone(),
        sources,
        leases: leases.clone(),
    };
    intake(parts, live::intake_options(settings))
}

/// Who may do what, as what the store holds says it.
fn authority(settings: &Settings, cache: &Cache, grants: &Grants) -> Authority {
    let mut authority = Authority::new(settings.authorities(), grants.clone());
    authority.take_over(cache.snapshot());
    authority
}

async fn bind_grpc(
    settings: &Settings,
    newest: watch::Receiver<SnapshotCatalog>,
    (pages, others): (&debug::Links, Routes),
    (shared, credentials): (&Shared, &Credentials),
) -> anyhow::Result<stream::Server<SnapshotCatalog>> {
    let links = stream::Links {
        newest,
        readiness: shared.readiness.clone(),
        sinks: Arc::clone(&shared.sinks),
        metrics: Arc::clone(&shared.metrics),
        admission: shared.admission.clone(),
        audit: shared.audit.clone(),
        authenticator: shared.authenticator.clone(),
        grants: shared.grants.clone(),
        clock: Arc::clone(&shared.clock),
        chain: shared.chain.clone(),
        inspector: Arc::new(DebugInspector::new(pages.clone(), &settings.instance)),
        others,
    };
    let bound =
        stream::Server::bind(&*shared.network, settings.grpc_addr, live::stream_options(settings), links)
            .await;
    let bound = bound.with_context(|| refused_port("sinks", "grpc-addr", settings.grpc_addr))?;
    let (Some(security), address) = (credentials.security(Port::Grpc), settings.tls.grpc_addr) else {
        return Ok(bound);
    };
    let bound = bound.also_over_tls(&*shared.network, address, security).await;
    bound.with_context(|| refused_port("sinks", "grpc-tls-addr", address))
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
        store_state: shared.store.clone(),
        grants: shared.grants.clone(),
        audit: shared.audit.clone(),
        credentials: shared.credentials.clone(),
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
        store: shared.store.clone(),
        credentials: shared.credentials.clone(),
        metrics: Arc::clone(&shared.metrics),
        admission: shared.admission.clone(),
        grants: shared.grants.clone(),
    }
}

async fn bind_http(
    settings: &Settings,
    pages: debug::Links,
    (options, shared, credentials): (&watch::Sender<StreamOptions>, &Shared, &Credentials),
) -> anyhow::Result<http::Server> {
    let options = options.subscribe();
    let options = move || {
        let options = options.borrow();
        HttpOptions { write_deadline: options.write_deadline, trust_loopback: options.trust_loopback }
    };
    let bound = http::Server::bind(
        &*shared.network,
        settings.http_addr,
        pages,
        (options, shared.authenticator.clone()),
    )
    .await;
    let bound = bound.with_context(|| refused_port("HTTP", "http-addr", settings.http_addr))?;
    let (Some(security), Some(address)) = (credentials.security(Port::Http), settings.tls.http_addr) else {
        return Ok(bound);
    };
    let bound = bound.also_over_tls(&*shared.network, address, security).await;
    bound.with_context(|| refused_port("HTTP", "http-tls-addr", address))
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
