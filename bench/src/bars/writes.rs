//! Writing through the API: clients that each apply one resource after the other, each answered once it is durable and
//! published.

use std::{fmt, path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use mainsheet_api::generated::mainsheet::v1::{ApplyRequest, ApplyResponse, Manifest, manifest::Form};
use mainsheet_bench::{mainsheet::Mainsheet, process::now};
use tonic::{
    Request,
    client::Grpc,
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;

use crate::{Measured, ms, virtual_service};

const PATH: &str = "/mainsheet.v1.Mainsheet/Apply";

const CLIENTS: usize = 8;
/// Applies of each client, and before they are measured.
const APPLIES: usize = 1000;
const WARM_UP: usize = 50;

/// Applies in a second, of all clients together.
const RATE_MIN: f64 = 1000.0;
const P99_MAX: Duration = Duration::from_millis(50);

/// How long applies took, of all clients.
pub(crate) struct Writes {
    whole: Duration,
    /// In order.
    each: Vec<Duration>,
}

/// Starts a server without documents, and applies.
pub(crate) async fn measure(program: &Path, dir: &Path) -> Result<Writes> {
    let mut server = Mainsheet::prepare(program, dir)?;
    server.start()?;
    server.wait_ready().await?;
    let port = server.grpc_port;
    try_join_all((0..CLIENTS).map(|of| apply_all(port, of, 0..WARM_UP))).await?;
    let start = now();
    let applies =
        try_join_all((0..CLIENTS).map(|of| apply_all(port, of, WARM_UP..WARM_UP + APPLIES))).await?;
    let whole = start.elapsed();
    let (mut each, mut revisions): (Vec<_>, Vec<_>) = applies.into_iter().flatten().unzip();
    revisions.sort_unstable();
    revisions.dedup();
    ensure!(revisions.len() == CLIENTS * APPLIES, "applies share {} revisions", revisions.len());
    let (served, all) = (server.serves().await?.len(), CLIENTS * (WARM_UP + APPLIES));
    ensure!(served == all, "{served} resources are served, of {all} that were applied");
    server.kill();
    each.sort();
    Ok(Writes { whole, each })
}

/// Applies resources of a client's own, one after the other: how long each took, and its revision.
async fn apply_all(port: u16, of: usize, numbers: std::ops::Range<usize>) -> Result<Vec<(Duration, u64)>> {
    let channel = Endpoint::from_shared(format!("http://127.0.0.1:{port}"))?.connect().await?;
    let mut client = Grpc::new(channel);
    let mut times = Vec::with_capacity(numbers.len());
    for number in numbers {
        let text = virtual_service(of * 1_000_000 + number, "bars");
        let start = now();
        let answer = apply(&mut client, text).await?;
        times.push((start.elapsed(), answer.revision));
    }
    Ok(times)
}

async fn apply(client: &mut Grpc<Channel>, text: String) -> Result<ApplyResponse> {
    client.ready().await.context("connection")?;
    let manifest = Manifest { form: Some(Form::Text(text)), ..Manifest::default() };
    let request = ApplyRequest { manifests: vec![manifest], ..ApplyRequest::default() };
    let codec = ProstCodec::<ApplyRequest, ApplyResponse>::default();
    Ok(client.unary(Request::new(request), PATH.parse()?, codec).await?.into_inner())
}

impl Writes {
    fn rate(&self) -> f64 {
        let applies = u32::try_from(self.each.len()).unwrap_or(u32::MAX);
        f64::from(applies) / self.whole.as_secs_f64()
    }

    fn quantile(&self, percent: usize) -> Duration {
        self.each[(self.each.len() * percent / 100).min(self.each.len() - 1)]
    }
}

impl Measured for Writes {
    fn is_met(&self) -> bool {
        self.rate() >= RATE_MIN && self.quantile(99) < P99_MAX
    }
}

impl fmt::Display for Writes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "applies of {CLIENTS} clients       {:7.0} a second, median {:.1} ms, 99 of 100 within {:.1} ms  bar {RATE_MIN} a second, {} ms",
            self.rate(),
            ms(self.quantile(50)),
            ms(self.quantile(99)),
            P99_MAX.as_millis()
        )
    }
}
