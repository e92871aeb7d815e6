//! One way of a connection: segments under way, bytes that arrived, and how it ends.

use std::{
    collections::VecDeque,
    hash::{DefaultHasher, Hasher},
    io,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::io::ReadBuf;

use super::{check::foreign::Scanner, dice::Dice, network::Line};

/// What is under way.
#[derive(Debug)]
pub(super) enum Segment {
    Bytes(Vec<u8>),
    /// No more comes this way.
    Half,
    /// Whoever sent this is gone: nothing comes this way, and nothing is taken the other way.
    Gone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Open,
    /// After what has arrived.
    Eof,
    Reset,
}

/// One way of a connection.
pub(super) struct Lane {
    line: Line,
    dice: Dice,
    scanner: Option<Scanner>,
    /// When each arrives, and when it was sent.
    flight: VecDeque<(u64, u64, Segment)>,
    lag: u64,
    ready: VecDeque<u8>,
    /// Bytes written and not read.
    unread: usize,
    end: End,
    /// Whoever writes learns that nobody reads.
    is_refused: bool,
    /// Nothing arrives any more, and nobody learns of it.
    is_swallowed: bool,
    last: u64,
    reader: Option<Waker>,
    writer: Option<Waker>,
    hasher: DefaultHasher,
}

impl Lane {
    pub(super) fn new(line: Line, dice: Dice, scanner: Option<Scanner>) -> Self {
        Self {
            line,
            dice,
            scanner,
            flight: VecDeque::new(),
            lag: 0,
            ready: VecDeque::new(),
            unread: 0,
            end: End::Open,
            is_refused: false,
            is_swallowed: false,
            last: 0,
            reader: None,
            writer: None,
            hasher: DefaultHasher::new(),
        }
    }

    /// Puts a segment behind those under way. `at`: the moment of the network so much later. Returns when it arrives, and
    /// whether it is the next to do so.
    pub(super) fn put(
        &mut self,
        segment: Segment,
        now: u64,
        at: impl FnOnce(Duration) -> u64,
    ) -> (u64, bool) {
        let len = if let Segment::Bytes(bytes) = &segment { bytes.len() as u64 } else { 0 };
        let delay = self.dice.below(self.line.latency.0, self.line.latency.1) + len / self.line.bytes_per_ms;
        let at = at(Duration::from_millis(delay)).max(self.last);
        self.last = at;
        if self.is_swallowed || self.end == End::Reset {
            return (at, false);
        }
        let is_first = self.flight.is_empty();
        self.flight.push_back((at, now, segment));
        (at, is_first)
    }

    pub(super) fn next_due(&self) -> Option<u64> {
        self.flight.front().map(|(at, ..)| *at)
    }

    /// Takes in what has arrived by now. Returns whether whoever sent it is gone.
    pub(super) fn arrive(&mut self, now: u64) -> bool {
        let mut is_gone = false;
        while self.next_due().is_some_and(|at| at <= now) {
            let Some((_, sent, segment)) = self.flight.pop_front() else { break };
            self.lag = self.lag.max(now - sent);
            match segment {
                Segment::Bytes(bytes) => {
                    self.hasher.write_u64(now);
                    self.hasher.write(&bytes);
                    self.ready.extend(bytes);
                }
                Segment::Half => self.end = End::Eof,
                Segment::Gone => {
                    self.end = End::Eof;
                    is_gone = true;
                }
            }
        }
        self.reader.take().into_iter().for_each(Waker::wake);
        is_gone
    }

    /// Nobody reads any more.
    pub(super) fn refuse(&mut self) {
        self.is_refused = true;
        self.writer.take().into_iter().for_each(Waker::wake);
    }

    pub(super) fn reset(&mut self) {
        self.flight.clear();
        self.ready.clear();
        self.end = End::Reset;
        self.reader.take().into_iter().for_each(Waker::wake);
        self.refuse();
    }

    /// Half of what is under way still arrives, and then the end.
    pub(super) fn truncate(&mut self, now: u64) {
        let keep = self.flight.len() / 2;
        self.flight.truncate(keep + 1);
        if let Some((.., Segment::Bytes(bytes))) = self.flight.back_mut() {
            bytes.truncate(bytes.len() / 2);
        }
        if self.flight.is_empty() {
            self.end = End::Eof;
            self.reader.take().into_iter().for_each(Waker::wake);
        } else {
            let at = self.last.max(now);
            self.flight.push_back((at, now, Segment::Half));
        }
        self.refuse();
    }

    pub(super) fn swallow(&mut self) {
        self.flight.clear();
        self.is_swallowed = true;
    }

    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.ready.is_empty() {
            return match self.end {
                End::Eof => Poll::Ready(Ok(())),
                End::Reset => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                End::Open => {
                    self.reader = Some(cx.waker().clone());
                    Poll::Pending
                }
            };
        }
        let (first, _) = self.ready.as_slices();
        let len = first.len().min(buf.remaining());
        buf.put_slice(&first[..len]);
        self.ready.drain(..len);
        self.unread -= len.min(self.unread);
        self.writer.take().into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(()))
    }

    /// How many bytes may be written now.
    pub(super) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.is_refused {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if self.unread >= self.line.window {
            self.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(self.line.window - self.unread))
    }

    /// So many bytes are written.
    pub(super) fn wrote(&mut self, bytes: &[u8]) {
        self.unread += bytes.len();
        if let Some(scanner) = &mut self.scanner {
            scanner.scan(bytes);
        }
    }

    pub(super) fn lag(&self) -> u64 {
        self.lag
    }

    pub(super) fn digest(&self) -> u64 {
        self.hasher.finish()
    }

    pub(super) fn leak(&self) -> Option<String> {
        self.scanner.as_ref().and_then(Scanner::leak)
    }
}
