//! One data directory with its folder of files: who writes to its server, and what must be there after each start.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use futures_util::future::try_join_all;
use mainsheet_api::generated::mainsheet::v1::{ListResponse, Resource};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::{
    Seen,
    api::{Api, NAMESPACE, NotMade, number, route},
    lease::{Leases, Moment},
    ledger::{Found, Ledger},
    life::{Life, PATIENCE},
    sink::{Held, Sink},
};
use crate::process::{calendar, wait_for};

/// From the start of the writers to the kill, at most.
const WRITING_MAX: Duration = Duration::from_millis(150);

/// Who write at the same time, and how many keys each has of its own.
const WRITERS: u64 = 4;
const KEYS_EACH: usize = 12;

/// Keys that are written together at most.
const TOGETHER_MAX: usize = 4;

/// One that lasts as long as the house, and one that ends again and again.
const TTLS: [Duration; 2] = [Duration::from_secs(3600), Duration::from_secs(3)];
const LEASES_EACH: usize = 3;

const FILES: usize = 4;

/// Between two edits, and between two renewals.
const EDIT_INTERVAL: Duration = Duration::from_millis(3);

/// How long the client has to come to hold what was served, before what is served is looked at anew.
const CONVERGE_WITHIN: Duration = Duration::from_millis(500);

/// The house.
pub(super) struct House {
    mesh: PathBuf,
    books: Mutex<Books>,
    /// What the files say.
    files: BTreeMap<String, u64>,
    held: Held,
    numbers: AtomicU64,
    is_killed: AtomicBool,
    seen: Seen,
}

struct Books {
    ledger: Ledger,
    leases: [Leases; 2],
}

impl House {
    pub(super) fn new(dir: &Path) -> Result<Self> {
        let mesh = dir.join("mesh");
        fs::create_dir_all(&mesh)?;
        let mut house = Self {
            mesh,
            books: Mutex::new(Books { ledger: Ledger::default(), leases: TTLS.map(Leases::new) }),
            files: BTreeMap::new(),
            held: Held::new(),
            numbers: AtomicU64::new(1),
            is_killed: AtomicBool::new(false),
            seen: Seen::default(),
        };
        for file in 0..FILES {
            let number = house.number();
            edit(&house.mesh, &mut house.files, file, number)?;
        }
        Ok(house)
    }

    /// What was seen until now.
    pub(super) fn seen(&self) -> Seen {
        let books = self.books();
        let Ledger { acknowledged, unknown, made, .. } = books.ledger;
        let leases = books.leases.iter().map(|leases| leases.compared).sum();
        Seen { acknowledged, unknown, made, leases, ..self.seen }
    }

    pub(super) fn killed_while_starting(&mut self) {
        self.seen.kills += 1;
        self.seen.while_starting += 1;
    }

    /// Waits until the server serves what it must: what was acknowledged at once, what the files say and what leases ended
    /// soon; and until the client that comes back holds the same.
    pub(super) async fn check(&mut self, life: &mut Life) -> Result<()> {
        life.ready().await?;
        let mut api = Api::connect(life.grpc_port()?).await?;
        let Served { written, .. } = Served::of(&api.list().await?)?;
        let head = api.revision().await?;
        self.books().ledger.check(&written, head).map_err(|wrong| anyhow!(wrong))?;
        let mut sink = Sink::connect(life.grpc_port()?, std::mem::take(&mut self.held)).await?;
        let (books, files) = (&self.books, &self.files);
        let waited = wait_for("everything to be served", PATIENCE, async || {
            life.expect_alive()?;
            let served = Served::of(&api.list().await?)?;
            let is_due = served.check_leases(&mut lock(books))?;
            let is_whole = served.files == *files && !is_due;
            let is_held = is_whole && sink.converges(&served.versions, CONVERGE_WITHIN).await?;
            Ok(is_held.then_some(()))
        });
        waited.await.with_context(|| format!("files {:?}, the client holds {:?}", self.files, self.held))?;
        self.seen.resent += sink.resent;
        self.held = sink.held;
        Ok(())
    }

    /// Writers, an editor of files and a client at work, until the server is killed.
    pub(super) async fn write_until_killed(&mut self, mut life: Life, random: &mut StdRng) -> Result<()> {
        self.is_killed.store(false, Ordering::SeqCst);
        let port = life.grpc_port()?;
        let (mesh, mut files) = (self.mesh.clone(), std::mem::take(&mut self.files));
        let sink = Sink::connect(port, std::mem::take(&mut self.held)).await?;
        let house = &*self;
        let (of_leases, of_files) = (StdRng::from_rng(random), StdRng::from_rng(random));
        let of_writers: Vec<_> = (0..WRITERS).map(|_| StdRng::from_rng(random)).collect();
        let writers = (0..).zip(of_writers).map(|(writer, random)| house.write(port, writer, random));
        let (written, leased, edits, (held, resent), killed) = tokio::join!(
            try_join_all(writers),
            house.renew(port, of_leases),
            house.edit(&mesh, &mut files, of_files),
            sink.follow(),
            house.kill(&mut life, random.random_range(Duration::ZERO..=WRITING_MAX)),
        );
        killed?;
        written?;
        leased?;
        self.seen.edits += edits?;
        self.seen.kills += 1;
        self.seen.resent += resent;
        (self.files, self.held) = (files, held);
        Ok(())
    }

    async fn kill(&self, life: &mut Life, after: Duration) -> Result<()> {
        tokio::time::sleep(after).await;
        let alive = life.expect_alive();
        self.is_killed.store(true, Ordering::SeqCst);
        life.kill();
        let now = calendar();
        self.books().leases.iter_mut().for_each(|leases| leases.killed(now));
        alive
    }

