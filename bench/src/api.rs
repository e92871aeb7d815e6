//! A client of the gRPC service `mainsheet.v1`.

use std::net::SocketAddr;

use anyhow::{Context, Result, anyhow};
use prost::Message;
use tonic::{
    Request, Status,
    client::Grpc,
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;

/// A connection.
#[derive(Clone, Debug)]
pub struct Api(Grpc<Channel>);

impl Api {
    /// Connects to a server.
    pub async fn connect(server: SocketAddr) -> Result<Self> {
        let channel = Endpoint::from_shared(format!("http://{server}"))?.connect().await;
        Ok(Self(Grpc::new(channel.with_context(|| format!("connect to {server}"))?)))
    }

    /// Asks with a method of one answer.
    pub async fn ask<Q, R>(&mut self, method: &str, request: Q) -> Result<R>
    where
        Q: Message + 'static,
        R: Message + Default + 'static,
    {
        let answer = self.unary(method, request).await;
        answer.map_err(|status| anyhow!("{method}: {:?}: {}", status.code(), status.message()))
    }

    /// The same, for whoever goes by what the status says. Where the connection is gone, that is UNAVAILABLE.
    pub async fn unary<Q, R>(&mut self, method: &str, request: Q) -> Result<R, Status>
    where
        Q: Message + 'static,
        R: Message + Default + 'static,
    {
        self.0.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let path = format!("/mainsheet.v1.Mainsheet/{method}").parse();
        let path = path.map_err(|error| Status::internal(format!("{error}")))?;
        Ok(self.0.unary(Request::new(request), path, ProstCodec::<Q, R>::default()).await?.into_inner())
    }
}
