//! The config file read again while the server runs (SIGHUP): what can change does, the rest is named.

use std::sync::Arc;

use mainsheet_cache::blocking;

use super::given::Givens;
use crate::{
    config::{Differences, Effective, Mistake, Settings, table::TakesEffect},
    live::Live,
    log::LevelSwitch,
    open_files,
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
    pub(super) async fn reread(&mut self, live: &Live) {
        if self.givens.file.is_none() {
            return tracing::warn!("SIGHUP: there is no config file to read again");
        }
        let givens = Arc::clone(&self.givens);
        match blocking::spawn(move || givens.read()).await {
            Ok(Ok(effective)) => self.take_over(&effective, live),
            Ok(Err(mistakes)) => refuse(&mistakes),
            Err(error) => tracing::error!(%error, "the config file could not be read again"),
        }
    }

    fn take_over(&mut self, effective: &Effective, parts: &Live) {
        let Differences { live, views, restart } = effective.differences(&self.running);
        let before = self.running.clone();
        for setting in &live {
            let text = (setting.get)(&effective.settings);
            if let Err(right) = (setting.set)(&mut self.running, &text) {
                tracing::error!(setting = setting.name, value = text, right, "a setting can't be changed");
            }
        }
        if views {
            self.running.views = effective.settings.views.clone();
        }
        self.level.set(self.running.log_level);
        parts.change(&self.running);
        if self.running.limits.connections_max > before.limits.connections_max {
            open_files::raise_limit(self.running.limits.connections_max);
        }
        for setting in &live {
            let (value, origin) = ((setting.get)(&self.running), effective.origin(setting.name));
            tracing::info!(setting = setting.name, value, %origin, takes_effect = %setting.takes_effect, "a setting has changed");
        }
        if views {
            let (rules, origin) = (self.running.views.rules.len(), effective.origin("views"));
            let takes_effect = TakesEffect::NewStreams;
            tracing::info!(setting = "views", rules, %origin, %takes_effect, "a setting has changed");
        }
        if !restart.is_empty() {
            tracing::warn!("changed, but needs a restart: {}", restart.join(", "));
        }
        let changed = live.len() + usize::from(views);
        tracing::info!(changed, "the config file was read again");
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
