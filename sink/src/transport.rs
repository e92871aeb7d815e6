//! One stream to one server: requests in, responses out. Nothing here knows what they mean.

use std::time::Duration;

use http::uri::PathAndQuery;
use mainsheet_api::{
    wire::{DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse},
    xds::{Variant, client::Response, server::Request},
};
use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::{StreamExt, wrappers::ReceiverStream};
use tonic::{
    Status, Streaming,
    client::Grpc,
    metadata::MetadataMap,
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;

use crate::{
    address::Security,
    connector::{Connector, Opener},
    error::Disconnected,
};

/// A TCP handshake takes a round trip; three lost SYNs take 7 s.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What istiod's and Envoy's clients do, and what servers allow without GOAWAY (rule 88).
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);

/// A server that is only busy answers a ping within seconds.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// A server that takes no request for this long while it answers pings has a stuck reader.
pub(crate) const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// What a server gets to take our last answer and to end the stream, when we have told it that we are done.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Requests that wait for the transport. There is one for each type at first and one for each response afterwards, so
/// more than a few only wait when the server has stopped reading.
const REQUESTS_LEN: usize = 16;

/// Bytes of one response. A SotW response holds all of a kind and can't be cut: 100,000 resources of 2 KiB.
const RESPONSE_BYTES_MAX: usize = 256 << 20;

/// Flow-control window of a stream. HTTP/2's default, 64 KiB, would limit a link of 50 ms to 1.3 MB/s.
const WINDOW_BYTES: u32 = 1 << 20;

/// One server.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    address: String,
    endpoint: Endpoint,
    connector: Option<Connector>,
    security: Security,
}

impl Server {
    /// `endpoint` leads to `address`, which is for people; over TCP, where there is no connector.
    pub(crate) fn new(
        address: String,
        endpoint: Endpoint,
        (connector, security): (Option<Connector>, Security),
    ) -> Self {
        let endpoint = endpoint
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES)
            .tcp_nodelay(true);
        Self { address, endpoint, connector, security }
    }

    /// Connects, and opens a stream with these requests and this metadata. Returns when the server has accepted the
    /// stream; some do not say so before their first response.
    pub(crate) async fn open(
        &self,
        variant: Variant,
        first: Vec<Request>,
        mut metadata: MetadataMap,
    ) -> Result<Stream, Disconnected> {
        let endpoint = self.prepare(&mut metadata).await?;
        let channel = self.connect(&endpoint).await.map_err(|error| self.connect_error(&error))?;
        let (requests, queue) = mpsc::channel(REQUESTS_LEN.max(first.len()));
        for request in first {
            requests.try_send(request).map_err(|_| self.stuck())?;
        }
        let queue = ReceiverStream::new(queue);
        let opened = match variant {
            Variant::Sotw => {
                let queue = asking(queue.filter_map(sotw), metadata);
                call(channel, SOTW_PATH, queue)
                    .await
                    .map(|(metadata, opened)| (metadata, Responses::Sotw(opened)))
            }
            Variant::Delta => {
                let queue = asking(queue.filter_map(delta), metadata);
                call(channel, DELTA_PATH, queue)
                    .await
                    .map(|(metadata, opened)| (metadata, Responses::Delta(opened)))
            }
        };
        let (metadata, responses) = opened.map_err(|status| self.status(status))?;
        Ok(Stream { server: self.clone(), metadata, requests, responses })
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<Channel, tonic::transport::Error> {
        match self.connector.clone() {
            Some(connector) => endpoint.connect_with_connector(Opener(connector)).await,
            None => endpoint.connect().await,
        }
    }

    /// What is read anew for each connection.
    #[cfg(feature = "tls")]
    async fn prepare(&self, metadata: &mut MetadataMap) -> Result<Endpoint, Disconnected> {
        let Some(files) = self.security.files() else { return Ok(self.endpoint.clone()) };
        let unusable = |reason: String| Disconnected::Connect { address: self.address.clone(), reason };
        files.authorize(metadata).await.map_err(|error| unusable(error.to_string()))?;
        match self.endpoint.uri().scheme_str() {
            Some("https") => files.secure(self.endpoint.clone()).await.map_err(unusable),
            _ => Ok(self.endpoint.clone()),
        }
    }

    #[cfg(not(feature = "tls"))]
    #[allow(clippy::unused_async, reason = "as where there are files to read")]
    async fn prepare(&self, _: &mut MetadataMap) -> Result<Endpoint, Disconnected> {
        let _ = &self.security;
        Ok(self.endpoint.clone())
    }

    fn connect_error(&self, error: &tonic::transport::Error) -> Disconnected {
        let mut innermost: &dyn std::error::Error = error;
        while let Some(cause) = innermost.source() {
            innermost = cause;
        }
        Disconnected::Connect { address: self.address.clone(), reason: innermost.to_string() }
    }

    fn status(&self, status: Status) -> Disconnected {
        Disconnected::Status { address: self.address.clone(), status }
    }

    fn stuck(&self) -> Disconnected {
        Disconnected::Stuck { address: self.address.clone() }
    }
}

