//! Clients, each with a connection of its own.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use anyhow::{Context, Result};
use mainsheet_api::xds::Variant;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::task::JoinSet;

use super::{
    client::{self, Behaviour, Holding, Orders, Told},
    door::Door,
    ledger::Ledger,
    times::Times,
};
use crate::process::wait_for;

/// Open files of this program beside the connections.
const OTHER_FILES: u64 = 100;

/// Clients of one kind.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    /// How many.
    pub len: usize,
    /// What they speak.
    pub variant: Variant,
    /// What they do.
    pub behaviour: Behaviour,
    /// How long each stays at most before it leaves and another one comes; for good, where there is none.
    pub stay_max: Option<Duration>,
}

impl Crowd {
    /// Clients that read as fast as they can, and stay.
    pub fn quick(len: usize, variant: Variant) -> Self {
        Self { len, variant, behaviour: Behaviour::Quick, stay_max: None }
    }
}

/// Clients that run until this is dropped.
#[derive(Debug)]
pub struct Fleet {
    told: Arc<Told>,
    /// Of those that read.
    holdings: Vec<Arc<Holding>>,
    len: usize,
    clients: JoinSet<()>,
}

impl Fleet {
    /// Nobody.
    pub fn new() -> Self {
        Self { told: Arc::default(), holdings: Vec::new(), len: 0, clients: JoinSet::new() }
    }

    /// Lets clients connect, all at once.
    pub fn add(&mut self, server: impl Into<Door>, window: u32, crowd: Crowd) {
        let server = server.into();
        let Crowd { len, variant, behaviour, stay_max } = crowd;
        for _ in 0..len {
            let node = format!("load-{}", self.len);
            let orders = Orders { server: server.clone(), variant, behaviour, window, node, stay_max };
            let holding = Arc::<Holding>::default();
            self.len += 1;
            if behaviour != Behaviour::Mute {
                self.holdings.push(holding.clone());
            }
            self.clients.spawn(client::run(orders, Arc::clone(&self.told), holding));
        }
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.told.ledger
    }

    /// Waits until so many clients have a change.
    pub(super) async fn have(&self, number: usize, len: usize, patience: Duration) -> Result<()> {
        let had = async || Ok((self.told.ledger.had_by(number) >= len).then_some(()));
        let waited = wait_for(&format!("change {number} to be with {len} clients"), patience, had).await;
        waited.map(drop).with_context(|| {
            let had = self.told.ledger.had_by(number);
            format!("{had} have it; {}; ended: {:?}", self.open_text(), self.ends())
        })
    }

    /// Waits until so many connections are open.
    pub async fn are_open(&self, len: usize, patience: Duration) -> Result<()> {
        let open = async || Ok((self.told.open.load(Relaxed) >= len).then_some(()));
        wait_for(&format!("{len} open connections"), patience, open)
            .await
            .map(drop)
            .with_context(|| self.open_text())
    }

    fn open_text(&self) -> String {
        format!("{} connections are open", self.told.open.load(Relaxed))
    }

    /// Waits until everybody who reads holds what was written last, and says how many do not.
    pub async fn settle(&self, patience: Duration) -> usize {
        let newest = self.told.ledger.newest();
        let others = || self.holdings.iter().filter(|holding| holding.get() != Some(newest)).count();
        let settled = async || Ok((others() == 0).then_some(()));
        match wait_for("all to hold what was written last", patience, settled).await {
            Ok(_) => 0,
            Err(_) => others(),
        }
    }

    /// Clients that had what nobody wrote, and what is said of the first of them.
    pub fn wrong(&self) -> (usize, Vec<String>) {
        self.told.ledger.all_wrong()
    }

    /// How long clients took to hold everything, from when the first one connected.
    pub fn first_times(&self) -> Times {
        self.told.ledger.first_times()
    }

    /// Connections that ended before they were answered, and after; each as a reason and how often.
    pub fn ends(&self) -> [Vec<(String, u64)>; 2] {
        [&self.told.refused, &self.told.broken].map(|reasons| reasons.counts().into_iter().collect())
    }

    /// Bytes and responses that all of them took in.
    pub fn received(&self) -> (u64, u64) {
        (self.told.received_bytes.load(Relaxed), self.told.responses.load(Relaxed))
    }
}

impl Default for Fleet {
    fn default() -> Self {
        Self::new()
    }
}

/// Raises this process's limit of open files to what so many clients take, or says what is needed.
pub fn raise_limit_of_open_files(clients: usize) -> Result<()> {
    let needed = clients as u64 + OTHER_FILES;
    let limit = getrlimit(Resource::Nofile);
    let is_enough = |limit: Option<u64>| limit.is_none_or(|limit| limit >= needed);
    if is_enough(limit.current) {
        return Ok(());
    }
    let raised = if is_enough(limit.maximum) { limit.maximum } else { Some(needed) };
    setrlimit(Resource::Nofile, Rlimit { current: raised, maximum: raised }).with_context(|| {
        let hard = limit.maximum.unwrap_or(u64::MAX);
        format!(
            "{clients} clients take {needed} open files, and this process may have {hard}: raise the hard limit \
             (`ulimit -Hn {needed}`, LimitNOFILE=, /etc/security/limits.conf)"
        )
    })
}
