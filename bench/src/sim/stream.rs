//! One end of a connection, as hyper reads and writes it.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    lane::Segment,
    network::{DOWN, Net, UP},
};

/// Whose end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

/// One end of a connection.
pub(super) struct SimStream {
    net: Net,
    wire: usize,
    side: Side,
    is_shut: bool,
}

impl SimStream {
    pub(super) fn new(net: Net, wire: usize, side: Side) -> Self {
        Self { net, wire, side, is_shut: false }
    }

    fn incoming(&self) -> usize {
        if self.side == Side::Client { DOWN } else { UP }
    }

    fn outgoing(&self) -> usize {
        1 - self.incoming()
    }

    fn end(&self, segment: Segment) {
        let mut inner = self.net.lock();
        self.net.send(&mut inner, (self.wire, self.outgoing()), segment);
    }
}

impl AsyncRead for SimStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.net.lock();
        inner.wires[self.wire].lanes[self.incoming()].poll_read(cx, buf)
    }
}

impl AsyncWrite for SimStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let way = self.outgoing();
        let mut inner = self.net.lock();
        let lane = &mut inner.wires[self.wire].lanes[way];
        let room = ready!(lane.poll_room(cx))?;
        let bytes = &buf[..room.min(buf.len())];
        lane.wrote(bytes);
        self.net.send(&mut inner, (self.wire, way), Segment::Bytes(bytes.to_vec()));
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !std::mem::replace(&mut self.is_shut, true) {
            self.end(Segment::Half);
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        self.end(Segment::Gone);
    }
}