/// One open stream.
pub(crate) struct Stream {
    server: Server,
    metadata: MetadataMap,
    requests: mpsc::Sender<Request>,
    responses: Responses<Streaming<DiscoveryResponse>, Streaming<DeltaDiscoveryResponse>>,
}

impl Stream {
    /// What the server said with its acceptance.
    pub(crate) fn metadata(&self) -> &MetadataMap {
        &self.metadata
    }

    /// The next response. May be dropped and called again; nothing is lost.
    pub(crate) async fn receive(&mut self) -> Result<Response, Disconnected> {
        let response = match &mut self.responses {
            Responses::Sotw(stream) => stream.message().await.map(|message| message.map(Response::Sotw)),
            Responses::Delta(stream) => stream.message().await.map(|message| message.map(Response::Delta)),
        };
        match response {
            Ok(Some(response)) => Ok(response),
            Ok(None) => Err(Disconnected::Closed { address: self.server.address.clone() }),
            Err(status) => Err(self.server.status(status)),
        }
    }

    /// Hands a request to the transport. Where that is gone, [`Stream::receive`] says why.
    pub(crate) async fn send(&self, request: Request) -> Result<(), Disconnected> {
        match self.requests.send_timeout(request, SEND_TIMEOUT).await {
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => Err(self.server.stuck()),
            Ok(()) | Err(mpsc::error::SendTimeoutError::Closed(_)) => Ok(()),
        }
    }

    /// Why the stream is given up.
    pub(crate) fn silent(&self) -> Disconnected {
        Disconnected::Silent { address: self.server.address.clone() }
    }

    /// Ends the stream in good order, so that what was sent arrives: a stream that is dropped is reset.
    pub(crate) async fn close(self) {
        let Self { requests, mut responses, .. } = self;
        drop(requests);
        let rest = async {
            match &mut responses {
                Responses::Sotw(stream) => while let Ok(Some(_)) = stream.message().await {},
                Responses::Delta(stream) => while let Ok(Some(_)) = stream.message().await {},
            }
        };
        if tokio::time::timeout(CLOSE_TIMEOUT, rest).await.is_err() {
            tracing::debug!("the server did not end the stream");
        }
    }
}

/// One of two, by variant.
enum Responses<S, D> {
    Sotw(S),
    Delta(D),
}

const SOTW_PATH: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
const DELTA_PATH: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";

async fn call<Q, R>(
    channel: Channel,
    path: &'static str,
    requests: tonic::Request<impl tokio_stream::Stream<Item = Q> + Send + 'static>,
) -> Result<(MetadataMap, Streaming<R>), Status>
where
    Q: Message + Send + Sync + 'static,
    R: Message + Default + Send + Sync + 'static,
{
    let mut grpc = Grpc::new(channel).max_decoding_message_size(RESPONSE_BYTES_MAX);
    grpc.ready().await.map_err(|error| Status::from_error(error.into()))?;
    let codec = ProstCodec::<Q, R>::default();
    let answer = grpc.streaming(requests, PathAndQuery::from_static(path), codec).await?;
    let (metadata, responses, _) = answer.into_parts();
    Ok((metadata, responses))
}

/// Requests to be sent with metadata.
fn asking<S>(requests: S, metadata: MetadataMap) -> tonic::Request<S> {
    let mut asking = tonic::Request::new(requests);
    *asking.metadata_mut() = metadata;
    asking
}

/// A session only makes requests of its own variant.
fn sotw(request: Request) -> Option<DiscoveryRequest> {
    if let Request::Sotw(request) = request { Some(request) } else { None }
}

fn delta(request: Request) -> Option<DeltaDiscoveryRequest> {
    if let Request::Delta(request) = request { Some(request) } else { None }
}
