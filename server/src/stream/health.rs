//! grpc.health.v1: serving when nothing is awaited any more, and not while stopping.

use std::iter;

use tokio_util::sync::CancellationToken;
use tonic_health::{
    ServingStatus,
    pb::health_server::{Health, HealthServer},
    server::HealthReporter,
};

use super::services;
use crate::readiness::Readiness;

/// The service, not serving yet, and what tells it otherwise.
pub(super) async fn service() -> (HealthReporter, HealthServer<impl Health>) {
    let (reporter, service) = tonic_health::server::health_reporter();
    report(&reporter, ServingStatus::NotServing).await;
    (reporter, service)
}

/// Follows readiness until `stop`.
pub(super) async fn follow(reporter: HealthReporter, readiness: Readiness, stop: CancellationToken) {
    let mut awaited = readiness.subscribe();
    loop {
        let is_ready = awaited.borrow_and_update().is_empty();
        report(&reporter, if is_ready { ServingStatus::Serving } else { ServingStatus::NotServing }).await;
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            changed = awaited.changed() => if changed.is_err() { break },
        }
    }
    report(&reporter, ServingStatus::NotServing).await;
}

/// Of the server as a whole (the empty name) and of each discovery service.
async fn report(reporter: &HealthReporter, status: ServingStatus) {
    for service in iter::once("").chain(services::names()) {
        reporter.set_service_status(service, status).await;
    }
}
