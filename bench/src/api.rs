//! A client of the gRPC service `mainsheet.v1`.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use prost::Message;
use tonic::{
    Request,
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
        self.0.ready().await?;
        let path = format!("/mainsheet.v1.Mainsheet/{method}").parse()?;
        match self.0.unary(Request::new(request), path, ProstCodec::<Q, R>::default()).await {
            Ok(answer) => Ok(answer.into_inner()),
            Err(status) => bail!("{method}: {:?}: {}", status.code(), status.message()),
        }
    }
}
