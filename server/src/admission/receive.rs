//! The body of a request, charged for what has come of a message while it is not whole: many clients with large requests
//! that they never finish would fill the memory before anybody has looked at one of them.

use std::{
    future::Future as _,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use mainsheet_api::limits::{REQUEST_BYTES_FREE, REQUEST_DEADLINE};
use tokio::time::{Sleep, sleep};
use tonic::Status;

use super::{
    budget::Share,
    client::{Client, Kept},
    framing::Framing,
    limit::Limit,
    lock,
};

/// A request body.
#[derive(Debug)]
pub(crate) struct Receive<B> {
    body: B,
    framing: Framing,
    charge: Arc<Charge>,
    /// Whether a message that is whole costs nothing any more: whoever asks for what follows has taken it over.
    frees_whole: bool,
    /// How long a message that is charged may be under way.
    patience: Duration,
    /// Until when that is.
    deadline: Option<Pin<Box<Sleep>>>,
}

/// What a request body is charged, until it is dropped.
#[derive(Debug)]
pub(crate) struct Charge(Mutex<Charged>);

#[derive(Debug)]
struct Charged {
    /// Of all requests.
    all: Share,
    /// Of its client.
    own: Kept,
}

impl Charge {
    fn set(&self, bytes: usize) -> Result<(), Status> {
        let bytes = if bytes <= REQUEST_BYTES_FREE { 0 } else { bytes };
        let Charged { all, own } = &mut *lock(&self.0);
        let max = own.client().admission.limits().requests_bytes_max;
        if let Err(sum) = all.set(bytes, max) {
            let text = format!("{sum} bytes of requests under way: at most {max} are taken at the same time");
            return Err(own.client().refuse(Limit::RequestsBytes, text));
        }
        own.set(bytes)
    }
}

impl<B> Receive<B> {
    /// Messages of it are taken over one by one, as they come.
    pub(crate) fn stream(body: B, client: &Client) -> Self {
        let charged = Charged { all: client.admission.0.requests.share(), own: client.keeps() };
        let charge = Arc::new(Charge(Mutex::new(charged)));
        let (framing, patience) = (Framing::default(), REQUEST_DEADLINE);
        Self { body, framing, charge, frees_whole: true, patience, deadline: None }
    }

    /// The last message of it is kept for as long as the charge is.
    pub(crate) fn until_answered(body: B, client: &Client) -> (Self, Arc<Charge>) {
        let receive = Self { frees_whole: false, ..Self::stream(body, client) };
        let charge = Arc::clone(&receive.charge);
        (receive, charge)
    }

    fn on_data(&mut self, data: &[u8]) -> Result<(), Status> {
        self.framing.advance(data);
        let is_large = self.framing.bytes() > REQUEST_BYTES_FREE;
        if self.framing.is_whole() || !is_large {
            self.deadline = None;
        } else {
            self.deadline.get_or_insert_with(|| Box::pin(sleep(self.patience)));
        }
        self.charge.set(self.framing.bytes())
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<Status> {
        let Some(deadline) = &mut self.deadline else { return Poll::Pending };
        ready!(deadline.as_mut().poll(cx));
        self.deadline = None;
        let (came, patience) = (self.framing.bytes(), self.patience);
        let text = format!("a request of which {came} bytes came was not whole within {patience:?}");
        Poll::Ready(Status::deadline_exceeded(text))
    }
}

impl<B> Body for Receive<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        if this.frees_whole && this.framing.is_whole() {
            // Giving back never fails.
            let _ = this.charge.set(0);
        }
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) else {
            return this.poll_deadline(cx).map(|status| Some(Err(status)));
        };
        let frame = frame.map(|frame| frame.map_err(|error| Status::from_error(error.into())));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
            && let Err(status) = this.on_data(data)
        {
            return Poll::Ready(Some(Err(status)));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::{StreamExt as _, stream};
    use http_body_util::{BodyExt as _, StreamBody};
    use tonic::Code;

    use super::*;
    use crate::{
        admission::{Admission, Limits},
        clock::SystemClock,
        metrics::Metrics,
        surroundings::Randomness,
    };

    const LARGE: usize = 100_000;

    fn client(requests_bytes_max: usize) -> Client {
        let (clock, randomness) = (Arc::new(SystemClock::new()), Randomness::of_seed(1));
        let limits = Limits { requests_bytes_max, ..Limits::default() };
        let admission = Admission::new(limits, clock, randomness, &Metrics::new());
        Client::new(admission, ([192, 0, 2, 1], 1).into())
    }

    fn under_way(client: &Client) -> usize {
        client.admission.0.requests.taken()
    }

    /// The head of a message of so many bytes, then these; nothing more comes.
    fn body(len: usize, pieces: &[usize]) -> impl Body<Data = Bytes, Error = Infallible> + Unpin {
        let head = [&[0][..], &u32::try_from(len).unwrap().to_be_bytes()].concat();
        let rest = pieces.iter().map(|len| vec![0; *len]);
        let frames: Vec<_> =
            [head].into_iter().chain(rest).map(|data| Ok(Frame::data(data.into()))).collect();
        StreamBody::new(stream::iter(frames).chain(stream::pending()))
    }

    async fn take<B>(receive: &mut Receive<B>, frames: usize) -> Result<(), Status>
    where
        B: Body<Data = Bytes, Error = Infallible> + Unpin,
    {
        for _ in 0..frames {
            receive.frame().await.unwrap()?;
        }
        Ok(())
    }

    #[tokio::test]
    async fn what_came_of_a_large_request_is_charged_until_it_is_taken_over() {
        let client = client(usize::MAX);
        let mut receive = Receive::stream(body(LARGE, &[LARGE / 2, LARGE / 2, 3]), &client);
        take(&mut receive, 2).await.unwrap();
        assert_eq!(under_way(&client), LARGE / 2 + 5);
        take(&mut receive, 1).await.unwrap();
        assert_eq!((under_way(&client), client.admission.kept_bytes()), (LARGE + 5, LARGE + 5));
        // Whoever asks for more has it.
        take(&mut receive, 1).await.unwrap();
        assert_eq!((under_way(&client), client.admission.kept_bytes()), (0, 0));
    }

    #[tokio::test]
    async fn request_that_is_answered_later_is_charged_until_then() {
        let client = client(usize::MAX);
        let (mut receive, charge) = Receive::until_answered(body(LARGE, &[LARGE]), &client);
        take(&mut receive, 2).await.unwrap();
        drop(receive);
        assert_eq!(under_way(&client), LARGE + 5);
        drop(charge);
        assert_eq!(under_way(&client), 0);
    }

    #[tokio::test]
    async fn small_requests_go_on_when_there_is_no_room() {
        let client = client(1);
        let mut small = Receive::stream(body(1_000, &[1_000]), &client);
        take(&mut small, 2).await.unwrap();
        let mut large = Receive::stream(body(LARGE, &[LARGE]), &client);
        let status = take(&mut large, 2).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert!(status.message().contains("at most 1 are taken"), "{status}");
    }

    #[tokio::test]
    async fn large_request_that_stands_still_is_given_up() {
        let client = client(usize::MAX);
        let mut receive = Receive::stream(body(LARGE, &[LARGE / 2]), &client);
        receive.patience = Duration::from_millis(1);
        let status = take(&mut receive, 3).await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded);
        assert!(status.message().contains("50005 bytes came"), "{status}");
        let mut small = Receive::stream(body(LARGE, &[1_000]), &client);
        small.patience = Duration::from_millis(1);
        take(&mut small, 2).await.unwrap();
        let waits = tokio::time::timeout(Duration::from_millis(50), small.frame()).await;
        assert!(waits.is_err(), "what is small may take its time");
    }
}
