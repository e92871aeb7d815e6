//! A client that does what it is told: it neither answers nor reconnects by itself.

use std::net::SocketAddr;

use mainsheet_api::{
    generated::istio::mcp::v1alpha1 as mcp,
    wire::{
        DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse, Node,
        Status as Detail,
    },
};
use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Status, Streaming, client::Grpc, codegen::http::uri::PathAndQuery, transport::Channel};
use tonic_prost::ProstCodec;

use crate::mesh::in_time;

pub(crate) const SOTW: &str =
    "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
pub(crate) const DELTA: &str =
    "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";

/// What a client takes of a response that it does not read: HTTP/2's own default, where hyper's is 2 MiB.
const WINDOW_BYTES: u32 = 65_535;

/// One stream, from the client's side.
pub(crate) struct Stream<Q, R> {
    pub(crate) requests: mpsc::Sender<Q>,
    pub(crate) responses: Streaming<R>,
}

pub(crate) type Sotw = Stream<DiscoveryRequest, DiscoveryResponse>;
pub(crate) type Delta = Stream<DeltaDiscoveryRequest, DeltaDiscoveryResponse>;

pub(crate) async fn channel(server: SocketAddr) -> Channel {
    let endpoint =
        Channel::from_shared(format!("http://{server}")).unwrap().initial_stream_window_size(WINDOW_BYTES);
    in_time("connect", endpoint.connect()).await.unwrap()
}

impl<Q, R> Stream<Q, R>
where
    Q: Message + Default + 'static,
    R: Message + Default + 'static,
{
    /// Opens a stream on a connection of its own.
    pub(crate) async fn connect(server: SocketAddr, path: &'static str) -> Result<Self, Status> {
        Self::open(channel(server).await, path).await
    }

    pub(crate) async fn open(channel: Channel, path: &'static str) -> Result<Self, Status> {
        let (requests, outgoing) = mpsc::channel(64);
        let outgoing = Request::new(ReceiverStream::new(outgoing));
        let mut grpc =
            Grpc::new(channel).max_decoding_message_size(usize::MAX).max_encoding_message_size(usize::MAX);
        in_time("channel", grpc.ready()).await.map_err(|error| Status::unavailable(error.to_string()))?;
        let codec = ProstCodec::<Q, R>::default();
        let opened = grpc.streaming(outgoing, PathAndQuery::from_static(path), codec);
        Ok(Self { requests, responses: in_time("open", opened).await?.into_inner() })
    }

    pub(crate) async fn send(&self, request: Q) {
        in_time("send", self.requests.send(request)).await.unwrap();
    }

    /// The next response; `None` where the server ended the stream with OK.
    pub(crate) async fn next(&mut self) -> Result<Option<R>, Status> {
        in_time("response", self.responses.message()).await
    }

    /// The status with which the server ends the stream, after any responses.
    pub(crate) async fn end(&mut self) -> Result<(), Status> {
        while self.next().await?.is_some() {}
        Ok(())
    }
}

impl Sotw {
    pub(crate) async fn sotw(server: SocketAddr) -> Self {
        Self::connect(server, SOTW).await.unwrap()
    }

    /// A stream that has asked for all of a type and was answered. Tries again, as clients do, where the machine is too
    /// busy for the server's deadlines.
    pub(crate) async fn answered(server: SocketAddr, type_url: &str) -> (Self, DiscoveryResponse) {
        in_time("an answer", async {
            loop {
                let Ok(mut stream) = Self::connect(server, SOTW).await else { continue };
                let (node, type_url) = (Some(node("test-1")), type_url.to_owned());
                let request = DiscoveryRequest { node, type_url, ..Default::default() };
                if stream.requests.send(request).await.is_ok()
                    && let Ok(Some(response)) = stream.next().await
                {
                    return (stream, response);
                }
            }
        })
        .await
    }

    /// Asks for all of a type.
    pub(crate) async fn subscribe(&self, type_url: &str) {
        self.send(DiscoveryRequest {
            node: Some(node("test-1")),
            type_url: type_url.into(),
            ..Default::default()
        })
        .await;
    }

    pub(crate) async fn ack(&self, response: &DiscoveryResponse) {
        let (version_info, response_nonce) = (response.version_info.clone(), response.nonce.clone());
        let type_url = response.type_url.clone();
        self.send(DiscoveryRequest { version_info, response_nonce, type_url, ..Default::default() }).await;
    }

    pub(crate) async fn nack(&self, response: &DiscoveryResponse, message: &str) {
        let (response_nonce, type_url) = (response.nonce.clone(), response.type_url.clone());
        let error_detail = Some(Detail { code: 3, message: message.into(), ..Default::default() });
        self.send(DiscoveryRequest { response_nonce, type_url, error_detail, ..Default::default() }).await;
    }

    pub(crate) async fn response(&mut self) -> DiscoveryResponse {
        self.next().await.unwrap().expect("the stream goes on")
    }
}

impl Delta {
    pub(crate) async fn delta(server: SocketAddr) -> Self {
        Self::connect(server, DELTA).await.unwrap()
    }

    pub(crate) async fn subscribe(&self, type_url: &str) {
        let request = DeltaDiscoveryRequest {
            node: Some(node("test-1")),
            type_url: type_url.into(),
            ..Default::default()
        };
        self.send(request).await;
    }

    pub(crate) async fn ack(&self, response: &DeltaDiscoveryResponse) {
        let (response_nonce, type_url) = (response.nonce.clone(), response.type_url.clone());
        self.send(DeltaDiscoveryRequest { response_nonce, type_url, ..Default::default() }).await;
    }

    pub(crate) async fn response(&mut self) -> DeltaDiscoveryResponse {
        self.next().await.unwrap().expect("the stream goes on")
    }
}

pub(crate) fn node(id: &str) -> Node {
    Node { id: id.into(), ..Node::default() }
}

/// The names of the resources in a response, in its order.
pub(crate) fn names(response: &DiscoveryResponse) -> Vec<String> {
    let metadata =
        |any: &mainsheet_api::wire::Any| mcp::Resource::decode(any.value.clone()).unwrap().metadata;
    response.resources.iter().map(|any| metadata(any).unwrap().name).collect()
}