    /// Sets and deletes keys of one writer, one at a time or some together.
    async fn write(&self, port: u16, writer: u64, mut random: StdRng) -> Result<()> {
        let Ok(mut api) = Api::connect(port).await else { return self.expect_killed() };
        while !self.is_killed() {
            let first = random.random_range(0..KEYS_EACH);
            let together =
                if random.random_range(0..3) == 0 { random.random_range(2..=TOGETHER_MAX) } else { 1 };
            let key = |place: usize| format!("w{writer}-{:02}", (first + place) % KEYS_EACH);
            let keys: Vec<String> = (0..together).map(key).collect();
            let content = (random.random_range(0..5) > 0).then(|| self.number());
            self.books().ledger.begin(&keys, content);
            let answer = match content {
                Some(number) => api.apply(&keys, number, None).await,
                None => api.delete(&keys).await,
            };
            match answer {
                Ok(revision) => {
                    self.books().ledger.acknowledge(&keys, revision).map_err(|wrong| anyhow!(wrong))?;
                }
                Err(NotMade::Refused(why)) => {
                    self.books().ledger.refuse(&keys);
                    return Err(why).with_context(|| format!("write {keys:?}"));
                }
                Err(NotMade::Unknown(why)) => return self.expect_killed().context(why),
            }
        }
        Ok(())
    }

    /// Renews leases, and begins those anew that ended.
    async fn renew(&self, port: u16, mut random: StdRng) -> Result<()> {
        let Ok(mut api) = Api::connect(port).await else { return self.expect_killed() };
        while !self.is_killed() {
            let (length, lease) = (random.random_range(0..TTLS.len()), random.random_range(0..LEASES_EACH));
            let key = format!("l{length}-{lease}");
            self.books().leases[length].begin(&key, calendar());
            match api.apply(std::slice::from_ref(&key), 0, Some(TTLS[length])).await {
                Ok(_) => self.books().leases[length].acknowledge(&key, calendar()),
                Err(NotMade::Refused(why)) => return Err(why).context("renew a lease"),
                Err(NotMade::Unknown(why)) => return self.expect_killed().context(why),
            }
            tokio::time::sleep(EDIT_INTERVAL).await;
        }
        Ok(())
    }

    async fn edit(
        &self,
        mesh: &Path,
        files: &mut BTreeMap<String, u64>,
        mut random: StdRng,
    ) -> Result<usize> {
        let mut edits = 0;
        while !self.is_killed() {
            edit(mesh, files, random.random_range(0..FILES), self.number())?;
            edits += 1;
            tokio::time::sleep(EDIT_INTERVAL).await;
        }
        Ok(edits)
    }

    fn expect_killed(&self) -> Result<()> {
        ensure!(self.is_killed(), "the server did not answer, and was not killed");
        Ok(())
    }

    fn is_killed(&self) -> bool {
        self.is_killed.load(Ordering::SeqCst)
    }

    fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::SeqCst)
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        lock(&self.books)
    }
}

fn lock(books: &Mutex<Books>) -> MutexGuard<'_, Books> {
    books.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes a file beside it and renames it, as careful programs do.
fn edit(mesh: &Path, files: &mut BTreeMap<String, u64>, file: usize, number: u64) -> Result<()> {
    let (name, partial) = (format!("f{file}"), mesh.join("partial"));
    fs::write(&partial, route(&name, number))?;
    fs::rename(&partial, mesh.join(format!("{name}.yaml")))?;
    files.insert(name, number);
    Ok(())
}

/// What is served, by who wrote it.
pub(super) struct Served {
    pub(super) written: BTreeMap<String, Found>,
    files: BTreeMap<String, u64>,
    pub(super) ends: BTreeMap<String, Moment>,
    pub(super) versions: Held,
    /// When it was looked at.
    pub(super) now: Moment,
}

impl Served {
    pub(super) fn of(list: &ListResponse) -> Result<Self> {
        let mut served = Self {
            written: BTreeMap::new(),
            files: BTreeMap::new(),
            ends: BTreeMap::new(),
            versions: Held::new(),
            now: calendar(),
        };
        ensure!(list.next_page_token.is_empty(), "more is served than was written");
        for resource in &list.resources {
            served.take(resource)?;
        }
        Ok(served)
    }

    fn take(&mut self, resource: &Resource) -> Result<()> {
        let name = resource.key.clone().context("a resource without a key")?.name;
        self.versions.insert(format!("{NAMESPACE}/{name}"), resource.version.clone());
        let (number, revision) = (number(&resource.text)?, resource.revision);
        match (name.as_bytes().first(), resource.lease.and_then(|lease| lease.deadline)) {
            (Some(b'f'), None) => drop(self.files.insert(name, number)),
            (Some(b'l'), Some(deadline)) => {
                let seconds = Duration::from_secs(deadline.seconds.unsigned_abs());
                let deadline = seconds + Duration::from_nanos(u64::from(deadline.nanos.unsigned_abs()));
                self.ends.insert(name, deadline);
            }
            (Some(b'w'), None) => drop(self.written.insert(name, Found { number, revision })),
            (_, deadline) => bail!("{name} ends {deadline:?}"),
        }
        Ok(())
    }

    /// Whether some should have ended, and may any moment.
    fn check_leases(&self, books: &mut Books) -> Result<bool> {
        let mut is_due = false;
        for (length, leases) in (0..).zip(&mut books.leases) {
            let mut ends = self.ends.clone();
            ends.retain(|key, _| key.starts_with(&format!("l{length}-")));
            is_due |= !leases.check(&ends, self.now).map_err(|wrong| anyhow!(wrong))?.is_empty();
        }
        Ok(is_due)
    }
}
