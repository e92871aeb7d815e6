//! Somebody who does not speak the protocol: noise, half a handshake, frames that nobody expects, requests that are no messages.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::watch,
    time::timeout,
};

use super::{dial::Dialer, dice::Dice, network::Net, stream::SimStream, timeline::Phase};

/// What HTTP/2 begins with, and settings without any in them.
const GREETING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

const DELTA: &[u8] = b"/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";

/// What it does with a connection.
#[derive(Clone, Copy, Debug)]
enum Mischief {
    /// Says nothing.
    Silence,
    /// Bytes of any sort.
    Noise,
    /// A part of what HTTP/2 begins with.
    HalfGreeting,
    /// Frames of any type, on any stream.
    Frames,
    /// A discovery stream of messages that are none.
    Requests,
}

const ALL: [Mischief; 5] =
    [Mischief::Silence, Mischief::Noise, Mischief::HalfGreeting, Mischief::Frames, Mischief::Requests];

/// A vandal.
pub(super) struct Vandal {
    pub(super) server: SocketAddr,
    pub(super) dialer: Dialer,
    pub(super) net: Net,
    pub(super) seed: u64,
    /// It goes, once this is so.
    pub(super) quiet: watch::Receiver<bool>,
}

impl Vandal {
    /// Comes, breaks what it can, and comes again.
    pub(super) async fn run(self) {
        let mut dice = Dice::of(self.seed, &format!("{}/vandal", self.dialer.name));
        let mut quiet = self.quiet.clone();
        while !*quiet.borrow_and_update() {
            let pause = dice.millis(200, 4_000);
            self.net.timeline.pause(Phase::Actors, pause).await;
            let Ok(stream) = self.net.dial(self.dialer.clone(), self.server).await else { continue };
            let mischief = *dice.pick(&ALL);
            self.net.journal.note("mischief", || format!("{}: {mischief:?}", self.dialer.name));
            let stays = dice.millis(100, 15_000);
            // What becomes of it is the server's affair.
            drop(timeout(stays, act(stream, bytes_of(mischief, &mut dice))).await);
        }
    }
}

/// Says all of it, and listens until the other side has had enough.
async fn act(mut stream: SimStream, bytes: Vec<u8>) {
    let mut heard = [0; 4096];
    if stream.write_all(&bytes).await.is_ok() {
        while stream.read(&mut heard).await.is_ok_and(|len| len > 0) {}
    }
    // Whoever hangs up at once would let nobody notice that it says nothing.
    tokio::time::sleep(Duration::from_secs(60)).await;
}

fn bytes_of(mischief: Mischief, dice: &mut Dice) -> Vec<u8> {
    match mischief {
        Mischief::Silence => Vec::new(),
        Mischief::Noise => noise(1, 3_000, dice),
        Mischief::HalfGreeting => GREETING[..dice.index(GREETING.len())].to_vec(),
        Mischief::Frames => {
            let mut bytes = GREETING.to_vec();
            for _ in 0..dice.below(1, 12) {
                let (kind, flags, stream) = (dice.below(0, 11), dice.below(0, 256), 2 * dice.below(0, 4) + 1);
                let payload = noise(0, 60, dice);
                bytes.extend(frame([kind, flags, stream], &payload));
            }
            bytes
        }
        Mischief::Requests => {
            let mut bytes = GREETING.to_vec();
            bytes.extend(frame([1, 4, 1], &head()));
            for _ in 0..dice.below(1, 6) {
                let message = noise(0, 400, dice);
                let len = if dice.percent(70) { message.len() as u64 } else { dice.below(0, 1 << 32) };
                let mut body = vec![u8::from(dice.percent(10))];
                body.extend(u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes());
                body.extend(message);
                bytes.extend(frame([0, 0, 1], &body));
            }
            bytes
        }
    }
}

fn noise(low: u64, high: u64, dice: &mut Dice) -> Vec<u8> {
    (0..dice.below(low, high)).map(|_| byte(dice.below(0, 256))).collect()
}

fn byte(number: u64) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

/// One frame of HTTP/2 (RFC 9113, section 4.1): type, flags and stream.
fn frame([kind, flags, stream]: [u64; 3], payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap_or(0).to_be_bytes();
    let mut bytes = vec![len[1], len[2], len[3], byte(kind), byte(flags), 0, 0, 0, byte(stream)];
    bytes.extend(payload);
    bytes
}

/// The headers of a discovery stream, as HPACK writes them without its tables (RFC 7541, section 6).
fn head() -> Vec<u8> {
    let literal = |index: &[u8], value: &[u8]| [index, &[byte(value.len() as u64)], value].concat();
    // POST and http are entries 3 and 6 of the static table; :path is 4, :authority 1, content-type 31.
    let mut bytes = vec![0x83, 0x86];
    bytes.extend(literal(&[0x04], DELTA));
    bytes.extend(literal(&[0x01], b"simulated"));
    bytes.extend(literal(&[0x0f, 0x10], b"application/grpc"));
    bytes.extend(literal(b"\x00\x02te", b"trailers"));
    bytes
}
