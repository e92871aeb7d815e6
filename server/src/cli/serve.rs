//! `mainsheet serve`.

use anyhow::Context as _;
use clap::{Arg, ArgAction, ArgMatches, FromArgMatches};

use super::{Context, Exit, error::CliError};
use crate::{
    config::{
        Given, Settings, env_name, parse,
        table::{Form, SETTINGS},
    },
    log,
};

/// Serve the resources of directories and files
///
/// Every setting is a flag (--grpc-addr), an environment variable (MAINSHEET_GRPC_ADDR) and a key of the config file
/// (grpc-addr), in this order of precedence.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Directories and files of YAML or JSON documents, the strongest first [env: MAINSHEET_PATHS, separated by `:`]
    #[arg(value_name = "DIR|FILE")]
    paths: Vec<String>,
    /// YAML file of settings, under the names of the flags [env: MAINSHEET_CONFIG]
    #[arg(long, value_name = "FILE")]
    config: Option<String>,
    #[command(flatten)]
    flags: SettingFlags,
}

/// A flag for each row of the settings' table. Values stay text: all mistakes are told at once, by [`parse`].
#[derive(Debug)]
struct SettingFlags(Vec<(&'static str, String)>);

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

pub(super) fn run(args: Args, context: Context<'_>) -> anyhow::Result<Exit> {
    let settings = settings(args, &context)?;
    log::init(settings.log_format, settings.log_level);
    anyhow::bail!("not composed yet: {} paths", settings.paths.len())
}

fn settings(args: Args, context: &Context<'_>) -> anyhow::Result<Settings> {
    let path = args.config.or_else(|| context.environment.get(&env_name("config")).cloned());
    let file = match path {
        None => None,
        Some(path) => {
            let text =
                std::fs::read_to_string(&path).with_context(|| format!("read config file `{path}`"))?;
            Some((path, text))
        }
    };
    let given =
        Given { file, environment: context.environment.clone(), flags: args.flags.0, paths: args.paths };
    parse(&given).map_err(|mistakes| CliError::Settings(mistakes).into())
}
