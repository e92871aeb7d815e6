//! What the settings mean to the parts that take others while they run, and the way there.

use std::sync::Arc;

use mainsheet_api::{
    validate,
    xds::server::{self, Policy},
};
use tokio::sync::watch;

use crate::{
    admission::Admission,
    config::{EmptyList, GoneEndpoints, GuardMode, Settings},
    intake::{GuardRule, IntakeOptions},
    stream::StreamOptions,
};

/// The parts of a running server that can be told other settings. Which settings these are says
/// [`crate::config::table::Setting::takes_effect`].
#[derive(Clone, Debug)]
pub struct Live {
    pub(crate) intake: watch::Sender<IntakeOptions>,
    pub(crate) stream: watch::Sender<StreamOptions>,
    pub(crate) admission: Admission,
}

impl Live {
    /// These hold from now on. They may differ from those before only in what can change.
    pub fn change(&self, settings: &Settings) {
        self.intake.send_replace(intake_options(settings));
        self.stream.send_replace(stream_options(settings));
        self.admission.change(settings.limits.clone());
    }
}

/// How what comes in is taken in.
pub(crate) fn intake_options(settings: &Settings) -> IntakeOptions {
    IntakeOptions {
        quiet: settings.debounce_quiet,
        delay_max: settings.debounce_max,
        guard_hold: settings.guard_hold,
        guard: match settings.guard_mode {
            GuardMode::Proceed => GuardRule::Proceed,
            GuardMode::Stay => GuardRule::Stay,
        },
        root_namespace: settings.root_namespace.clone(),
        lifetimes: settings.lifetimes(),
        authorities: settings.authorities().into(),
        validation: validate::Options { crd_rules: settings.crd_rules, ..validate::Options::default() },
    }
}

/// How sinks are served.
pub(crate) fn stream_options(settings: &Settings) -> StreamOptions {
    StreamOptions {
        identity: Arc::from(settings.instance.as_str()),
        views: settings.views.clone(),
        policy: Arc::new(policy(settings)),
        trust_loopback: settings.auth.trust_loopback,
        allow_api_beyond_loopback: settings.allow_api_beyond_loopback,
        keepalive_interval: settings.keepalive_interval,
        keepalive_timeout: settings.keepalive_timeout,
        write_deadline: settings.write_deadline,
        connection_age_max: settings.connection_age_max,
        grace: settings.shutdown_grace,
        ..StreamOptions::default()
    }
}

/// What operators decide of the protocol.
fn policy(settings: &Settings) -> Policy {
    Policy {
        resend_held: settings.resend_held.clone(),
        empty_list: match settings.empty_list {
            EmptyList::CompleteKinds => server::EmptyList::CompleteKinds,
            EmptyList::AllKinds => server::EmptyList::AllKinds,
        },
        gone_endpoints: match settings.gone_endpoints {
            GoneEndpoints::Removed => server::GoneEndpoints::Removed,
            GoneEndpoints::Empty => server::GoneEndpoints::Empty,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::SystemClock,
        config::table::{SETTINGS, TakesEffect},
        metrics::Metrics,
        surroundings::Randomness,
        views::ViewRule,
    };

    fn live() -> Live {
        let settings = Settings::default();
        let (clock, randomness) = (Arc::new(SystemClock::new()), Randomness::of_seed(1));
        Live {
            admission: Admission::new(settings.limits.clone(), clock, randomness, &Metrics::new()),
            intake: watch::Sender::new(intake_options(&settings)),
            stream: watch::Sender::new(stream_options(&settings)),
        }
    }

    /// Whether any part is told something else by what differs.
    fn reaches(changed: &Settings) -> bool {
        let live = live();
        let told = || format!("{:?} {:?} {:?}", live.intake.borrow(), live.stream.borrow(), live.admission);
        let before = told();
        live.change(changed);
        told() != before
    }

    #[test]
    fn every_setting_that_needs_no_restart_reaches_a_part() {
        // What is right for one of them or another; the log is changed by itself.
        let others = ["77ms", "77", "77s", "77KiB", "stay", "all-kinds", "empty", "Listener", "false"];
        let live = SETTINGS.iter().filter(|setting| setting.takes_effect != TakesEffect::Restart);
        for setting in live.filter(|setting| setting.name != "log-level") {
            let mut changed = Settings::default();
            assert!(
                others.iter().any(|other| (setting.set)(&mut changed, other).is_ok()),
                "{}",
                setting.name
            );
            assert!(reaches(&changed), "{}", setting.name);
        }
    }

    #[test]
    fn views_reach_a_part() {
        let mut changed = Settings::default();
        assert!(!reaches(&changed));
        changed.views.rules.push(ViewRule { nodes: "*".into(), namespaces: ["a".into()].into() });
        assert!(reaches(&changed));
    }
}
