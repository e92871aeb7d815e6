//! Which service a request is for: discovery is ours, because its responses are made of shared bytes; everything else
//! is ordinary tonic.

use std::{convert::Infallible, future::ready, net::SocketAddr, sync::Arc};

use futures_util::future::BoxFuture;
use http::{Request, Response};
use hyper::body::Incoming;
use mainsheet_api::{wire::DESCRIPTORS, xds::catalog::Catalog};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, body::Body, service::Routes};
use tonic_health::pb::health_server::{Health, HealthServer};
use tower::Service as _;

use super::{
    ads::Ads,
    services::{Method, refuse_fetch},
};
use crate::{
    admission::{Client, Receive},
    audit::{Action, Audit, Event, REQUEST_ID, RequestId, Verdict, Who, code_name},
    auth::{Authenticator, Caller, Lapsing, Login},
    listen::Connection,
};

/// What the paths of the service begin with that writes.
const API: &str = "/mainsheet.v1.";

/// Every gRPC service of the port. Cloning shares it.
pub(super) struct Services<C> {
    ads: Arc<Ads<C>>,
    authenticator: Authenticator,
    others: Routes,
    audit: Audit,
    /// Whether all of `others` answer other machines.
    allow_api_beyond_loopback: bool,
}

impl<C> Clone for Services<C> {
    fn clone(&self) -> Self {
        let (ads, authenticator, others, audit) =
            (Arc::clone(&self.ads), self.authenticator.clone(), self.others.clone(), self.audit.clone());
        Self { ads, authenticator, others, audit, ..*self }
    }
}

impl<C: Catalog + Send + Sync + 'static> Services<C> {
    pub(super) fn new(
        (ads, authenticator): (Arc<Ads<C>>, Authenticator),
        (others, allow_api_beyond_loopback): (Routes, bool),
        audit: Audit,
        health: HealthServer<impl Health>,
    ) -> anyhow::Result<Self> {
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .build_v1()?;
        let others = others.add_service(health).add_service(reflection).prepare();
        Ok(Self { ads, authenticator, others, audit, allow_api_beyond_loopback })
    }

    /// Health and reflection change nothing, and may be asked by anybody.
    fn is_closed_to(&self, path: &str, peer: SocketAddr) -> bool {
        let is_near = peer.ip().to_canonical().is_loopback();
        path.starts_with(API) && !is_near && !self.allow_api_beyond_loopback
    }

    pub(super) fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }

    /// Answers whoever makes a request, once it is known who that is.
    fn answer_whoever(
        &self,
        request: Request<Incoming>,
        (connection, client, caller): (&Connection, &Client, &Caller),
    ) -> Answer {
        let token = match self.authenticator.on_request(caller, request.headers()) {
            Ok(Login::Known(caller)) => return self.answer(request, (connection, client, caller)),
            Ok(Login::Token(token)) => token,
            Err(status) => return Box::pin(ready(Ok(status.into_http()))),
        };
        let (services, connection, client) = (self.clone(), connection.clone(), client.clone());
        Box::pin(async move {
            match services.authenticator.of_token(connection.peer, &token).await {
                Ok(caller) => {
                    let mut answer = services.answer(request, (&connection, &client, caller.clone())).await?;
                    answer.extensions_mut().insert(caller);
                    Ok(answer)
                }
                Err(status) => Ok(status.into_http()),
            }
        })
    }

    /// Whatever no service knows is answered UNIMPLEMENTED by tonic's router (rule 1).
    fn answer(
        &self,
        mut request: Request<Incoming>,
        (connection, client, caller): (&Connection, &Client, Caller),
    ) -> Answer {
        match Method::at(request.uri().path()) {
            Some(Method::Stream(opening)) => {
                Box::pin(ready(Ok(self.ads.open(opening, request, (connection, client, caller)))))
            }
            Some(Method::Fetch(suffix)) => Box::pin(ready(Ok(refuse_fetch(suffix).into_http()))),
            None if self.is_closed_to(request.uri().path(), connection.peer) => {
                Box::pin(ready(Ok(refuse_beyond_loopback().into_http())))
            }
            None => {
                let lapse = self.authenticator.lapse_of_request(&caller);
                request.extensions_mut().insert(caller);
                let (head, body) = request.into_parts();
                let (body, charge) = Receive::until_answered(body, client);
                let answering = self.others.clone().call(Request::from_parts(head, body));
                Box::pin(async move {
                    let answer = answering.await;
                    drop(charge);
                    answer.map(|answer| answer.map(|body| Body::new(Lapsing::new(body, lapse))))
                })
            }
        }
    }
}

/// Who could only read before must not be able to write because there is something to write to.
fn refuse_beyond_loopback() -> Status {
    Status::permission_denied(
        "mainsheet.v1 can change everything, and answers this machine only; the server's setting \
         allow-api-beyond-loopback opens it to whoever can connect",
    )
}

/// Says in each answer what its request was called, and in the audit log who was refused.
struct Refusals {
    audit: Audit,
    path: String,
    request: RequestId,
    caller: Caller,
}

impl Refusals {
    fn told(self, mut answer: Response<Body>) -> Response<Body> {
        answer.headers_mut().insert(REQUEST_ID, self.request.header());
        // Streams that end later tell it themselves.
        let Some(status) = Status::from_header_map(answer.headers()) else { return answer };
        let verdict = match status.code() {
            Code::PermissionDenied => Verdict::Forbidden,
            Code::Unauthenticated => Verdict::Unauthenticated,
            _ => return answer,
        };
        let action = match Method::at(&self.path) {
            Some(_) => Action::Stream,
            None => Action::of_path(&self.path),
        };
        // Whoever carries out a write tells what becomes of it.
        if verdict == Verdict::Forbidden && (action.writes() || action == Action::Backup) {
            return answer;
        }
        let action = if verdict == Verdict::Unauthenticated { Action::Login } else { action };
        // Who has a token is known only then.
        let caller = answer.extensions().get::<Caller>().unwrap_or(&self.caller);
        let who = (Who::of(caller), self.audit.now());
        self.audit.tell_once(Event {
            request: Some(self.request),
            what: self.path,
            code: code_name(status.code()),
            reason: status.message().to_owned(),
            ..Event::new(action, verdict, who)
        });
        answer
    }
}

type Answer = BoxFuture<'static, Result<Response<Body>, Infallible>>;

/// The services as one connection sees them.
pub(super) struct OnConnection<C> {
    pub(super) services: Services<C>,
    pub(super) connection: Connection,
    pub(super) client: Client,
    pub(super) caller: Caller,
    /// Cancelled by the first request.
    pub(super) asked: CancellationToken,
}

impl<C: Catalog + Send + Sync + 'static> hyper::service::Service<Request<Incoming>> for OnConnection<C> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn call(&self, mut request: Request<Incoming>) -> Answer {
        self.asked.cancel();
        let refusals = Refusals {
            audit: self.services.audit.clone(),
            path: request.uri().path().to_owned(),
            request: self.services.audit.request_id(),
            caller: self.caller.clone(),
        };
        request.extensions_mut().insert(refusals.request);
        let answering = self.services.answer_whoever(request, (&self.connection, &self.client, &self.caller));
        Box::pin(async move { Ok(refusals.told(answering.await?)) })
    }
}
