//! The config file read again while the server runs (SIGHUP): what can change does, the rest is named.

use std::sync::Arc;

use super::given::Givens;
use crate::{
    config::{Differences, Effective, Mistake, Settings},
    log::LevelSwitch,
};

/// What reading again needs.
pub(super) struct Rereader {
    pub(super) givens: Arc<Givens>,
    /// As the server was started, and as it was changed since.
    pub(super) running: Settings,
    pub(super) level: LevelSwitch,
}

impl Rereader {
    /// Reads the file and takes over what can change while the server runs. A file with mistakes changes nothing.
    pub(super) async fn reread(&mut self) {
        if self.givens.file.is_none() {
            return tracing::warn!("SIGHUP: there is no config file to read again");
        }
        let givens = Arc::clone(&self.givens);
        match tokio::task::spawn_blocking(move || givens.read()).await {
            Ok(Ok(effective)) => self.take_over(&effective),
            Ok(Err(mistakes)) => refuse(&mistakes),
            Err(error) => tracing::error!(%error, "the config file could not be read again"),
        }
    }

    fn take_over(&mut self, effective: &Effective) {
        let Differences { live, restart } = effective.differences(&self.running);
        for name in restart {
            let origin = effective.origin(name);
            tracing::warn!(setting = name, %origin, "a setting has changed that needs a restart");
        }
        // The only one that can.
        let level = effective.settings.log_level;
        if !live.is_empty() {
            self.running.log_level = level;
            self.level.set(level);
        }
        let origin = effective.origin("log-level");
        tracing::info!(log_level = %level, %origin, "the config file was read again");
    }
}

fn refuse(mistakes: &[Mistake]) {
    for mistake in mistakes {
        tracing::error!("{mistake}");
    }
    tracing::error!(
        mistakes = mistakes.len(),
        "the config file was read again and has mistakes; nothing changes"
    );
}
