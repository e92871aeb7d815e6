//! The settings that count, and where each came from.

use std::collections::BTreeMap;

use super::{
    Origin, Settings,
    table::{SETTINGS, Setting, TakesEffect},
};

/// What [`super::parse`] makes of all that was given.
#[derive(Clone, Debug, Default)]
pub struct Effective {
    /// The values.
    pub settings: Settings,
    /// By name; those that are not there are defaults. `paths[1].unknown-fields`: set for one path alone.
    pub(super) origins: BTreeMap<String, Origin>,
}

impl Effective {
    /// Where a value came from.
    #[must_use]
    pub fn origin(&self, name: &str) -> &Origin {
        self.origins.get(name).unwrap_or(&Origin::Default)
    }

    /// What is no longer as it runs.
    #[must_use]
    pub fn differences(&self, running: &Settings) -> Differences {
        let differs = |setting: &&Setting| (setting.get)(&self.settings) != (setting.get)(running);
        let (restart, live): (Vec<&Setting>, Vec<&Setting>) =
            SETTINGS.iter().filter(differs).partition(|setting| setting.takes_effect == TakesEffect::Restart);
        let mut restart: Vec<_> = restart.iter().map(|setting| setting.name).collect();
        if self.settings.paths != running.paths {
            restart.push("paths");
        }
        if self.settings.upstreams != running.upstreams {
            restart.push("upstreams");
        }
        Differences { live, views: self.settings.views != running.views, restart }
    }
}

/// Settings that differ from those that run.
#[derive(Debug, Default)]
pub struct Differences {
    /// Those that can change while the server runs.
    pub live: Vec<&'static Setting>,
    /// Whether `views` do, which can change, too.
    pub views: bool,
    /// Those that need a restart, by name.
    pub restart: Vec<&'static str>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::LogLevel, views::ViewRule};

    #[test]
    fn every_difference_is_named_by_when_it_can_be_applied() {
        let mut effective = Effective::default();
        let Differences { live, views, restart } = effective.differences(&Settings::default());
        assert!(live.is_empty() && !views && restart.is_empty());
        effective.settings.log_level = LogLevel::Debug;
        effective.settings.history_len_max += 1;
        effective.settings.paths.push(std::path::PathBuf::from("mesh").into());
        effective.settings.views.rules.push(ViewRule { nodes: "*".into(), namespaces: ["a".into()].into() });
        let Differences { live, views, restart } = effective.differences(&Settings::default());
        let live: Vec<_> = live.iter().map(|setting| setting.name).collect();
        assert_eq!((live, views, restart), (vec!["log-level"], true, vec!["history-len", "paths"]));
    }
}
