//! Reads of a large server: one resource by the command line, and lists page by page.
//!
//! Memory is what the kernel counts: the peak of either process while all pages are read, less what it had before.

use std::{fmt, fmt::Write as _, path::Path, process::Command, time::Duration};

use anyhow::{Result, ensure};
use mainsheet_api::generated::mainsheet::v1 as pb;
use mainsheet_bench::{
    api::Api,
    mainsheet::Mainsheet,
    process::{now, wait_for},
    usage,
};
use tonic::transport::{Channel, Endpoint};

use crate::{
    Measured, Timed,
    client::{Client, Held},
};

/// In ten namespaces of 10,000 each, one file a thousand.
const RESOURCES: usize = 100_000;
const NAMESPACES: usize = 10;
const IN_FILE: usize = 1000;
const STREAMS: usize = 10_000;
const STREAMS_PER_CONNECTION: usize = 100;
const RUNS: usize = 11;

/// What either side may take for a list beside what it has anyway: a few pages, and what allocators keep of them.
const MEMORY_BAR: u64 = 32 << 20;

const SERVICE_ENTRY: &str = "networking.istio.io/v1/ServiceEntry";

/// What was measured.
pub(crate) struct Reads {
    /// Of one resource, by the command line, as a whole process.
    gets: Timed,
    resources: Paged,
    streams: Paged,
}

/// A list that was read to the end.
struct Paged {
    len: usize,
    pages: usize,
    time: Duration,
    server_growth: u64,
    client_growth: u64,
}

impl Measured for Reads {
    fn is_met(&self) -> bool {
        let is_small = |list: &Paged| list.server_growth.max(list.client_growth) < MEMORY_BAR;
        self.gets.is_met() && is_small(&self.resources) && is_small(&self.streams)
    }
}

impl fmt::Display for Reads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.gets)?;
        writeln!(f, "{:28} {}", "list of 10,000 resources", self.resources)?;
        write!(f, "{:28} {}", "list of 10,000 streams", self.streams)
    }
}

impl fmt::Display for Paged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pages, time, server_growth, client_growth, .. } = self;
        let mib = |bytes: u64| bytes >> 20;
        let (server, client, bar) = (mib(*server_growth), mib(*client_growth), mib(MEMORY_BAR));
        write!(
            f,
            "server +{server} MiB, client +{client} MiB  bar {bar} MiB  ({pages} pages in {} ms)",
            time.as_millis()
        )
    }
}

/// Starts a server with all of it, and reads.
pub(crate) async fn measure(program: &Path, dir: &Path) -> Result<Reads> {
    let mut server = Mainsheet::prepare(program, dir)?;
    for file in 0..RESOURCES / IN_FILE {
        server.write(&format!("{file}.yaml"), &routes(file * IN_FILE..(file + 1) * IN_FILE))?;
    }
    server.start()?;
    server.wait_ready().await?;
    let gets = (0..RUNS).map(|run| time_get(program, &server, run * 7919)).collect::<Result<_>>()?;
    let gets = Timed::new("get of one among 100,000", gets, Duration::from_millis(20));
    let resources = list_resources(&server).await?;
    let streams = list_streams(&server).await?;
    server.kill();
    Ok(Reads { gets, resources, streams })
}

fn routes(numbers: std::ops::Range<usize>) -> String {
    numbers.fold(String::new(), |mut text, number| {
        let _ = writeln!(
            text,
            "---\n{{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {{name: route-{number}, namespace: \
             ns-{}}}, spec: {{hosts: [route-{number}.example.com], http: [{{route: [{{destination: {{host: \
             backend-{number}.example.com}}}}]}}]}}}}",
            number % NAMESPACES
        );
        text
    })
}

fn time_get(program: &Path, server: &Mainsheet, number: usize) -> Result<Duration> {
    let (name, namespace) = (format!("route-{number}"), format!("ns-{}", number % NAMESPACES));
    let start = now();
    let ended = Command::new(program)
        .args(["get", "vs", &name, "-n", &namespace, "--server", &format!("127.0.0.1:{}", server.grpc_port)])
        .output()?;
    let time = start.elapsed();
    let shown = String::from_utf8_lossy(&ended.stdout);
    ensure!(shown.contains(&name), "get {name}: {shown}{}", String::from_utf8_lossy(&ended.stderr));
    Ok(time)
}

/// 10,000 of them.
async fn list_resources(server: &Mainsheet) -> Result<Paged> {
    let selection = pb::Selection { namespaces: vec!["ns-7".to_owned()], ..Default::default() };
    let request = pb::ListRequest { selection: Some(selection), ..Default::default() };
    let listed = paged(server, async |api: &mut Api, page_token| {
        let request = pb::ListRequest { page_token, ..request.clone() };
        let page: pb::ListResponse = api.ask("List", request).await?;
        Ok((page.resources.len(), page.next_page_token))
    });
    let listed = listed.await?;
    ensure!(listed.len == RESOURCES / NAMESPACES, "{} are listed", listed.len);
    Ok(listed)
}

async fn list_streams(server: &Mainsheet) -> Result<Paged> {
    let mut open = Vec::new();
    for _ in 0..STREAMS / STREAMS_PER_CONNECTION {
        let channel = channel(server.grpc_port).await?;
        for _ in 0..STREAMS_PER_CONNECTION {
            open.push(Client::on(channel.clone(), SERVICE_ENTRY, &Held::new()).await?);
        }
    }
    for client in &mut open {
        client.next().await?;
    }
    let listed = paged(server, async |api: &mut Api, page_token| {
        let request = pb::SinksRequest { page_token, ..Default::default() };
        let page: pb::SinksResponse = api.ask("Sinks", request).await?;
        Ok((page.sinks.len(), page.next_page_token))
    });
    let listed = listed.await?;
    ensure!(listed.len == STREAMS, "{} are listed", listed.len);
    Ok(listed)
}

async fn paged(
    server: &Mainsheet,
    mut page: impl AsyncFnMut(&mut Api, String) -> Result<(usize, String)>,
) -> Result<Paged> {
    let pids = [server.pid()?, std::process::id()];
    let mut api = Api::connect(([127, 0, 0, 1], server.grpc_port).into()).await?;
    let before = pids.map(usage::resident);
    pids.map(usage::forget_peak).into_iter().collect::<Result<Vec<_>>>()?;
    let (mut page_token, mut len, mut pages, start) = (String::new(), 0, 0, now());
    loop {
        let (in_page, next) = page(&mut api, page_token).await?;
        (len, pages, page_token) = (len + in_page, pages + 1, next);
        if page_token.is_empty() {
            break;
        }
    }
    let time = start.elapsed();
    let [server_growth, client_growth] = [0, 1].map(|side| {
        let before = *before[side].as_ref().unwrap_or(&0);
        usage::peak(pids[side]).map(|peak| peak.saturating_sub(before))
    });
    Ok(Paged { len, pages, time, server_growth: server_growth?, client_growth: client_growth? })
}

async fn channel(port: u16) -> Result<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}"))?;
    let connect = async || Ok(endpoint.connect().await.ok());
    Ok(wait_for("a connection", Duration::from_secs(60), connect).await?.0)
}
