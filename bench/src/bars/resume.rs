//! A restart as connected clients see it. Each comes back with what it holds; as nothing changed, nothing is sent again.

use std::{fmt, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use mainsheet_api::wire::DeltaDiscoveryResponse;
use mainsheet_bench::{mainsheet::Mainsheet, process::now};
use prost::Message;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::task::JoinSet;

use crate::{
    Measured, VIRTUAL_SERVICE,
    client::{Client, Held, says},
    file_name, virtual_service, write_files,
};

const CLIENTS: usize = 1_000;
const RESOURCES: usize = 1_000;

/// How long a client waits before it tries again to reach the server.
const RETRY: Duration = Duration::from_millis(100);

/// How long a client may take to be answered before the measurement counts as failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the clients were told when they came back.
pub(crate) struct Resumed {
    /// From the start of the server to the last client's answer.
    time: Duration,
    /// In all answers, over all clients.
    resources: usize,
    removed: usize,
    bytes: usize,
}

impl Measured for Resumed {
    fn is_met(&self) -> bool {
        self.resources == 0 && self.removed == 0
    }
}

impl fmt::Display for Resumed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { time, resources, removed, bytes } = self;
        write!(
            f,
            "{:28} {resources} resources sent again, {removed} removed  bar 0  ({CLIENTS} delta clients of {RESOURCES} \
             resources, all answered after {} ms with {bytes} bytes)",
            "restart under clients",
            time.as_millis()
        )
    }
}

/// Connects the clients, ends the server as a crash would, starts it again on its store, and lets all come back.
pub(crate) async fn measure(program: &Path, dir: &Path) -> Result<Resumed> {
    raise_limit_of_open_files()?;
    let mut server = Mainsheet::prepare(program, dir)?;
    write_files(&server, RESOURCES)?;
    server.start()?;
    server.wait_ready().await?;
    let port = server.grpc_port;
    let connected = all_of((0..CLIENTS).map(|_| take_all(port))).await?;
    let held = connected[0].1.clone();
    ensure!(connected.iter().all(|(_, other)| *other == held), "the clients differ in what they hold");
    server.kill();
    drop(connected);

    let (start, held) = (now(), Arc::new(held));
    server.start()?;
    let resumed = all_of((0..CLIENTS).map(|_| resume(port, held.clone()))).await?;
    let time = start.elapsed();
    let sum = |count: fn(&DeltaDiscoveryResponse) -> usize| resumed.iter().map(|(_, it)| count(it)).sum();
    let result = Resumed {
        time,
        resources: sum(|answer| answer.resources.len()),
        removed: sum(|answer| answer.removed_resources.len()),
        bytes: sum(Message::encoded_len),
    };
    // They are connected, and nothing else was on its way to them: the next thing that each is told is a change.
    server.write(&file_name(77), &virtual_service(77, CHANGE))?;
    all_of(resumed.into_iter().map(|(client, _)| expect_one_change(client))).await?;
    server.kill();
    Ok(result)
}

/// What the change after the restart can be told by.
const CHANGE: &str = "after-the-restart";

async fn all_of<T: Send + 'static>(
    futures: impl IntoIterator<Item = impl Future<Output = Result<T>> + Send + 'static>,
) -> Result<Vec<T>> {
    let mut tasks: JoinSet<Result<T>> = futures.into_iter().collect();
    let mut all = Vec::new();
    while let Some(done) = tasks.join_next().await {
        all.push(done??);
    }
    Ok(all)
}

/// A client that was told everything.
async fn take_all(port: u16) -> Result<(Client, Held)> {
    let mut client = Client::connect(VIRTUAL_SERVICE, port, &Held::new()).await?;
    let mut held = Held::new();
    while held.len() < RESOURCES {
        let response = client.next().await?;
        held.extend(response.resources.into_iter().map(|resource| (resource.name, resource.version)));
    }
    Ok((client, held))
}

/// A client that comes back, and what it is told then. It tries until it is let in.
async fn resume(port: u16, held: Arc<Held>) -> Result<(Client, DeltaDiscoveryResponse)> {
    let start = now();
    loop {
        let back = async {
            let mut client = Client::connect(VIRTUAL_SERVICE, port, &held).await?;
            let answer = client.next().await?;
            anyhow::Ok((client, answer))
        };
        match back.await {
            Ok(back) => return Ok(back),
            Err(error) if start.elapsed() > PATIENCE => return Err(error.context("coming back")),
            Err(_) => tokio::time::sleep(RETRY).await,
        }
    }
}

async fn expect_one_change(mut client: Client) -> Result<()> {
    let next =
        tokio::time::timeout(PATIENCE, client.next()).await.context("the change after the restart")??;
    ensure!(next.resources.len() == 1 && says(&next, CHANGE), "sent beside the change: {next:?}");
    Ok(())
}

/// Each client is a connection.
fn raise_limit_of_open_files() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })
        .context("raise the limit of open files")
}
