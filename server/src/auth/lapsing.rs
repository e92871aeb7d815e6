//! An answer that ends with the credential of whoever asked.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body::{Body, Frame};
use tonic::Status;

/// A body of gRPC that goes on until it ends, or until its caller would not be let in any more.
pub(crate) struct Lapsing<B> {
    body: B,
    /// None once it is over.
    lapse: Option<BoxFuture<'static, Status>>,
}

impl<B> Lapsing<B> {
    pub(crate) fn new(body: B, lapse: BoxFuture<'static, Status>) -> Self {
        Self { body, lapse: Some(lapse) }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Lapsing<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        let Some(lapse) = &mut this.lapse else { return Poll::Ready(None) };
        if let Poll::Ready(status) = lapse.as_mut().poll(cx) {
            this.lapse = None;
            let mut trailers = http::HeaderMap::new();
            // Our own texts are texts for headers.
            let _ = status.add_header(&mut trailers);
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        Pin::new(&mut this.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.lapse.is_none() || self.body.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use http_body_util::{BodyExt as _, Full};

    use super::*;

    #[tokio::test]
    async fn answer_ends_with_the_credential_and_the_reason() {
        let body = |lapse| Lapsing::new(Full::new(Bytes::from_static(b"more")), lapse);
        let whole = body(Box::pin(pending())).collect().await.unwrap();
        assert_eq!(whole.to_bytes(), "more");
        let mut over = body(Box::pin(ready(Status::unauthenticated("it has expired"))));
        let trailers = over.frame().await.unwrap().unwrap().into_trailers().unwrap();
        assert_eq!(
            (&trailers["grpc-status"], &trailers["grpc-message"]),
            (&"16".parse().unwrap(), &"it%20has%20expired".parse().unwrap())
        );
        assert!(over.frame().await.is_none());
    }
}
