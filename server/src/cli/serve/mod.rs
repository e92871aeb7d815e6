//! `mainsheet serve`.

mod announcement;
mod flags;

use std::{io, pin::pin};

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use self::flags::SettingFlags;
use super::{Context, Exit, error::CliError};
use crate::{
    app::{self, Running},
    config::{Given, Settings, env_name, parse},
    log, open_files,
    signals::Signals,
};

/// Serve the resources of directories and files
///
/// Every setting is a flag (--grpc-addr), an environment variable (MAINSHEET_GRPC_ADDR) and a key of the config file
/// (grpc-addr), in this order of precedence.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Directories and files of YAML or JSON documents, the strongest first: what several hold is served from the first of
    /// them [env: MAINSHEET_PATHS, separated by `:`]
    #[arg(value_name = "DIR|FILE")]
    paths: Vec<String>,
    /// YAML file of settings, under the names of the flags [env: MAINSHEET_CONFIG]
    #[arg(long, value_name = "FILE")]
    config: Option<String>,
    #[command(flatten)]
    flags: SettingFlags,
}

pub(super) fn run(args: Args, mut context: Context<'_>) -> anyhow::Result<Exit> {
    let settings = settings(args, &context)?;
    log::init(settings.log_format, settings.log_level);
    open_files::raise_limit(settings.connections_max);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(serve(&settings, &mut context));
    // A second signal does not wait for what still runs.
    runtime.shutdown_background();
    ended
}

async fn serve(settings: &Settings, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let mut signals = Signals::new()?;
    let (running, tasks) = app::start(settings).await?;
    tracing::info!(grpc = %running.grpc_addr(), http = %running.http_addr(), "listening");
    let stop = tasks.stop();
    let mut ended = pin!(tasks.join());
    let mut announced = pin!(announce(settings, running, context.out));
    let mut is_announced = false;
    loop {
        tokio::select! {
            ended = &mut ended => return ended.map(|()| Exit::Done),
            () = &mut announced, if !is_announced => is_announced = true,
            signal = signals.next() => {
                if stop.is_cancelled() {
                    anyhow::bail!("{signal} while stopping: what was under way is given up");
                }
                order_to_stop(signal, &stop);
            }
        }
    }
}

/// Tells what is served once it is.
async fn announce(settings: &Settings, running: Running, out: &mut (dyn io::Write + Send)) {
    running.ready().await;
    let text = announcement::text(settings, &running);
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Whom it was for is gone; the sinks are not.
        tracing::warn!(%error, "standard output is closed");
    }
}

fn order_to_stop(signal: &str, stop: &CancellationToken) {
    tracing::info!(signal, "stopping; again to stop at once");
    stop.cancel();
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
