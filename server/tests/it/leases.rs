//! Leases from documents to their end, across restarts, with clocks that are turned by hand. The task that ends them looks
//! at the clock whenever the state changes, so each test turns the clock and then has something committed.

use std::{
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use mainsheet_api::{
    change::{Cause, Change, Commit, Fence},
    codec::{self, Defaults, UnknownFields},
    key::Key,
    kind::Kind,
    lease::Renewal,
    resource::{Lease, Provenance, Record, Resource, SourceName, Terms},
    time::{Clock, Now, Timestamp, Uptime},
    version::Revision,
    view::Audience,
    wire::{Any, Entry},
};
use mainsheet_cache::{
    Cache, CacheOptions, StoreError,
    snapshot::Snapshot,
    store::{Answer, Follow, MemoryStore, SharedStore, Store},
};
use mainsheet_server::{
    expiry::{self, ExpiryParts},
    intake::{IntakeHandle, IntakeOptions, IntakeParts, Planned, Planner, intake},
    leases::Leases,
    readiness::Readiness,
    source::{Batch, Completeness, Extent, LastWritten, Report},
    task::TaskSet,
};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::rig::PATIENCE;

/// When the calendar of every test begins.
const BEGIN: Timestamp = Timestamp(1_700_000_000_000);

/// Clocks that are turned by hand.
#[derive(Default)]
struct Hands {
    uptime: Mutex<Duration>,
    wall: Mutex<Timestamp>,
    reads: AtomicUsize,
}

impl Hands {
    fn at(wall: Timestamp) -> Arc<Self> {
        Arc::new(Self { wall: Mutex::new(wall), ..Self::default() })
    }

    /// Time passes.
    fn pass(&self, seconds: u64) {
        let time = Duration::from_secs(seconds);
        *self.uptime.lock().unwrap() += time;
        let mut wall = self.wall.lock().unwrap();
        *wall = wall.after(time);
    }

    /// Somebody sets the calendar.
    fn set(&self, wall: Timestamp) {
        *self.wall.lock().unwrap() = wall;
    }
}

impl Clock for Hands {
    fn uptime(&self) -> Uptime {
        self.reads.fetch_add(1, Ordering::Relaxed);
        Uptime(*self.uptime.lock().unwrap())
    }

    fn wall(&self) -> Timestamp {
        *self.wall.lock().unwrap()
    }
}

/// A process: everything between a source and the state that is served.
struct Process {
    cache: Cache,
    intake: IntakeHandle,
    leases: Leases,
    clock: Arc<Hands>,
    stop: CancellationToken,
    tasks: TaskSet,
}

fn files() -> SourceName {
    SourceName(Arc::from("files"))
}

impl Process {
    async fn start(store: &SharedStore, clock: &Arc<Hands>) -> Self {
        let options = CacheOptions { precedence: vec![SourceName::api(), files()], history_len_max: 4 };
        let (cache, follower) = Cache::open(Arc::clone(store), options).await.unwrap();
        let leases = Leases::load(&cache, clock.clone()).await.unwrap();
        let parts = IntakeParts {
            cache: cache.clone(),
            clock: clock.clone(),
            readiness: Readiness::new(),
            sources: vec![files()],
            leases: leases.clone(),
        };
        let (task, intake) = intake(parts, IntakeOptions::default());
        let stop = CancellationToken::new();
        let mut tasks = TaskSet::new(stop.clone());
        let ordered = stop.clone();
        tasks.spawn("follow", async move {
            tokio::select! {
                () = ordered.cancelled() => Ok(()),
                ended = follower.run() => Ok(ended?),
            }
        });
        tasks.spawn("intake", task.run(stop.clone()));
        let parts = ExpiryParts {
            clock: clock.clone(),
            cache: cache.clone(),
            intake: intake.clone(),
            leases: leases.clone(),
        };
        tasks.spawn("expiry", expiry::run(parts, stop.clone()));
        Self { cache, intake, leases, clock: Arc::clone(clock), stop, tasks }
    }

    async fn end(self) {
        self.stop.cancel();
        self.tasks.join().await.unwrap();
    }

    /// The source tells everything that it has.
    async fn tell(&self, files: &[(&str, String)], written: Option<LastWritten>) {
        let report = |(origin, text): &(&str, String)| report(origin, text, written);
        self.send(Extent::Whole, files.iter().map(report).collect()).await;
    }

    /// The source tells of one file, that is all it saw change.
    async fn change(&self, origin: &str, text: &str) {
        self.send(Extent::Atomic, vec![report(origin, text, Some(LastWritten::SinceTold))]).await;
    }

    /// Returns once it is taken in: what is told behind it is then, too.
    async fn send(&self, extent: Extent, mut reports: Vec<Report>) {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        reports.push(report("marker.yaml", &document("marker", &number.to_string(), "never"), None));
        self.intake.batches.send(Batch { source: files(), extent, reports }).await.unwrap();
        let said = number.to_string();
        self.until("the marker", |state| {
            state.held(&files(), &key("marker")).is_some_and(|held| held.warnings.is_empty())
                && state.layer(&files()).iter().any(|held| held.key == key("marker"))
                && said_by(state, &said)
        })
        .await;
    }

    /// Has the clock looked at: something is committed.
    async fn look(&self) {
        let before = self.cache.snapshot().0.revision();
        self.intake.write(Cause::from("look"), Look).await.unwrap();
        assert!(self.cache.snapshot().0.revision() > before);
    }

    async fn until(&self, what: &str, is_so: impl Fn(&Snapshot) -> bool) {
        let mut newest = self.cache.subscribe();
        let so = newest.wait_for(|state| is_so(&state.0));
        tokio::time::timeout(PATIENCE, so).await.unwrap_or_else(|_| panic!("{what} never came")).unwrap();
    }

    /// Waits until a resource is gone.
    async fn until_gone(&self, name: &str) {
        self.look().await;
        self.until(&format!("the end of {name}"), |state| state.held(&files(), &key(name)).is_none()).await;
    }

    /// Sees that a resource is there, by the clock as it is.
    async fn stays(&self, name: &str) {
        // The task has seen each state before the one that ends another lease.
        self.intake.write(Cause::from("witness"), Witness).await.unwrap();
        self.clock.pass(1);
        self.look().await;
        self.until("the end of the witness", |state| {
            state.held(&SourceName::api(), &key("witness")).is_none()
        })
        .await;
        assert!(self.has(name), "{name} is gone");
    }

    fn has(&self, name: &str) -> bool {
        self.cache.snapshot().0.held(&files(), &key(name)).is_some()
    }

    /// Seconds until a lease ends.
    fn left(&self, name: &str) -> u64 {
        let deadline = self.leases.deadline(&files(), &key(name)).unwrap();
        deadline.since(self.clock.wall()).as_secs()
    }
}

fn said_by(state: &Snapshot, said: &str) -> bool {
    let marker = document("marker", said, "never");
    let [document] = &codec::read(&marker, DEFAULTS)[..] else { unreachable!() };
    let codec::Content::Resource { resource, .. } = &document.content else { unreachable!() };
    let version = Entry::encode(resource, Timestamp(0)).version;
    state.held(&files(), &key("marker")).is_some_and(|held| held.version == version)
}

/// Changes something that nobody looks at.
struct Look;

impl Planner for Look {
    type Answer = ();

    fn plan(&mut self, state: &Snapshot, _: Now) -> Planned<()> {
        let record = record("look", &state.revision().0.to_string(), None);
        Planned { changes: vec![Change::Put(Arc::new(record))], ..Planned::nothing(()) }
    }
}

/// Puts something that lives for a second.
struct Witness;

impl Planner for Witness {
    type Answer = ();

    fn plan(&mut self, _: &Snapshot, now: Now) -> Planned<()> {
        let lease = Lease::beginning(Duration::from_secs(1), now.wall);
        Planned {
            changes: vec![Change::Put(Arc::new(record("witness", "", Some(lease))))],
            ..Planned::nothing(())
        }
    }
}

/// Renews what a source has, as somebody does who applies it again unchanged.
struct Renew(&'static str);

impl Planner for Renew {
    type Answer = ();

    fn plan(&mut self, state: &Snapshot, now: Now) -> Planned<()> {
        let held = state.held(&files(), &key(self.0)).unwrap();
        let renewal = Renewal::now(files(), held.key.clone(), held.terms.lease.unwrap(), now.wall);
        Planned { renewals: vec![renewal], ..Planned::nothing(()) }
    }
}

const DEFAULTS: Defaults<'static> =
    Defaults { namespace: "shop", scope: "", unknown_fields: UnknownFields::Strict };

fn key(name: &str) -> Key {
    Key::new(Kind::DESTINATION_RULE, "shop", name)
}

fn document(name: &str, content: &str, ttl: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\n\
         metadata: {{name: {name}, annotations: {{mainsheet.io/ttl: {ttl}, content: c{content}}}}}\n\
         spec: {{host: h}}\n"
    )
}

fn report(origin: &str, text: &str, written: Option<LastWritten>) -> Report {
    let documents = codec::read(text, DEFAULTS);
    Report { origin: origin.to_owned(), documents, completeness: Completeness::Whole, written }
}

fn record(name: &str, content: &str, lease: Option<Lease>) -> Record {
    let resource = Resource {
        key: key(name),
        labels: Default::default(),
        annotations: [("content".to_owned(), content.to_owned())].into(),
        body: Any { type_url: Kind::DESTINATION_RULE.type_url(), value: Default::default() },
        upstream_version: None,
    };
    Record {
        source: SourceName::api(),
        key: key(name),
        entry: Entry::encode(&resource, Timestamp(0)),
        audience: Audience::everyone(),
        created: Timestamp(0),
        provenance: Provenance::default(),
        warnings: Vec::new(),
        terms: Terms { lease, ..Terms::default() },
    }
}

/// Waits until a deadline is in the status area.
async fn noted(store: &SharedStore) {
    let noted = async {
        while store.status("lease/").await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, noted).await.unwrap();
}

/// A store whose next note of a lease goes another way.
struct Gate {
    inner: MemoryStore,
    next: Mutex<Option<Way>>,
    asked: watch::Sender<usize>,
    open: Semaphore,
}

#[derive(Clone, Copy)]
enum Way {
    Fails,
    /// Until the gate is opened.
    Waits,
}

impl Gate {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            inner: MemoryStore::default(),
            next: Mutex::default(),
            asked: watch::Sender::new(0),
            open: Semaphore::new(0),
        })
    }

    fn let_next(&self, way: Way) {
        *self.next.lock().unwrap() = Some(way);
    }

    /// Whether the note that goes another way was asked for.
    async fn is_asked(&self) {
        let mut asked = self.asked.subscribe();
        tokio::time::timeout(PATIENCE, asked.wait_for(|asked| *asked > 0)).await.unwrap().unwrap();
    }
}

