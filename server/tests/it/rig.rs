//! A folder, a file source, an intake and a cache, connected as a server connects them.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use mainsheet_api::{key::Key, kind::Kind, resource::SourceName};
use mainsheet_cache::{
    Cache, CacheOptions,
    snapshot::{Held, Snapshot},
    store::{MemoryStore, SharedStore, StoreOptions},
};
use mainsheet_server::{
    clock::SystemClock,
    intake::{IntakeHandle, IntakeOptions, IntakeParts, intake},
    leases::Leases,
    readiness::Readiness,
    source::{
        DocumentOptions, SourceParts,
        file::{self, FileSourceOptions},
    },
    source_health::SourceHealth,
    task::TaskSet,
};
use tokio_util::sync::CancellationToken;

/// Far longer than anything takes; only a test that fails waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn files() -> SourceName {
    SourceName(Arc::from("files"))
}

pub(crate) fn memory() -> SharedStore {
    Arc::new(MemoryStore::new(StoreOptions::default()))
}

/// A VirtualService that routes to `host`.
pub(crate) fn route(name: &str, host: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: {name}\n  namespace: shop\nspec:\n  \
         hosts: [{name}.example]\n  http:\n  - route:\n    - destination: {{host: {host}}}\n"
    )
}

/// The key of [`route`].
pub(crate) fn route_key(name: &str) -> Key {
    Key::new(Kind::VIRTUAL_SERVICE, "shop", name)
}

pub(crate) fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Writes a file as careful programs do: beside it, then renamed over it.
pub(crate) fn replace(folder: &Path, name: &str, text: &str) {
    let beside = folder.join(format!("{name}.tmp"));
    fs::write(&beside, text).unwrap();
    fs::rename(&beside, folder.join(name)).unwrap();
}

/// The parts, running.
pub(crate) struct Rig {
    pub(crate) cache: Cache,
    pub(crate) intake: IntakeHandle,
    pub(crate) readiness: Readiness,
    pub(crate) health: SourceHealth,
    store: SharedStore,
    stop: CancellationToken,
    tasks: TaskSet,
}

impl Rig {
    pub(crate) async fn start(roots: &[&Path], store: SharedStore, options: IntakeOptions) -> Self {
        let stop = CancellationToken::new();
        let mut tasks = TaskSet::new(stop.clone());
        let clock = Arc::new(SystemClock::new());
        let cache_options = CacheOptions { precedence: vec![files()], history_len_max: 4 };
        let (cache, follower) = Cache::open(Arc::clone(&store), cache_options).await.unwrap();
        let ordered = stop.clone();
        tasks.spawn("follow", async move {
            tokio::select! {
                () = ordered.cancelled() => Ok(()),
                ended = follower.run() => Ok(ended?),
            }
        });
        let readiness = Readiness::new();
        let leases = Leases::load(&cache, clock.clone()).await.unwrap();
        let parts = IntakeParts {
            leases,
            cache: cache.clone(),
            clock: clock.clone(),
            readiness: readiness.clone(),
            sources: vec![files()],
        };
        let (task, handle) = intake(parts, options);
        tasks.spawn("intake", task.run(stop.clone()));
        let health = SourceHealth::new(files(), "test");
        let source = FileSourceOptions {
            name: files(),
            roots: roots.iter().map(PathBuf::from).collect(),
            documents: DocumentOptions::default(),
        };
        let parts = SourceParts {
            batches: handle.batches.clone(),
            retell: handle.retell.clone(),
            health: health.clone(),
            clock,
        };
        tasks.spawn("source files", file::run(source, parts, stop.clone()));
        Self { cache, intake: handle, readiness, health, store, stop, tasks }
    }

    pub(crate) async fn serve(folder: &Path) -> Self {
        Self::start(&[folder], memory(), IntakeOptions::default()).await
    }

    /// Waits until nothing is awaited.
    pub(crate) async fn ready(&self) {
        let mut awaited = self.readiness.subscribe();
        let ready = awaited.wait_for(Vec::is_empty);
        drop(tokio::time::timeout(PATIENCE, ready).await.expect("ready in time").unwrap());
    }

    /// Waits for a state that is so.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
        let mut snapshots = self.cache.subscribe();
        let so = snapshots.wait_for(|snapshot| is_so(&snapshot.0));
        match tokio::time::timeout(PATIENCE, so).await {
            Ok(snapshot) => Arc::clone(&snapshot.unwrap().0),
            Err(_) => panic!("{what}: still {:?}", names(&self.cache.snapshot().0)),
        }
    }

    /// Waits until something outside the snapshot is so.
    pub(crate) async fn until_so(&self, what: &str, is_so: impl Fn() -> bool) {
        let asking = async {
            while !is_so() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{what}: not in time"));
    }

    /// Waits until exactly these routes are there.
    pub(crate) async fn until_routes(&self, routes: &[&str]) -> Arc<Snapshot> {
        self.until(&format!("routes {routes:?}"), |snapshot| names(snapshot) == routes).await
    }

    /// Ends everything; what is left is the store.
    pub(crate) async fn end(self) -> SharedStore {
        self.stop.cancel();
        self.tasks.join().await.unwrap();
        self.store
    }
}

/// Names of all that the source's layer holds, in order.
pub(crate) fn names(snapshot: &Snapshot) -> Vec<String> {
    snapshot.layer(&files()).iter().map(|held| held.key.name.to_string()).collect()
}

pub(crate) fn held(snapshot: &Snapshot, name: &str) -> Arc<Held> {
    snapshot.held(&files(), &route_key(name)).unwrap_or_else(|| panic!("no {name}"))
}
