//! A relay of TCP connections that reads along: it counts connections and the HTTP/2 pings of the client.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use anyhow::Result;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, copy},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// What every HTTP/2 client says first: `PRI * HTTP/2.0` and so on.
const PREFACE_LEN: u64 = 24;
const FRAME_HEADER_LEN: usize = 9;
const PING: u8 = 6;
const ACK: u8 = 1;

/// A running relay; ends when dropped.
#[derive(Debug)]
pub(crate) struct Tap {
    /// Where it listens on loopback.
    pub(crate) port: u16,
    counts: Arc<Counts>,
    _task: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Counts {
    connections: AtomicUsize,
    pings: AtomicUsize,
}

impl Tap {
    /// Relays to a loopback port.
    pub(crate) async fn start(to: u16) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let counts = Arc::<Counts>::default();
        let mut task = JoinSet::new();
        task.spawn(accept(listener, to, counts.clone()));
        Ok(Self { port, counts, _task: task })
    }

    /// Connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.counts.connections.load(Relaxed)
    }

    /// Pings of clients so far.
    pub(crate) fn pings(&self) -> usize {
        self.counts.pings.load(Relaxed)
    }
}

async fn accept(listener: TcpListener, to: u16, counts: Arc<Counts>) {
    let mut relays = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        counts.connections.fetch_add(1, Relaxed);
        // A relay ends with an error where a side ends; the other side sees that itself.
        relays.spawn(relay(client, to, counts.clone()));
    }
}

async fn relay(client: TcpStream, to: u16, counts: Arc<Counts>) -> Result<()> {
    let server = TcpStream::connect(("127.0.0.1", to)).await?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = count_pings(BufReader::new(&mut from_client), &mut to_server, &counts.pings);
    let down = async { Ok(copy(&mut from_server, &mut to_client).await.map(drop)?) };
    tokio::select! {
        biased;
        ended = up => ended,
        ended = down => ended,
    }
}

async fn count_pings(
    mut from: impl AsyncRead + Unpin,
    to: &mut (impl AsyncWrite + Unpin),
    pings: &AtomicUsize,
) -> Result<()> {
    copy(&mut (&mut from).take(PREFACE_LEN), to).await?;
    let mut header = [0; FRAME_HEADER_LEN];
    loop {
        from.read_exact(&mut header).await?;
        let [high, middle, low, kind, flags, ..] = header;
        if kind == PING && flags & ACK == 0 {
            pings.fetch_add(1, Relaxed);
        }
        to.write_all(&header).await?;
        copy(&mut (&mut from).take(u64::from(u32::from_be_bytes([0, high, middle, low]))), to).await?;
    }
}
