//! The task that writes pins to the status area: what changed within a second goes with one write.

use std::{sync::Arc, time::Duration};

use mainsheet_api::{time::Clock, version::Revision};
use mainsheet_cache::Cache;
use tokio_util::sync::CancellationToken;

use super::SinkPins;
use crate::sinks::Sinks;

/// Between two writes.
const WRITE_INTERVAL: Duration = Duration::from_secs(1);

/// Between two looks for sinks that are away, where nothing else happens.
const LOOK_INTERVAL: Duration = Duration::from_secs(600);

/// Runs until the order to end; then writes what is left.
///
/// # Errors
/// Where the cache is gone.
pub async fn run(
    sinks: Arc<Sinks>,
    cache: Cache,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let pins = sinks.pins();
    let mut newest = cache.subscribe();
    let mut swept = Revision::ZERO;
    loop {
        let catalog = newest.borrow_and_update().clone();
        let revision = catalog.0.revision();
        pins.sweep(&catalog, revision != swept, clock.uptime());
        swept = revision;
        if pins.write(&cache).await {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = tokio::time::sleep(WRITE_INTERVAL) => continue,
            }
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            () = pins.news.notified() => {}
            changed = newest.changed() => changed?,
            () = tokio::time::sleep(LOOK_INTERVAL) => {}
        }
    }
    pins.write(&cache).await;
    Ok(())
}

impl SinkPins {
    /// Whether there was anything to write. What can't be written is written with what comes next.
    async fn write(&self, cache: &Cache) -> bool {
        let notes = self.take_unwritten();
        if notes.is_empty() {
            return false;
        }
        if let Err(error) = cache.store().set_status(notes.clone().into_iter().collect()).await {
            let error = format!("{:#}", anyhow::Error::from(error));
            tracing::error!(error, "note what sinks are pinned to; it is tried again");
            self.put_back(notes);
        }
        true
    }
}
