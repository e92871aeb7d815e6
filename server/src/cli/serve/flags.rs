//! The settings' table as flags.

use clap::{Arg, ArgAction, ArgMatches, FromArgMatches};

use crate::config::{
    Settings, env_name,
    table::{Form, SETTINGS},
};

/// A flag for each row of the settings' table. Values stay text: all mistakes are told at once, by [`crate::config::parse`].
#[derive(Debug)]
pub(super) struct SettingFlags(pub(super) Vec<(&'static str, String)>);

impl clap::Args for SettingFlags {
    fn augment_args(mut command: clap::Command) -> clap::Command {
        let defaults = Settings::default();
        for setting in SETTINGS {
            let default = (setting.get)(&defaults);
            let help = format!("{} [default: {default}] [env: {}]", setting.help, env_name(setting.name));
            let arg = Arg::new(setting.name).long(setting.name).help(help).action(ArgAction::Set);
            command = command.arg(match setting.form {
                Form::Value(value) => arg.value_name(value),
                Form::Switch => {
                    arg.value_name("BOOL").num_args(0..=1).require_equals(true).default_missing_value("true")
                }
            });
        }
        command
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |name| matches.get_one::<String>(name).cloned();
        Ok(Self(SETTINGS.iter().filter_map(|setting| Some((setting.name, given(setting.name)?))).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
