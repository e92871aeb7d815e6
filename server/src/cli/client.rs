//! A connection to a server's gRPC service, `mainsheet.v1`.

use std::{error::Error, time::Duration};

use tonic::{
    Code, Response, Status,
    transport::{self, Channel},
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
        let endpoint = mainsheet_sink::endpoint(&address)?.connect_timeout(self.timeout);
        let channel = endpoint.connect().await.map_err(|error| nobody_at(&address, &error))?;
        let client = MainsheetClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX);
        Ok(Service { client, address, timeout: self.timeout })
    }
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

/// A server that is connected to.
pub(super) struct Service {
    client: MainsheetClient<Channel>,
    address: String,
    timeout: Duration,
}

impl Service {
    /// The methods, to be called within [`Service::answer`].
    pub(super) fn client(&self) -> MainsheetClient<Channel> {
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
            Code::Unimplemented => {
                CliError::Unimplemented(format!("the server at `{}` can't do this: {text}", self.address))
                    .into()
            }
            _ => anyhow::Error::msg(text),
        }
    }
}
