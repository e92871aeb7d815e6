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
    reader::{Reader, ending},
    relay::Relay,
    requests::Requests,
    seeing::Seeing,
    services::Opening,
};
use crate::{
    admission::{Client, StreamPlace},
    auth::Caller,
    chain::CHAIN,
    listen::Connection,
    sinks::{Moment, Peer},
};

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

/// The discovery services: the aggregated one, and those of a single type, which are the same with less to say.
pub(super) struct Ads<C> {
    links: Links<C>,
    options: watch::Receiver<StreamOptions>,
    tasks: TaskTracker,
}

impl<C: Catalog + Send + Sync + 'static> Ads<C> {
    pub(super) fn new(links: Links<C>, options: watch::Receiver<StreamOptions>, tasks: TaskTracker) -> Self {
        Self { links, options, tasks }
    }

    /// Answers the opening of a stream: with the stream, or with the reason why not.
    pub(super) fn open(
        &self,
        opening: Opening,
        request: Request<Incoming>,
        (on, client, caller): (&Connection, &Client, Caller),
    ) -> Response<Body> {
        let relay = Relay::of(request.headers(), &self.links.chain);
        let told = relay.as_ref().map(Relay::told);
        let mut response = match self.admit(request.headers(), relay.as_ref(), on) {
            Ok(place) => {
                let requests = Requests::new(opening.variant, request.into_body(), client);
                self.start(opening, (requests, relay), (on, caller), place)
            }
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

    fn admit(
        &self,
        headers: &HeaderMap,
        relay: Option<&Relay>,
        on: &Connection,
    ) -> Result<StreamPlace, Status> {
        if on.stopping.is_cancelled() || on.draining.is_cancelled() {
            return Err(ending(on));
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
        self.links.admission.open(on.peer).map_err(|refusal| refusal.status())
    }

    fn start(
        &self,
        opening: Opening,
        (requests, relay): (Requests<Incoming>, Option<Relay>),
        (on, caller): (&Connection, Caller),
        place: StreamPlace,
    ) -> Response<Body> {
        let Opening { variant, only } = opening;
        let Links { newest, sinks, clock, inspector, grants, authenticator, .. } = self.links.clone();
        // Both receivers have seen the catalog that the session begins with, so that only newer ones are news.
        let mut for_body = newest;
        let catalog = for_body.borrow_and_update().clone();
        let for_reader = for_body.clone();
        let StreamOptions {
            identity,
            policy,
            views,
            first_request_deadline,
            write_deadline,
            over_rate_max,
            ..
        } = self.options.borrow().clone();
        let session = ServerSession::new(variant, identity, catalog, View::nothing()).with_policy(policy);
        let seeing = Seeing::new(grants.of(&caller.identity), views, relay.is_some());
        let inspection = Inspection::new(inspector, caller.clone());
        let sink = sinks.open(Peer { caller: caller.clone(), variant }, Moment::of(&*clock));
        let client = requests.client().clone();
        let exchange = Arc::new(Exchange::new(session, sink, client.keeps()));
        let reader = Reader {
            exchange: Arc::clone(&exchange),
            newest: for_reader,
            connection: on.clone(),
            client,
            caller,
            authenticator,
            only,
            relay,
            inspection,
            is_known: false,
            seeing,
            clock: Arc::clone(&clock),
            first_request_deadline,
            write_deadline: write_deadline.max(Duration::from_millis(1)),
            over_rate_max,
        };
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
