//! The binary. The only place that reads the environment.

use std::process::ExitCode;

use mainsheet_server::{cli, config};

fn main() -> ExitCode {
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with(config::ENV_PREFIX))
        .collect();
    cli::main(std::env::args_os(), environment)
}
