//! The settings that count, and where each came from.

use std::collections::BTreeMap;

use super::{
    Origin, Settings,
    table::{LIVE, SETTINGS, Setting},
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
        let names = SETTINGS.iter().filter(differs).map(|setting| setting.name);
        let (live, mut restart): (Vec<_>, Vec<_>) = names.partition(|name| LIVE.contains(name));
        if self.settings.paths != running.paths {
            restart.push("paths");
        }
        if self.settings.upstreams != running.upstreams {
            restart.push("upstreams");
        }
        if self.settings.views != running.views {
            restart.push("views");
        }
        Differences { live, restart }
    }
}

/// Settings by name that differ from those that run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// Those that can change while the server runs.
    pub live: Vec<&'static str>,
    /// Those that need a restart.
    pub restart: Vec<&'static str>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::LogLevel, views::ViewRule};

    #[test]
    fn every_difference_is_named_by_when_it_can_be_applied() {
        let mut effective = Effective::default();
        assert_eq!(effective.differences(&Settings::default()), Differences::default());
        effective.settings.log_level = LogLevel::Debug;
        effective.settings.history_len_max += 1;
        effective.settings.paths.push(std::path::PathBuf::from("mesh").into());
        effective.settings.views.rules.push(ViewRule { nodes: "*".into(), namespaces: ["a".into()].into() });
        let expected =
            Differences { live: vec!["log-level"], restart: vec!["history-len", "paths", "views"] };
        assert_eq!(effective.differences(&Settings::default()), expected);
    }

    #[test]
    fn what_can_change_while_running_is_a_setting() {
        assert!(LIVE.iter().all(|name| crate::config::table::find(name).is_some()));
    }
}