impl Store for Gate {
    fn set_status(&self, entries: Vec<(String, Option<Bytes>)>) -> Answer<'_, Result<(), StoreError>> {
        let is_note = entries.iter().any(|(key, _)| key.starts_with("lease/"));
        let way = if is_note { self.next.lock().unwrap().take() } else { None };
        Box::pin(async move {
            self.asked.send_modify(|asked| *asked += usize::from(way.is_some()));
            match way {
                Some(Way::Fails) => return Err(StoreError::StatusFull { bytes: 2, bytes_max: 1 }),
                Some(Way::Waits) => self.open.acquire().await.unwrap().forget(),
                None => {}
            }
            self.inner.set_status(entries).await
        })
    }

    mainsheet_cache::forward_to_store!(inner: commit_all, load, follow, history, committed_at, state_at);
    mainsheet_cache::forward_to_store!(inner: export, oldest, head, take_lease, status);
}

fn memory() -> SharedStore {
    Arc::new(MemoryStore::default())
}

/// One file with one document that lives for a minute.
fn minute(content: &str) -> Vec<(&'static str, String)> {
    vec![("a.yaml", document("a", content, "1m"))]
}

#[tokio::test]
async fn what_nobody_renews_is_removed_and_the_commit_says_why() {
    let (store, clock) = (memory(), Hands::at(BEGIN));
    let process = Process::start(&store, &clock).await;
    process.tell(&minute("1"), None).await;
    assert_eq!((process.left("a"), process.leases.len()), (60, 1));
    clock.pass(58);
    process.stays("a").await;
    clock.pass(1);
    process.until_gone("a").await;
    let Follow::Commits(commits) = store.follow(Revision::ZERO, 1 << 20).await.unwrap() else {
        panic!("compacted")
    };
    let removal = Change::Remove { source: files(), key: key("a") };
    let expiry = commits.iter().find(|commit| commit.changes.contains(&removal)).unwrap();
    assert_eq!(expiry.cause, Cause::from("expiry"));
    assert!(process.leases.is_empty() && process.leases.counts().expired == 2, "with the witness");
    process.end().await;
}

