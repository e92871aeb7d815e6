//! A server that is stopped by the system for a while (SIGSTOP), as when its machine is suspended: time passes, and it
//! does not know.

use std::{
    collections::BTreeMap,
    fmt, fs,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, anyhow, ensure};
use futures_util::future::join_all;
use rustix::process::{Pid, Signal, kill_process};

use super::{
    api::{Api, NotMade, route},
    house::Served,
    lease::Leases,
    ledger::Ledger,
    life::{Life, PATIENCE},
    sink::{Held, Sink},
};
use crate::process::{calendar, now, stays, wait_for};

/// How it is done.
#[derive(Clone, Copy, Debug)]
pub struct Stop {
    /// How long the server is stopped.
    pub pause: Duration,
    /// Delta clients that are connected meanwhile, with keepalives of their own.
    pub clients: usize,
}

/// What was seen.
#[derive(Clone, Copy, Debug)]
pub struct Stopped {
    /// How long.
    pub pause: Duration,
    /// From then until all clients hold what is served.
    pub converged: Duration,
    /// Streams that clients had to open anew.
    pub reopened: usize,
}

/// How long everything must stay as it is once it is well again.
const QUIET: Duration = Duration::from_secs(3);

/// Before a client tries again to connect.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

impl Stop {
    /// Does it below a directory.
    ///
    /// # Errors
    /// Where something was lost, ended too early or too late, or does not come to rest.
    pub async fn run(self, program: &Path, dir: &Path) -> Result<Stopped> {
        fs::create_dir_all(dir.join("mesh"))?;
        fs::write(dir.join("mesh/f0.yaml"), route("f0", 1))?;
        let mut life = Life::begin(program, dir)?;
        life.ready().await?;
        let port = life.grpc_port()?;
        let clients: Vec<Client> = (0..self.clients).map(|_| Client::default()).collect();
        let site = Site { life: Mutex::new(life), port, clients: &clients };
        tokio::select! {
            biased;
            stopped = self.stop(&site) => stopped,
            _ = join_all(clients.iter().map(|client| client.stay(port))) => Err(anyhow!("clients do not end")),
        }
    }

    async fn stop(self, site: &Site<'_>) -> Result<Stopped> {
        let mut api = Api::connect(site.port).await?;
        let mut ledger = Ledger::default();
        // One ends while the server is stopped, one later.
        let mut leases =
            [self.pause / 2, self.pause * 10].map(|ttl| Leases::new(ttl.max(Duration::from_secs(1))));
        write(&mut api, &mut ledger, "w-before", 2).await?;
        for (length, leases) in leases.iter_mut().enumerate() {
            begin(&mut api, leases, &format!("l{length}")).await?;
        }
        site.converged(&mut api).await.context("before")?;
        let opened = site.opened();

        site.signal(Signal::STOP)?;
        tokio::time::sleep(self.pause).await;
        site.signal(Signal::CONT)?;
        let start = now();
        write(&mut api, &mut ledger, "w-after", 3).await.context("write once it goes on")?;
        let looked = wait_for("what ended meanwhile to be removed", PATIENCE, async || {
            let served = Served::of(&api.list().await?)?;
            let overdue = check_leases(&mut leases, &served)?;
            Ok(overdue.is_empty().then_some(served))
        });
        let (served, _) = looked.await?;
        ensure!(served.ends.keys().eq(["l1"]), "leases of {:?} are there", served.ends);
        ledger.check(&served.written, api.revision().await?).map_err(|wrong| anyhow!(wrong))?;
        site.converged(&mut api).await.context("once it goes on")?;
        let converged = start.elapsed();
        let reopened = site.opened() - opened;
        let at_rest = site.opened();
        stays("clients to stay connected", QUIET, async || Ok(site.opened() == at_rest)).await?;
        Ok(Stopped { pause: self.pause, converged, reopened })
    }
}

async fn write(api: &mut Api, ledger: &mut Ledger, key: &str, number: u64) -> Result<()> {
    let keys = [key.to_owned()];
    ledger.begin(&keys, Some(number));
    let revision = api.apply(&keys, number, None).await.map_err(NotMade::why)?;
    ledger.acknowledge(&keys, revision).map_err(|wrong| anyhow!(wrong))
}

async fn begin(api: &mut Api, leases: &mut Leases, key: &str) -> Result<()> {
    leases.begin(key, calendar());
    api.apply(&[key.to_owned()], 0, Some(leases.ttl)).await.map_err(NotMade::why)?;
    leases.acknowledge(key, calendar());
    Ok(())
}

/// Those that should have ended.
fn check_leases(leases: &mut [Leases; 2], served: &Served) -> Result<Vec<String>> {
    let mut overdue = Vec::new();
    for (length, leases) in leases.iter_mut().enumerate() {
        let mut ends: BTreeMap<_, _> = served.ends.clone();
        ends.retain(|key, _| *key == format!("l{length}"));
        overdue.extend(leases.check(&ends, served.now).map_err(|wrong| anyhow!(wrong))?);
    }
    Ok(overdue)
}

/// The server, and who is connected.
struct Site<'a> {
    life: Mutex<Life>,
    port: u16,
    clients: &'a [Client],
}

impl Site<'_> {
    fn signal(&self, signal: Signal) -> Result<()> {
        let mut life = self.life.lock().unwrap_or_else(PoisonError::into_inner);
        life.expect_alive()?;
        let pid = Pid::from_raw(life.pid().cast_signed()).context("a process has a number")?;
        Ok(kill_process(pid, signal)?)
    }

    /// Streams that were opened.
    fn opened(&self) -> usize {
        self.clients.iter().map(|client| client.opened.load(Ordering::SeqCst)).sum()
    }

    /// Waits until each client holds what is served.
    async fn converged(&self, api: &mut Api) -> Result<()> {
        wait_for("the clients to hold what is served", PATIENCE, async || {
            let served = Served::of(&api.list().await?)?.versions;
            Ok(self.clients.iter().all(|client| client.held() == served).then_some(()))
        })
        .await?;
        Ok(())
    }
}

/// A client that stays connected.
#[derive(Default)]
struct Client {
    held: Mutex<Held>,
    opened: AtomicUsize,
}

impl Client {
    fn held(&self) -> Held {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn stay(&self, port: u16) {
        loop {
            if let Ok(mut sink) = Sink::connect(port, self.held()).await {
                self.opened.fetch_add(1, Ordering::SeqCst);
                while sink.take().await.is_ok() {
                    self.held.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&sink.held);
                }
            }
            tokio::time::sleep(RETRY_INTERVAL).await;
        }
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pause, converged, reopened } = self;
        let (stopped, ms) = (pause.as_secs(), converged.as_millis());
        write!(
            f,
            "stopped for {stopped} s, everything as it should be {ms} ms later, {reopened} streams opened anew, lost 0"
        )
    }
}
