//! A delta client: one stream, one type, everything of it.

use std::collections::HashMap;

use anyhow::{Context, Result};
use mainsheet_api::wire::{DeltaDiscoveryRequest, DeltaDiscoveryResponse, Node};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Request, Streaming,
    client::Grpc,
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;

const PATH: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";

/// Names and versions.
pub(crate) type Held = HashMap<String, String>;

/// Answers what it is sent with an ACK, and keeps nothing of it.
pub(crate) struct Client {
    requests: mpsc::Sender<DeltaDiscoveryRequest>,
    responses: Streaming<DeltaDiscoveryResponse>,
    type_url: String,
}

impl Client {
    /// Opens the stream and subscribes, as one that holds this already.
    pub(crate) async fn connect(type_url: &str, port: u16, held: &Held) -> Result<Self> {
        let channel = Endpoint::from_shared(format!("http://127.0.0.1:{port}"))?.connect().await?;
        Self::on(channel, type_url, held).await
    }

    /// On a connection that it may share.
    pub(crate) async fn on(channel: Channel, type_url: &str, held: &Held) -> Result<Self> {
        let mut grpc = Grpc::new(channel).max_decoding_message_size(usize::MAX);
        grpc.ready().await?;
        let (requests, outgoing) = mpsc::channel(8);
        let type_url = type_url.to_owned();
        let node = Node { id: "bars".into(), ..Node::default() };
        requests
            .send(DeltaDiscoveryRequest {
                node: Some(node),
                type_url: type_url.clone(),
                initial_resource_versions: held.clone().into_iter().collect(),
                ..Default::default()
            })
            .await?;
        let codec = ProstCodec::<DeltaDiscoveryRequest, DeltaDiscoveryResponse>::default();
        let request = Request::new(ReceiverStream::new(outgoing));
        let responses = grpc.streaming(request, PATH.parse()?, codec).await?.into_inner();
        Ok(Self { requests, responses, type_url })
    }

    /// The next response, which is ACKed.
    pub(crate) async fn next(&mut self) -> Result<DeltaDiscoveryResponse> {
        let response = self.responses.message().await?.context("the stream ended")?;
        let ack = DeltaDiscoveryRequest {
            type_url: self.type_url.clone(),
            response_nonce: response.nonce.clone(),
            ..Default::default()
        };
        self.requests.send(ack).await?;
        Ok(response)
    }
}

/// Whether the body of a resource contains this text.
pub(crate) fn says(response: &DeltaDiscoveryResponse, text: &str) -> bool {
    let bodies = response.resources.iter().filter_map(|resource| resource.resource.as_ref());
    bodies.into_iter().any(|any| String::from_utf8_lossy(&any.value).contains(text))
}