#[tokio::test]
async fn clock_that_is_set_changes_no_deadline() {
    for wall in [Timestamp(0), BEGIN.after(Duration::from_secs(1_000_000))] {
        let (store, clock) = (memory(), Hands::at(BEGIN));
        let process = Process::start(&store, &clock).await;
        process.tell(&minute("1"), None).await;
        clock.set(wall);
        clock.pass(50);
        process.stays("a").await;
        clock.pass(9);
        process.until_gone("a").await;
        process.end().await;
    }
}

#[tokio::test]
async fn restart_neither_forgets_nor_extends_a_lease() {
    let (store, clock) = (memory(), Hands::at(BEGIN));
    let process = Process::start(&store, &clock).await;
    process.tell(&minute("1"), Some(LastWritten::At(BEGIN))).await;
    clock.pass(20);
    process.intake.write(Cause::from("renew"), Renew("a")).await.unwrap();
    assert_eq!(process.left("a"), 60, "renewed");
    clock.pass(10);
    process.end().await;

    clock.pass(10);
    // Another process: its uptime begins anew.
    let clock = Hands::at(clock.wall());
    let process = Process::start(&store, &clock).await;
    assert_eq!(process.left("a"), 40);
    process.tell(&minute("1"), Some(LastWritten::At(BEGIN))).await;
    assert_eq!(process.left("a"), 40, "told again is not written again");
    clock.pass(40);
    process.until_gone("a").await;
    process.end().await;
}

