//! Opens discovery streams: who is let in, and the two halves of each.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue, Request, Response, header::CONTENT_TYPE};
use hyper::body::Incoming;
use mainsheet_api::{
    view::View,
    xds::{catalog::Catalog, server::ServerSession},
};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use tonic::{Status, body::Body};

use super::{
    Links, StreamOptions,
    body::StreamBody,
    exchange::Exchange,
    inspect::Inspection,
    reader::{Reader, Requests},
    relay::Relay,
    services::Opening,
};
use crate::{
    chain::CHAIN,
    listen::Connection,
    places::{Place, Places},
    sinks::{Moment, Peer},
};

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

/// The discovery services: the aggregated one, and those of a single type, which are the same with less to say.
pub(super) struct Ads<C> {
    links: Links<C>,
    options: watch::Receiver<StreamOptions>,
    places: Places,
    tasks: TaskTracker,
}

impl<C: Catalog + Send + Sync + 'static> Ads<C> {
    pub(super) fn new(links: Links<C>, options: watch::Receiver<StreamOptions>, tasks: TaskTracker) -> Self {
        Self { links, options, places: Places::default(), tasks }
    }

    /// Answers the opening of a stream: with the stream, or with the reason why not.
    pub(super) fn open(
        &self,
        opening: Opening,
        request: Request<Incoming>,
        on: &Connection,
    ) -> Response<Body> {
        let relay = Relay::of(request.headers(), &self.links.chain);
        let told = relay.as_ref().map(Relay::told);
        let mut response = match self.admit(request.headers(), relay.as_ref(), on) {
            Ok(place) => self.start(opening, (request.into_body(), relay), on, place),
            Err(status) => {
                self.links.metrics.streams_refused.inc();
                status.into_http()
            }
        };
        if let Some(chain) = told {
            response.headers_mut().insert(CHAIN, chain);
        }
        response
    }

    fn admit(&self, headers: &HeaderMap, relay: Option<&Relay>, on: &Connection) -> Result<Place, Status> {
        if on.draining.is_cancelled() {
            return Err(Status::unavailable("the server is stopping"));
        }
        // Before readiness: two servers that follow each other would wait for each other.
        if let Some(refusal) = relay.and_then(Relay::refusal) {
            return Err(refusal);
        }
        let awaited = self.links.readiness.awaited();
        if !awaited.is_empty() {
            // Rule 11: an empty answer now would empty the client.
            return Err(Status::unavailable(format!("not ready: awaiting {}", awaited.join(", "))));
        }
        refuse_compressed(headers)?;
        let max = self.options.borrow().streams_max;
        let full = || Status::unavailable(format!("{max} streams are open, as many as are allowed"));
        self.places.take(max).ok_or_else(full)
    }

    fn start(
        &self,
        opening: Opening,
        (requests, relay): (Incoming, Option<Relay>),
        on: &Connection,
        place: Place,
    ) -> Response<Body> {
        let Opening { variant, only } = opening;
        let Links { newest, sinks, clock, inspector, .. } = self.links.clone();
        // Both receivers have seen the catalog that the session begins with, so that only newer ones are news.
        let mut for_body = newest;
        let catalog = for_body.borrow_and_update().clone();
        let for_reader = for_body.clone();
        let StreamOptions { identity, policy, views, first_request_deadline, write_deadline, .. } =
            self.options.borrow().clone();
        let session = ServerSession::new(variant, identity, catalog, View::nothing()).with_policy(policy);
        let sink = sinks.open(Peer { address: on.peer, variant }, Moment::of(&*clock));
        let exchange = Arc::new(Exchange::new(session, sink));
        let reader = Reader {
            exchange: Arc::clone(&exchange),
            newest: for_reader,
            connection: on.clone(),
            only,
            relay,
            inspection: Inspection::new(inspector, on.peer),
            views,
            clock: Arc::clone(&clock),
            first_request_deadline,
            write_deadline: write_deadline.max(Duration::from_millis(1)),
        };
        let requests = Requests::new(variant, requests);
        self.tasks.spawn(async move {
            reader.run(requests).await;
            drop(place);
        });
        let mut response = Response::new(Body::new(StreamBody::new(exchange, for_body, clock)));
        response.headers_mut().insert(CONTENT_TYPE, GRPC);
        response
    }
}

/// Requests are small; the decoder takes them as they are.
fn refuse_compressed(headers: &HeaderMap) -> Result<(), Status> {
    match headers.get("grpc-encoding") {
        Some(encoding) if encoding != "identity" => {
            let mut status = Status::unimplemented("compressed requests are not taken; use `identity`");
            status
                .metadata_mut()
                .insert("grpc-accept-encoding", tonic::metadata::MetadataValue::from_static("identity"));
            Err(status)
        }
        _ => Ok(()),
    }
}
