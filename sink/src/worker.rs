//! The loop: open a stream, take responses, apply, answer; and again. Runs in its caller's future, without tasks.

use std::{collections::BTreeSet, future::Future, pin::pin};

use mainsheet_api::xds::{
    Variant,
    client::{ClientSession, Response, Step, Update},
    server::Request,
};
use tonic::metadata::MetadataMap;

use crate::{
    apply::{Apply, Event},
    client::Reconnect,
    error::Disconnected,
    metrics::Metrics,
    rejection::Rejection,
    servers::Servers,
    transport::Stream,
};

/// A client at work.
pub(crate) struct Worker<'a, A> {
    pub(crate) servers: &'a mut Servers,
    pub(crate) variant: Variant,
    pub(crate) reconnect: Reconnect,
    pub(crate) session: &'a mut ClientSession,
    pub(crate) apply: &'a mut A,
    pub(crate) metrics: &'a Metrics,
    /// Sent with each stream's opening.
    pub(crate) metadata: &'a MetadataMap,
}

impl<A: Apply> Worker<'_, A> {
    /// Runs until `stop`, or until the first stream ends where there is to be no other.
    pub(crate) async fn run(mut self, stop: impl Future<Output = ()>) -> Result<(), Disconnected> {
        let mut stop = pin!(stop);
        loop {
            let Err(reason) = self.attempt(stop.as_mut()).await else {
                self.metrics.stopped();
                return Ok(());
            };
            self.metrics.disconnected();
            let retry_in = match self.reconnect {
                Reconnect::Always => Some(self.servers.on_failure(rand::random())),
                Reconnect::Never => None,
            };
            tracing::debug!(error = &reason as &dyn std::error::Error, ?retry_in, "disconnected");
            self.apply.on_event(Event::Disconnected { reason: &reason, retry_in });
            let Some(retry_in) = retry_in else { return Err(reason) };
            tokio::select! {
                () = stop.as_mut() => return Ok(()),
                () = tokio::time::sleep(retry_in) => {}
            }
        }
    }

    /// One stream, from its opening to its end. `Ok` is the order to stop.
    async fn attempt(
        &mut self,
        mut stop: std::pin::Pin<&mut impl Future<Output = ()>>,
    ) -> Result<(), Disconnected> {
        let first = self.session.on_connected();
        let mut stream = tokio::select! {
            () = stop.as_mut() => return Ok(()),
            stream = self.servers.current().open(self.variant, first, self.metadata.clone()) => stream?,
        };
        self.metrics.connected();
        self.apply.on_event(Event::Connected { metadata: stream.metadata() });
        loop {
            let response = tokio::select! {
                () = stop.as_mut() => break,
                response = stream.receive() => response?,
            };
            // Not sooner: a server that is not ready accepts connections, and refuses streams.
            self.servers.on_answer();
            self.take(response, &stream).await?;
        }
        stream.close().await;
        Ok(())
    }

    async fn take(&mut self, response: Response, stream: &Stream) -> Result<(), Disconnected> {
        match self.session.on_response(response) {
            Step::Ignore => Ok(()),
            Step::Refuse(request, malformed) => {
                tracing::debug!(error = &malformed as &dyn std::error::Error, "response refused");
                self.metrics.rejected();
                self.apply.on_event(Event::Refused(&malformed));
                stream.send(request).await
            }
            Step::Apply(update) => {
                let request: Request = match self.apply.apply(&update).await {
                    Ok(()) => {
                        self.metrics.applied(&update);
                        self.session.accept(&update)
                    }
                    Err(rejection) => {
                        self.metrics.rejected();
                        self.reject(&update, &rejection)
                    }
                };
                stream.send(request).await
            }
        }
    }

    fn reject(&mut self, update: &Update, rejection: &Rejection) -> Request {
        let reason = rejection.to_string();
        if !rejection.is_rest_applied() {
            return self.session.reject(update, &reason);
        }
        let refused: BTreeSet<&str> = rejection.resources().map(|(name, _)| name).collect();
        self.session.reject_some(update, &refused, &reason)
    }
}