/// The calendar was set while the process ran, and is set when the next one begins.
#[tokio::test]
async fn restart_under_a_calendar_that_was_set_keeps_what_is_left() {
    let (store, clock) = (memory(), Hands::at(BEGIN));
    let process = Process::start(&store, &clock).await;
    process.tell(&minute("1"), None).await;
    clock.set(BEGIN.after(Duration::from_secs(1_000_000)));
    clock.pass(20);
    process.end().await;
    let clock = Hands::at(clock.wall());
    let process = Process::start(&store, &clock).await;
    assert_eq!(process.left("a"), 40);
    process.end().await;
}

/// The process that saw the calendar being set is killed, and no lease was over before.
#[tokio::test]
async fn crash_after_the_calendar_was_set_keeps_what_is_left() {
    let (store, clock) = (memory(), Hands::at(BEGIN));
    let process = Process::start(&store, &clock).await;
    process.tell(&minute("1"), None).await;
    clock.set(BEGIN.after(Duration::from_secs(1_000_000)));
    clock.pass(20);
    process.look().await;
    noted(&store).await;
    let clock = Hands::at(clock.wall());
    let next = Process::start(&store, &clock).await;
    assert_eq!(next.left("a"), 40);
    next.end().await;
}

#[tokio::test]
async fn calendar_that_could_not_be_noted_is_noted_later() {
    let (gate, clock) = (Gate::new(), Hands::at(BEGIN));
    let store: SharedStore = gate.clone();
    let process = Process::start(&store, &clock).await;
    process.tell(&minute("1"), None).await;
    clock.set(BEGIN.after(Duration::from_secs(1_000_000)));
    gate.let_next(Way::Fails);
    process.look().await;
    gate.is_asked().await;
    assert!(store.status("").await.unwrap().iter().all(|(key, _)| !key.starts_with("lease/")));
    // More than what is waited after a failure.
    clock.pass(2);
    process.look().await;
    noted(&store).await;
    process.end().await;
}

/// What is noted because of the calendar was worked out before the renewal, and is written after it.
#[tokio::test]
async fn renewal_while_the_calendar_is_noted_survives_a_crash() {
    let (gate, clock) = (Gate::new(), Hands::at(BEGIN));
    let store: SharedStore = gate.clone();
    let process = Process::start(&store, &clock).await;
    process.tell(&minute("1"), None).await;
    clock.set(BEGIN.after(Duration::from_secs(1_000_000)));
    clock.pass(20);
    gate.let_next(Way::Waits);
    process.look().await;
    gate.is_asked().await;
    let mut renewal = pin!(process.intake.write(Cause::from("renew"), Renew("a")));
    // Long enough for a renewal that does not wait; one that does changes nothing by being given less.
    let is_early = tokio::time::timeout(Duration::from_millis(200), &mut renewal).await.is_ok();
    gate.open.add_permits(1);
    if !is_early {
        renewal.await.unwrap();
    }
    // What was under way is written.
    drop(process.leases.noting().await);
    let clock = Hands::at(clock.wall());
    let next = Process::start(&store, &clock).await;
    assert_eq!(next.left("a"), 60, "as it was answered");
    next.end().await;
}

