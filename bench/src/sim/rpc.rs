//! One discovery stream over the simulated network, by tonic's client.

use std::{net::SocketAddr, time::Duration};

use mainsheet_api::{
    wire::{DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse},
    xds::{Variant, client::Response, server::Request},
};
use prost::Message;
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::{StreamExt as _, wrappers::UnboundedReceiverStream};
use tonic::{
    Status, Streaming,
    client::Grpc,
    codegen::http::uri::PathAndQuery,
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;

use super::{
    dial::{Dialer, TonicDial},
    network::Net,
    sink::OPEN_TIMEOUT,
};

const SOTW: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
const DELTA: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";

/// Where an address leads, with the timeouts of real clients.
pub(super) fn endpoint(server: SocketAddr) -> Endpoint {
    Endpoint::from_shared(format!("http://{server}"))
        .unwrap_or_else(|_| Endpoint::from_static("http://10.0.0.1:1"))
        .connect_timeout(Duration::from_secs(10))
        .http2_keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(10))
        .keep_alive_while_idle(true)
}

/// One open stream. Dropped, it is reset.
pub(super) struct Rpc {
    requests: mpsc::UnboundedSender<Request>,
    responses: Responses,
}

enum Responses {
    Sotw(Streaming<DiscoveryResponse>),
    Delta(Streaming<DeltaDiscoveryResponse>),
}

impl Rpc {
    /// Connects, and opens a stream with these requests. The error is for people.
    pub(super) async fn open(
        (dialer, net): (&Dialer, &Net),
        server: SocketAddr,
        variant: Variant,
        first: Vec<Request>,
    ) -> Result<Self, String> {
        let opening = async {
            let connected = endpoint(server).connect_with_connector(TonicDial(dialer.on(net))).await;
            let channel = connected.map_err(|_| "can't connect".to_owned())?;
            let (requests, queue) = mpsc::unbounded_channel();
            first.into_iter().for_each(|request| drop(requests.send(request)));
            let queue = UnboundedReceiverStream::new(queue);
            let opened = match variant {
                Variant::Sotw => call(channel, SOTW, queue.filter_map(sotw)).await.map(Responses::Sotw),
                Variant::Delta => call(channel, DELTA, queue.filter_map(delta)).await.map(Responses::Delta),
            };
            let responses = opened.map_err(|status| said(&status))?;
            Ok(Self { requests, responses })
        };
        timeout(OPEN_TIMEOUT, opening).await.unwrap_or_else(|_| Err("no answer to the opening".to_owned()))
    }

    /// The next response; the error is why there is none.
    pub(super) async fn receive(&mut self) -> Result<Response, String> {
        let response = match &mut self.responses {
            Responses::Sotw(stream) => stream.message().await.map(|message| message.map(Response::Sotw)),
            Responses::Delta(stream) => stream.message().await.map(|message| message.map(Response::Delta)),
        };
        response.map_err(|status| said(&status))?.ok_or_else(|| "ended".to_owned())
    }

    pub(super) fn send(&self, request: Request) {
        // Where the stream is over, receiving says so.
        drop(self.requests.send(request));
    }
}

fn said(status: &Status) -> String {
    format!("{:?}: {}", status.code(), status.message())
}

async fn call<Q, R>(
    channel: Channel,
    path: &'static str,
    requests: impl tokio_stream::Stream<Item = Q> + Send + 'static,
) -> Result<Streaming<R>, Status>
where
    Q: Message + Send + Sync + 'static,
    R: Message + Default + Send + Sync + 'static,
{
    let mut grpc = Grpc::new(channel);
    grpc.ready().await.map_err(|error| Status::from_error(error.into()))?;
    let path = PathAndQuery::from_static(path);
    Ok(grpc.streaming(tonic::Request::new(requests), path, ProstCodec::<Q, R>::default()).await?.into_inner())
}

fn sotw(request: Request) -> Option<DiscoveryRequest> {
    if let Request::Sotw(request) = request { Some(request) } else { None }
}

fn delta(request: Request) -> Option<DeltaDiscoveryRequest> {
    if let Request::Delta(request) = request { Some(request) } else { None }
}
