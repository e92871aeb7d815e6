//! A connection whose client has to read: what it leaves unread is kept in memory, and it has a place that others may want.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};
use tracing::warn;

/// A stream on which writing fails once the other end has read next to nothing for too long.
pub(crate) struct WriteDeadline<S> {
    stream: S,
    deadline: Duration,
    peer: SocketAddr,
    blocked: Option<Blocked>,
    bytes_min: usize,
}

/// Since the stream last took nothing.
struct Blocked {
    until: Pin<Box<Sleep>>,
    written: usize,
}

impl<S> WriteDeadline<S> {
    /// `bytes_min`: what has to be written within the deadline, once the stream takes nothing.
    pub(crate) fn new(stream: S, deadline: Duration, peer: SocketAddr, bytes_min: usize) -> Self {
        Self { stream, deadline, peer, blocked: None, bytes_min }
    }

    /// What was written, or the failure of a stream that has taken too little.
    fn within(&mut self, written: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = written {
            if let (Some(blocked), Ok(len)) = (&mut self.blocked, &written) {
                blocked.written += len;
                self.blocked.take_if(|blocked| blocked.written >= self.bytes_min);
            }
            return Poll::Ready(written);
        }
        let deadline = self.deadline;
        let fresh = || Blocked { until: Box::pin(sleep(deadline)), written: 0 };
        ready!(self.blocked.get_or_insert_with(fresh).until.as_mut().poll(cx));
        warn!(peer = %self.peer, ?deadline, "closing: the client does not read");
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteDeadline<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteDeadline<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.within(written, cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.within(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Nothing is left to write: the next response has a deadline of its own.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = ready!(Pin::new(&mut this.stream).poll_flush(cx));
        this.blocked = None;
        Poll::Ready(flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    fn slow(deadline: Duration) -> (WriteDeadline<DuplexStream>, DuplexStream) {
        let (ours, theirs) = duplex(1);
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        (WriteDeadline::new(ours, deadline, peer, 1_000_000), theirs)
    }

    #[tokio::test]
    async fn who_reads_nothing_is_given_up() {
        let (mut ours, _theirs) = slow(Duration::from_millis(1));
        let error = ours.write_all(b"a page").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn who_reads_a_byte_now_and_then_is_given_up() {
        let (mut ours, mut theirs) = slow(Duration::from_millis(20));
        let page = vec![b'x'; 900_000];
        let mut one = [0];
        let error = tokio::select! {
            biased;
            written = ours.write_all(&page) => written.unwrap_err(),
            () = async { while theirs.read_exact(&mut one).await.is_ok() {} } => unreachable!("it goes on reading"),
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn who_reads_is_written_to_and_each_response_has_a_time_of_its_own() {
        let (mut ours, mut theirs) = slow(Duration::from_secs(600));
        let mut read = Vec::new();
        let written = async {
            for _ in 0..3 {
                ours.write_all(b"a page").await.unwrap();
                ours.flush().await.unwrap();
                assert!(ours.blocked.is_none());
            }
            drop(ours);
        };
        tokio::join!(written, async { theirs.read_to_end(&mut read).await.unwrap() });
        assert_eq!(read, b"a pagea pagea page");
    }
}