#[tokio::test]
async fn file_that_is_written_again_renews_and_one_that_is_told_again_does_not() {
    let (store, clock) = (memory(), Hands::at(BEGIN));
    let process = Process::start(&store, &clock).await;
    process.tell(&minute("1"), Some(LastWritten::At(BEGIN))).await;
    let first = process.cache.snapshot().0.held(&files(), &key("a")).unwrap();
    clock.pass(30);
    process.tell(&minute("1"), Some(LastWritten::At(BEGIN))).await;
    assert_eq!(process.left("a"), 30);
    process.change("a.yaml", &minute("1")[0].1).await;
    assert_eq!(process.left("a"), 60, "it was seen to be written");
    clock.pass(30);
    // Written while nobody looked.
    let while_away = BEGIN.after(Duration::from_secs(45));
    process.tell(&minute("1"), Some(LastWritten::At(while_away))).await;
    assert_eq!(process.left("a"), 60);
    let held = process.cache.snapshot().0.held(&files(), &key("a")).unwrap();
    assert_eq!(held.changed, first.changed, "no revision");
    assert_eq!(process.leases.counts().renewed, 2);
    // Another content, or another length, is another lease.
    clock.pass(30);
    process.change("a.yaml", &document("a", "1", "2m")).await;
    assert_eq!(process.left("a"), 120);
    process.end().await;
}

#[tokio::test]
async fn what_ended_does_not_come_back_by_being_told_again() {
    let (store, clock) = (memory(), Hands::at(BEGIN));
    let written = Some(LastWritten::At(BEGIN));
    let process = Process::start(&store, &clock).await;
    process.tell(&minute("1"), written).await;
    clock.pass(60);
    process.until_gone("a").await;
    process.tell(&minute("1"), written).await;
    assert!(!process.has("a"), "a rescan");
    process.end().await;

    let clock = Hands::at(clock.wall());
    let process = Process::start(&store, &clock).await;
    process.tell(&minute("1"), written).await;
    assert!(!process.has("a"), "a restart");
    assert!(!store.status("ended/").await.unwrap().is_empty());
    process.change("a.yaml", &minute("1")[0].1).await;
    assert!(process.has("a"), "it was written again");
    assert_eq!(process.left("a"), 60);
    assert!(store.status("ended/").await.unwrap().is_empty());
    process.end().await;
}

#[tokio::test]
async fn what_ended_comes_back_changed_or_after_it_was_gone() {
    let (store, clock) = (memory(), Hands::at(BEGIN));
    let written = Some(LastWritten::At(BEGIN));
    let process = Process::start(&store, &clock).await;
    for again in [minute("2"), minute("3")] {
        process.tell(&again, written).await;
        assert!(process.has("a"), "it says something else");
        clock.pass(60);
        process.until_gone("a").await;
    }
    process.tell(&[], written).await;
    assert!(store.status("ended/").await.unwrap().is_empty(), "the file is gone");
    process.tell(&minute("3"), written).await;
    assert!(process.has("a"));
    process.end().await;
}

/// What a lease costs while it does not end: the clock is looked at once for each change of the state.
#[tokio::test]
async fn leases_cost_nothing_while_none_ends() {
    const LEASES: usize = 100_000;
    const COMMITS: usize = 20;
    const SOONER: usize = 20_000;
    let (store, clock) = (memory(), Hands::at(BEGIN));
    let changes = (0..LEASES).map(|number| {
        let lease = Lease::beginning(Duration::from_secs(if number < SOONER { 3600 } else { 7200 }), BEGIN);
        let record = record(&format!("r{number}"), "", Some(lease));
        Change::Put(Arc::new(Record { source: files(), ..record }))
    });
    let changes = changes.collect();
    let commit =
        Commit { base: Revision::ZERO, fence: Fence(0), cause: Cause::default(), at: BEGIN, changes };
    store.commit(commit).await.unwrap();
    let options = CacheOptions { precedence: vec![SourceName::api(), files()], history_len_max: 4 };
    let (cache, follower) = Cache::open(Arc::clone(&store), options).await.unwrap();
    let leases = Leases::load(&cache, clock.clone()).await.unwrap();
    assert_eq!(leases.len(), LEASES);
    drop((follower, cache, leases));

    let process = Process::start(&store, &clock).await;
    process.look().await;
    let before = clock.reads.load(Ordering::Relaxed);
    for _ in 0..COMMITS {
        process.look().await;
    }
    let reads = clock.reads.load(Ordering::Relaxed) - before;
    assert!(reads <= COMMITS * 40, "{reads} looks at the clock for {COMMITS} commits");

    // And where many end at one instant, they end with a few commits.
    let revision = process.cache.snapshot().0.revision().0;
    clock.pass(3600);
    process.look().await;
    let left = LEASES - SOONER;
    process.until("the end of many", |state| state.layer(&files()).len() == left).await;
    let commits = process.cache.snapshot().0.revision().0 - revision;
    assert!(commits <= 4, "{commits} commits");
    process.end().await;
}
