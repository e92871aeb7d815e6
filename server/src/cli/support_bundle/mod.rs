//! `mainsheet support-bundle`: what somebody who helps needs to know of a server, in one file.

mod archive;
mod bundle;
mod over_grpc;
mod over_http;

use std::path::PathBuf;

use mainsheet_api::time::{Clock as _, Timestamp};

use self::bundle::Bundle;
use super::{Context, Exit, block_on, client::ServiceArgs, output::note, whole_file};
use crate::{
    clock::SystemClock,
    config::{Given, GivenFile, parse, print},
    mask,
};

/// Collect what somebody who helps needs to know of a running server, in one file
///
/// Its status, the last 100 revisions, its sinks, every debug page, metrics and health, and with --config its settings. What
/// looks secret is masked; names and addresses are not. What can't be had is named in the bundle's README.txt and on standard
/// error, and the rest is written all the same; nothing is written, and the exit code is 3, where nothing can be had.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  mainsheet support-bundle
  mainsheet support-bundle -o bundle.tar.gz --config /etc/mainsheet/config.yaml
  mainsheet support-bundle --server mesh:15010 --http http://mesh:15014")]
pub(super) struct Args {
    /// The file, for its owner only, which appears once it is whole [default: mainsheet-support-TIME.tar.gz]
    #[arg(short, long, value_name = "FILE.tar.gz", value_hint = clap::ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// Where the server's HTTP port is
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:15014")]
    http: String,
    /// Config file whose settings are put in, each with where it came from
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    config: Option<String>,
    /// With all that is served, too (/debug/configz)
    #[arg(long)]
    with_configuration: bool,
    #[command(flatten)]
    service: ServiceArgs,
}

pub(super) fn run(args: Args, context: Context<'_>) -> anyhow::Result<Exit> {
    let now = SystemClock::new().wall();
    let bundle = block_on(collect(&args, &context))?;
    for missing in bundle.missing() {
        note(&format!("missing: {missing}"));
    }
    if bundle.is_empty() {
        note("error: nothing could be had, so nothing is written");
        return Ok(Exit::NotReached);
    }
    let path = args.output.unwrap_or_else(|| default_name(now));
    let files = bundle.finish(now);
    whole_file::write(&path, |file| archive::write(&files, now, file))?;
    writeln!(context.out, "{} files written to `{}`", files.len(), path.display())?;
    Ok(Exit::Done)
}

async fn collect(args: &Args, context: &Context<'_>) -> anyhow::Result<Bundle> {
    let mut bundle = Bundle::default();
    over_grpc::collect(&args.service, context, &mut bundle).await;
    over_http::collect(&args.http, args.with_configuration, args.service.timeout(), &mut bundle).await;
    if let Some(path) = &args.config {
        bundle.take("settings.yaml", settings(path));
    }
    Ok(bundle)
}

/// As a server with this file, and no flags and variables, would be set.
fn settings(path: &str) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
    let file = Some(GivenFile { path: path.to_owned(), text });
    let effective = parse(&Given { file, ..Given::default() }).map_err(super::error::CliError::Settings)?;
    Ok(print(&effective))
}

fn default_name(now: Timestamp) -> PathBuf {
    let time = moment(now).replace([':', '-'], "");
    format!("mainsheet-support-{time}.tar.gz").into()
}

fn moment(at: Timestamp) -> String {
    humantime::format_rfc3339_seconds(at.to_system_time()).to_string()
}
