//! A delta client that comes back with what it holds.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use anyhow::{Context, Result};
use mainsheet_api::wire::{DeltaDiscoveryRequest, DeltaDiscoveryResponse, Node};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Streaming, client::Grpc, transport::Endpoint};
use tonic_prost::ProstCodec;

const PATH: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
const TYPE_URL: &str = "networking.istio.io/v1/VirtualService";

/// As clients over a WAN have it.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Names and versions.
pub(super) type Held = BTreeMap<String, String>;

/// One stream.
pub(super) struct Sink {
    requests: mpsc::Sender<DeltaDiscoveryRequest>,
    responses: Streaming<DeltaDiscoveryResponse>,
    pub(super) held: Held,
    /// Resources that it was sent although it said that it holds them.
    pub(super) resent: usize,
}

impl Sink {
    pub(super) async fn connect(port: u16, held: Held) -> Result<Self> {
        let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}"))?
            .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .keep_alive_while_idle(true);
        let channel = endpoint.connect().await?;
        let mut grpc = Grpc::new(channel);
        grpc.ready().await?;
        let (requests, outgoing) = mpsc::channel(8);
        let node = Node { id: "torture".into(), ..Node::default() };
        let versions: HashMap<_, _> = held.clone().into_iter().collect();
        requests
            .send(DeltaDiscoveryRequest {
                node: Some(node),
                type_url: TYPE_URL.to_owned(),
                initial_resource_versions: versions.into_iter().collect(),
                ..DeltaDiscoveryRequest::default()
            })
            .await?;
        let codec = ProstCodec::<DeltaDiscoveryRequest, DeltaDiscoveryResponse>::default();
        let request = Request::new(ReceiverStream::new(outgoing));
        let responses = grpc.streaming(request, PATH.parse()?, codec).await?.into_inner();
        Ok(Self { requests, responses, held, resent: 0 })
    }

    /// Takes one response, and ACKs it.
    pub(super) async fn take(&mut self) -> Result<()> {
        let response = self.responses.message().await?.context("the stream ended")?;
        for resource in response.resources {
            let before = self.held.insert(resource.name, resource.version.clone());
            self.resent += usize::from(before.is_some_and(|before| before == resource.version));
        }
        for name in &response.removed_resources {
            self.held.remove(name);
        }
        let ack = DeltaDiscoveryRequest {
            type_url: TYPE_URL.to_owned(),
            response_nonce: response.nonce,
            ..DeltaDiscoveryRequest::default()
        };
        Ok(self.requests.send(ack).await?)
    }

    /// Takes responses until it holds this, or for so long.
    pub(super) async fn converges(&mut self, served: &Held, within: Duration) -> Result<bool> {
        let converging = async {
            while self.held != *served {
                self.take().await?;
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(within, converging).await.map_or(Ok(false), |converged| converged.map(|()| true))
    }

    /// Takes responses until the stream breaks. What it holds then.
    pub(super) async fn follow(mut self) -> (Held, usize) {
        while self.take().await.is_ok() {}
        (self.held, self.resent)
    }
}
