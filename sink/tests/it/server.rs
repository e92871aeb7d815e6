//! An ADS server without any opinion: a test takes its streams, reads their requests and writes their responses.

use std::{
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use mainsheet_api::{
    wire::{DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse},
    xds::{client::Response, server::Request},
};
use prost::Message;
use tokio::{net::TcpListener, sync::mpsc, task::JoinSet, time::timeout};
use tokio_stream::{
    Stream, StreamExt,
    wrappers::{ReceiverStream, TcpListenerStream},
};
use tonic::{
    Status, Streaming,
    body::Body,
    codegen::Service,
    metadata::MetadataMap,
    server::{Grpc, NamedService, StreamingService},
    service::Routes,
    transport::{Server, ServerTlsConfig},
};
use tonic_prost::ProstCodec;

/// What a wait may take on a machine that is busy with other tests.
pub(crate) const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

type Boxed<T> = Pin<Box<dyn Stream<Item = T> + Send>>;

/// The server; gone with its listener and connections when dropped.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    streams: mpsc::Receiver<ServerStream>,
    tasks: JoinSet<()>,
}

impl TestServer {
    pub(crate) async fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap()).await
    }

    pub(crate) async fn start_at(address: SocketAddr) -> Self {
        Self::start_on(address, Server::builder()).await
    }

    pub(crate) async fn start_with_tls(tls: ServerTlsConfig) -> Self {
        let server = Server::builder().tls_config(tls).unwrap();
        Self::start_on("127.0.0.1:0".parse().unwrap(), server).await
    }

    async fn start_on(address: SocketAddr, mut server: Server) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, streams) = mpsc::channel(8);
        let routes = Routes::new(Ads { streams: sender });
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let incoming = TcpListenerStream::new(listener);
            server.add_routes(routes).serve_with_incoming(incoming).await.unwrap();
        });
        Self { address, streams, tasks }
    }

    /// Ends the server; its address is free afterwards.
    pub(crate) async fn stop(mut self) {
        self.tasks.shutdown().await;
    }

    /// The next stream that a client opens.
    pub(crate) async fn accept(&mut self) -> ServerStream {
        timeout(PATIENCE, self.streams.recv()).await.expect("a stream").expect("a running server")
    }
}

/// The server's end of one stream. Dropped, the stream ends in good order.
pub(crate) struct ServerStream {
    metadata: MetadataMap,
    requests: Boxed<Result<Request, Status>>,
    responses: mpsc::Sender<Result<Response, Status>>,
}

impl ServerStream {
    /// What the client said with the stream's opening.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.metadata.get(name)?.to_str().ok()
    }

    /// The next request; `None` when the client has closed its half.
    pub(crate) async fn next(&mut self) -> Option<Request> {
        let next = timeout(PATIENCE, self.requests.next()).await.expect("a request, or the end");
        next.and_then(Result::ok)
    }

    pub(crate) async fn next_sotw(&mut self) -> DiscoveryRequest {
        match self.next().await {
            Some(Request::Sotw(request)) => request,
            other => panic!("not a SotW request: {other:?}"),
        }
    }

    pub(crate) async fn next_delta(&mut self) -> DeltaDiscoveryRequest {
        match self.next().await {
            Some(Request::Delta(request)) => request,
            other => panic!("not a delta request: {other:?}"),
        }
    }

    pub(crate) async fn respond(&self, response: Response) {
        self.responses.send(Ok(response)).await.unwrap();
    }

    pub(crate) async fn refuse(self, status: Status) {
        self.responses.send(Err(status)).await.unwrap();
    }
}

#[derive(Clone)]
struct Ads {
    streams: mpsc::Sender<ServerStream>,
}

impl NamedService for Ads {
    const NAME: &'static str = "envoy.service.discovery.v3.AggregatedDiscoveryService";
}

impl Service<http::Request<Body>> for Ads {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let streams = self.streams.clone();
        Box::pin(async move {
            Ok(if request.uri().path().ends_with("/StreamAggregatedResources") {
                let method = Method { streams, wrap: Request::Sotw, unwrap: sotw };
                Grpc::new(ProstCodec::<DiscoveryResponse, DiscoveryRequest>::default())
                    .streaming(method, request)
                    .await
            } else {
                let method = Method { streams, wrap: Request::Delta, unwrap: delta };
                Grpc::new(ProstCodec::<DeltaDiscoveryResponse, DeltaDiscoveryRequest>::default())
                    .streaming(method, request)
                    .await
            })
        })
    }
}

fn sotw(response: Response) -> DiscoveryResponse {
    match response {
        Response::Sotw(response) => response,
        Response::Delta(_) => panic!("a delta response on a SotW stream"),
    }
}

fn delta(response: Response) -> DeltaDiscoveryResponse {
    match response {
        Response::Delta(response) => response,
        Response::Sotw(_) => panic!("a SotW response on a delta stream"),
    }
}

struct Method<Q, R> {
    streams: mpsc::Sender<ServerStream>,
    wrap: fn(Q) -> Request,
    unwrap: fn(Response) -> R,
}

impl<Q: Message + 'static, R: Message + 'static> StreamingService<Q> for Method<Q, R> {
    type Response = R;
    type ResponseStream = Boxed<Result<R, Status>>;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<Self::ResponseStream>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<Streaming<Q>>) -> Self::Future {
        let (wrap, unwrap, streams) = (self.wrap, self.unwrap, self.streams.clone());
        Box::pin(async move {
            let metadata = request.metadata().clone();
            let requests = request.into_inner().map(move |request| request.map(wrap));
            let (responses, queue) = mpsc::channel(8);
            let stream = ServerStream { metadata, requests: Box::pin(requests), responses };
            streams.send(stream).await.map_err(|_| Status::unavailable("the test is over"))?;
            let queue = ReceiverStream::new(queue).map(move |response| response.map(unwrap));
            Ok(tonic::Response::new(Box::pin(queue) as Self::ResponseStream))
        })
    }
}
