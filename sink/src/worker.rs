//! The loop: open a stream, take responses, apply, answer; and again. Runs in its caller's future, without tasks.

use std::{collections::BTreeSet, future::Future, pin::pin};

use mainsheet_api::{
    time::Uptime,
    xds::{
        Variant,
        client::{ClientSession, Response, Step, Update},
        server::Request,
    },
};
use rand::{Rng as _, rngs::StdRng};
use tokio::time::Instant;
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
    /// From here on the session counts time.
    pub(crate) began: Instant,
    /// Of back-offs.
    pub(crate) jitter: &'a mut StdRng,
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
                Reconnect::Always => {
                    Some(self.servers.on_failure(self.jitter.random(), reason.retry_after()))
                }
                Reconnect::Never => None,
            };
            tracing::debug!(error = &reason as &dyn std::error::Error, ?retry_in, "disconnected");
            self.apply.on_event(Event::Disconnected { reason: &reason, retry_in });
            let Some(retry_in) = retry_in else { return Err(reason) };
            let mut pause = pin!(tokio::time::sleep(retry_in));
            loop {
                tokio::select! {
                    biased;
                    () = stop.as_mut() => return Ok(()),
                    () = pause.as_mut() => break,
                    () = until(self.session.next_end(), self.began) => {}
                }
                self.remove_ended().await;
            }
        }
    }

    /// One stream, from its opening to its end. `Ok` is the order to stop.
    async fn attempt(
        &mut self,
        mut stop: std::pin::Pin<&mut impl Future<Output = ()>>,
    ) -> Result<(), Disconnected> {
        let first = self.session.on_connected();
        let mut stream = {
            let mut opening = pin!(self.servers.current().open(self.variant, first, self.metadata.clone()));
            loop {
                tokio::select! {
                    biased;
                    () = stop.as_mut() => return Ok(()),
                    stream = opening.as_mut() => break stream?,
                    () = until(self.session.next_end(), self.began) => {}
                }
                remove_ended(self.session, self.apply, (self.metrics, self.began)).await;
            }
        };
        self.metrics.connected();
        self.apply.on_event(Event::Connected { metadata: stream.metadata() });
        loop {
            let response = tokio::select! {
                // In this order: a heartbeat that is there already counts, however late it is read.
                biased;
                () = stop.as_mut() => break,
                response = stream.receive() => response?,
                () = until(self.session.next_end(), self.began) => {
                    self.remove_ended().await;
                    continue;
                }
            };
            // Not sooner: a server that is not ready accepts connections, and refuses streams.
            self.servers.on_answer();
            self.take(response, &stream).await?;
        }
        stream.close().await;
        Ok(())
    }

    async fn take(&mut self, response: Response, stream: &Stream) -> Result<(), Disconnected> {
        let now = self.now();
        match self.session.on_response(response, now) {
            Step::Ignore => Ok(()),
            Step::Answer(request) => stream.send(request).await,
            Step::Reopen => Err(stream.silent()),
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
                        self.session.accept(&update, self.now())
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
        let now = self.now();
        self.session.reject_some(update, (&refused, &reason), now)
    }

    fn now(&self) -> Uptime {
        Uptime(self.began.elapsed())
    }

    /// Removes what its server was silent of for too long, whether a stream is open or not.
    async fn remove_ended(&mut self) {
        remove_ended(self.session, self.apply, (self.metrics, self.began)).await;
    }
}

/// Waits until the session's clock says so; for ever where it never does.
async fn until(end: Option<Uptime>, began: Instant) {
    match end.and_then(|end| began.checked_add(end.0)) {
        Some(end) => tokio::time::sleep_until(end).await,
        None => std::future::pending().await,
    }
}

/// What can't be removed stays held, and is tried again.
async fn remove_ended<A: Apply>(
    session: &mut ClientSession,
    apply: &mut A,
    (metrics, began): (&Metrics, Instant),
) {
    for update in session.end(Uptime(began.elapsed())) {
        match apply.apply(&update).await {
            Ok(()) => {
                metrics.ended(&update);
                session.ended(&update);
            }
            Err(rejection) => {
                tracing::warn!(%rejection, "what has ended can't be removed");
            }
        }
    }
}
