//! One client of a server, which tells the intake what it receives.

use std::sync::Arc;

use mainsheet_api::{
    kind::Kind,
    time::Clock,
    version::ResourceVersion,
    xds::{Variant, client::Update},
};
use mainsheet_cache::blocking;
use mainsheet_sink::{Apply, Disconnected, Event, Rejection};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::metadata::MetadataMap;

use super::{
    UpstreamSourceOptions, UpstreamSourceParts,
    read::{Reading, Told},
    telling::{End, Response, Telling},
};
use crate::{
    chain::{CHAIN, Chain, is_loop},
    source::Batch,
    source_health::SourceHealth,
};

/// What becomes of what a server sends.
pub(super) struct Relay {
    options: UpstreamSourceOptions,
    reading: Reading,
    telling: Telling,
    batches: mpsc::Sender<Batch>,
    health: SourceHealth,
    chain: Chain,
    clock: Arc<dyn Clock>,
    /// Whether the server at the other end of the stream is mainsheet.
    is_mainsheet: bool,
    /// Whether the intake knows that it need not wait for a server that waits for this one.
    is_loop_told: bool,
    stop: CancellationToken,
    intake_gone: CancellationToken,
}

impl Relay {
    pub(super) fn new(
        options: &UpstreamSourceOptions,
        parts: &UpstreamSourceParts,
        held: Vec<(Kind, Arc<str>, ResourceVersion)>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            reading: Reading { documents: options.documents.clone(), validation: options.validation },
            telling: Telling::new(options.name.clone(), &options.kinds, held),
            options: options.clone(),
            batches: parts.batches.clone(),
            health: parts.health.clone(),
            chain: parts.chain.clone(),
            clock: Arc::clone(&parts.clock),
            is_mainsheet: false,
            is_loop_told: false,
            stop,
            intake_gone: CancellationToken::new(),
        }
    }

    /// Cancelled when nobody takes batches any more.
    pub(super) fn intake_gone(&self) -> CancellationToken {
        self.intake_gone.clone()
    }

    /// Decodes and validates away from the tasks that serve.
    async fn read(&self, kind: Kind, update: &Update) -> Result<Vec<Told>, Rejection> {
        let (reading, changed) = (self.reading.clone(), update.changed.clone());
        let work = move || changed.into_iter().map(|received| reading.read(kind, received)).collect();
        let read = blocking::spawn(work).await;
        read.map_err(|error| Rejection::new(format!("reading it failed: {error}")))
    }

    /// Whether the response that brings an update is the last of an answer.
    fn end(&self, kind: Kind, update: &Update) -> End {
        // Endpoints that are gone may be told as assignments without any, which are no part of the set's version.
        let has_sums = self.is_mainsheet && self.options.variant == Variant::Delta && kind != Kind::ENDPOINTS;
        if has_sums { End::At(update.version.clone()) } else { End::Here }
    }

    async fn tell(&self, batch: Batch) -> Result<(), Rejection> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Rejection::new("the server is stopping")),
            sent = self.batches.send(batch) => sent.map_err(|_| {
                self.intake_gone.cancel();
                Rejection::new("the server is stopping")
            }),
        }
    }

    fn on_connected(&mut self, metadata: &MetadataMap) {
        let told = chain_of(metadata);
        self.is_mainsheet = told.is_some();
        self.chain.learn(&self.options.name, told.unwrap_or_default());
        self.telling.on_connected();
        self.health.connected(self.clock.wall());
    }

    fn on_disconnected(&mut self, reason: &Disconnected) {
        let mut is_loop_refused = false;
        if let Disconnected::Status { status, .. } = reason
            && let Some(told) = chain_of(status.metadata())
        {
            self.chain.learn(&self.options.name, told);
            is_loop_refused = is_loop(self.chain.own(), told);
        }
        self.health.away(reason.to_string(), self.clock.wall());
        // Servers that follow each other would wait for each other for ever. Nothing is missing: what such an upstream has
        // came from here.
        if is_loop_refused && !self.is_loop_told {
            self.is_loop_told = self.batches.try_send(self.telling.nothing_known()).is_ok();
        }
    }
}

impl Apply for Relay {
    async fn apply(&mut self, update: &Update) -> Result<(), Rejection> {
        let Some(kind) = Kind::of_type_url(&update.type_url) else { return Ok(()) };
        let told = self.read(kind, update).await?;
        let mut rejection = Rejection::default().rest_applied();
        for told in &told {
            if let Some(reason) = &told.refusal {
                rejection = rejection.and(&*told.received.name, reason);
            }
        }
        let response = Response { kind, told, removed: update.removed.clone(), end: self.end(kind, update) };
        if let Some(batch) = self.telling.on_response(response) {
            self.tell(batch).await?;
        }
        self.health.offered(self.telling.len(), self.clock.wall());
        if rejection.is_empty() {
            return Ok(());
        }
        tracing::warn!(source = %self.options.name, "refused, what was last good stays: {rejection}");
        Err(rejection)
    }

    fn on_event(&mut self, event: Event<'_>) {
        match event {
            Event::Connected { metadata } => self.on_connected(metadata),
            Event::Disconnected { reason, .. } => self.on_disconnected(reason),
            Event::Refused(malformed) => self.health.refused(malformed.to_string()),
        }
    }
}

fn chain_of(metadata: &MetadataMap) -> Option<&str> {
    metadata.get(CHAIN)?.to_str().ok()
}
