//! A connection to a server's gRPC service, `mainsheet.v1`.

use std::{error::Error, time::Duration};

use mainsheet_sink::CredentialFiles;
use tonic::{
    Code, Request, Response, Status,
    metadata::MetadataMap,
    service::{Interceptor, interceptor::InterceptedService},
    transport::{self, Channel, Endpoint},
};

use super::{Context, connect::ServerArgs, error::CliError, refusal};
use crate::generated::mainsheet_client::MainsheetClient;

/// Bytes of one answer. A page or a step of a stream is far smaller; all that a rollback of a mesh of 100,000 resources of
/// 2 KiB changes is not.
const ANSWER_BYTES_MAX: usize = 512 << 20;

/// Which server to ask, and for how long.
#[derive(Debug, clap::Args)]
pub(super) struct ServiceArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// How long to wait for the server's answer
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = humantime::parse_duration)]
    timeout: Duration,
}

impl ServiceArgs {
    /// By flag, environment or default.
    pub(super) fn address(&self, context: &Context<'_>) -> String {
        self.server.address(context)
    }

    /// What is shown to the server, and whom to believe.
    ///
    /// # Errors
    /// Where that does not go together.
    pub(super) fn credentials(&self, context: &Context<'_>) -> anyhow::Result<CredentialFiles> {
        self.server.credentials(context)
    }

    /// How long to wait for an answer.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Connects.
    ///
    /// # Errors
    /// Where nothing listens at the address, with how to start a server.
    pub(super) async fn connect(&self, context: &Context<'_>) -> anyhow::Result<Service> {
        let address = self.server.address(context);
        let credentials = self.server.credentials(context)?;
        let (endpoint, shows) = channel(&credentials, &address, self.timeout).await?;
        let channel = endpoint.connect().await.map_err(|error| nobody_at(&address, &error))?;
        let client = MainsheetClient::with_interceptor(channel, shows);
        let client = client.max_decoding_message_size(ANSWER_BYTES_MAX);
        Ok(Service { client, address, timeout: self.timeout })
    }
}

/// The way to a server, and what every request has with it.
pub(super) async fn channel(
    credentials: &CredentialFiles,
    address: &str,
    timeout: Duration,
) -> anyhow::Result<(Endpoint, Shows)> {
    let mut shown = MetadataMap::new();
    credentials.authorize(&mut shown).await?;
    Ok((credentials.endpoint(address).await?.connect_timeout(timeout), Shows(shown)))
}

fn nobody_at(address: &str, error: &transport::Error) -> CliError {
    let mut innermost: &dyn Error = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    CliError::NotReached(format!(
        "no server at `{address}`: {innermost}\n  start one with `mainsheet serve DIR`, or say where one is with --server ADDR or \
         MAINSHEET_SERVER"
    ))
}

/// A channel on which every request shows who makes it.
pub(super) type Connection = InterceptedService<Channel, Shows>;

/// What every request has with it: a token, where there is one.
#[derive(Clone)]
pub(super) struct Shows(MetadataMap);

impl Interceptor for Shows {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = self.0.get("authorization") {
            request.metadata_mut().insert("authorization", token.clone());
        }
        Ok(request)
    }
}

/// A server that is connected to.
pub(super) struct Service {
    client: MainsheetClient<Connection>,
    address: String,
    timeout: Duration,
}

impl Service {
    /// The methods, to be called within [`Service::answer`].
    pub(super) fn client(&self) -> MainsheetClient<Connection> {
        self.client.clone()
    }

    /// What a method answers.
    ///
    /// # Errors
    /// Where the server refuses, for people to read; [`CliError::NotReached`] where it is not ready, or takes too long.
    pub(super) async fn answer<T>(
        &self,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> anyhow::Result<T> {
        self.answer_or_status(call).await?.map_err(|status| self.refused(&status))
    }

    /// What a method answers, or why it refuses, for callers who know what to make of it.
    ///
    /// # Errors
    /// [`CliError::NotReached`] where it takes too long.
    pub(super) async fn answer_or_status<T>(
        &self,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> anyhow::Result<Result<T, Status>> {
        match tokio::time::timeout(self.timeout, call).await {
            Ok(answer) => Ok(answer.map(Response::into_inner)),
            Err(_) => {
                let waited = humantime::format_duration(self.timeout);
                let text = format!("no answer from `{}` within {waited}", self.address);
                Err(CliError::NotReached(text).into())
            }
        }
    }

    /// A refusal for people to read.
    pub(super) fn refused(&self, status: &Status) -> anyhow::Error {
        let text = refusal::text(status);
        match status.code() {
            Code::Unavailable if refusal::is_of_the_store(status) => anyhow::Error::msg(text),
            Code::Unavailable | Code::DeadlineExceeded => {
                CliError::NotReached(format!("the server at `{}` does not answer: {text}", self.address))
                    .into()
            }
            // With TLS 1.3 the server looks at a client's certificate when the client is done with the handshake.
            Code::Cancelled | Code::Unknown => CliError::NotReached(format!(
                "the server at `{}` closed the connection: {text}; over TLS it may want a certificate: --cert and --key",
                self.address
            ))
            .into(),
            Code::Unimplemented => {
                CliError::Unimplemented(format!("the server at `{}` can't do this: {text}", self.address))
                    .into()
            }
            _ => anyhow::Error::msg(text),
        }
    }
}
