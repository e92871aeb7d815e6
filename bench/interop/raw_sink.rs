//! A sink that does what it is told: it takes, refuses or ignores what it is sent.

use anyhow::{Context, Result};
use mainsheet_api::wire::{
    DiscoveryRequest, DiscoveryResponse, Node, Status,
    google::protobuf::{Struct, Value, value::Kind},
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Streaming, client::Grpc, transport::Endpoint};
use tonic_prost::ProstCodec;

const PATH: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";

/// A SotW stream.
pub(crate) struct RawSink {
    requests: mpsc::Sender<DiscoveryRequest>,
    responses: Streaming<DiscoveryResponse>,
    node: Node,
}

/// What becomes of a response.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reaction<'a> {
    /// ACK.
    Take,
    /// NACK, for this reason.
    Refuse(&'a str),
    /// No answer.
    Ignore,
}

impl RawSink {
    /// Opens a stream as a node with this metadata.
    pub(crate) async fn connect(port: u16, id: &str, metadata: &[(&str, &str)]) -> Result<Self> {
        let channel = Endpoint::from_shared(format!("http://127.0.0.1:{port}"))?.connect().await?;
        let mut grpc = Grpc::new(channel);
        grpc.ready().await?;
        let (requests, outgoing) = mpsc::channel(8);
        let codec = ProstCodec::<DiscoveryRequest, DiscoveryResponse>::default();
        let request = Request::new(ReceiverStream::new(outgoing));
        let responses = grpc.streaming(request, PATH.parse()?, codec).await?.into_inner();
        let text = |text: &str| Value { kind: Some(Kind::StringValue(text.to_owned())) };
        let fields = metadata.iter().map(|(name, value)| ((*name).to_owned(), text(value))).collect();
        let node = Node { id: id.to_owned(), metadata: Some(Struct { fields }), ..Node::default() };
        Ok(Self { requests, responses, node })
    }

    /// Asks for all of a type, and does so with the first answer.
    pub(crate) async fn subscribe(&mut self, type_url: &str, reaction: Reaction<'_>) -> Result<()> {
        let subscribe = DiscoveryRequest {
            node: Some(self.node.clone()),
            type_url: type_url.to_owned(),
            ..DiscoveryRequest::default()
        };
        self.requests.send(subscribe).await?;
        let response = self.responses.message().await?.context("the stream ended")?;
        let refused = |reason: &str| Status { code: 3, message: reason.to_owned(), ..Status::default() };
        let error_detail = match reaction {
            Reaction::Take => None,
            Reaction::Refuse(reason) => Some(refused(reason)),
            Reaction::Ignore => return Ok(()),
        };
        let answer = DiscoveryRequest {
            type_url: response.type_url,
            version_info: if error_detail.is_some() { String::new() } else { response.version_info },
            response_nonce: response.nonce,
            error_detail,
            ..DiscoveryRequest::default()
        };
        Ok(self.requests.send(answer).await?)
    }
}
