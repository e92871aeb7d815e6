//! `mainsheet sinks`: who is connected, and how each stands with what it asked for.

mod following;
mod shown;

use mainsheet_api::{generated::mainsheet::v1 as pb, time::Clock as _};
use serde_json::{Value, json};

use super::{
    Context, Exit, block_on,
    client::{Service, ServiceArgs},
    error::CliError,
    output::{Format, FormatParser, note, object},
};
use crate::clock::SystemClock;

/// Show who is connected, and how each stands with what it asked for
///
/// A sink is synced with a type once it has acknowledged what is newest of it, behind until then, and refuses it where it
/// answered the last response with a NACK: its own words are shown. It is pinned where something older stands for a resource
/// that it refused, until that is updated or removed. -o wide has a line for each type.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  mainsheet sinks
  mainsheet sinks --node istiod -o wide
  mainsheet sinks -o jsonpath='{.sinks[?(@.state==\"refused\")].node}'
  mainsheet sinks -w")]
pub(super) struct Args {
    /// Only those whose node id holds this
    #[arg(long, value_name = "TEXT")]
    node: Option<String>,
    /// Go on with what changes, until interrupted: looks every second
    #[arg(short, long)]
    watch: bool,
    /// How to print them
    #[arg(short, long, value_name = "FORMAT", default_value = "table", value_parser = FormatParser { with_name: false })]
    output: Format,
    #[command(flatten)]
    service: ServiceArgs,
}

pub(super) fn run(args: Args, context: Context<'_>) -> anyhow::Result<Exit> {
    if args.watch && !matches!(args.output, Format::Table | Format::Wide | Format::Json) {
        return Err(CliError::usage("--watch prints as table, wide or json").into());
    }
    block_on(sinks(&args, context))
}

async fn sinks(args: &Args, context: Context<'_>) -> anyhow::Result<Exit> {
    let service = args.service.connect(&context).await?;
    if args.watch {
        return following::follow(args, &service, context.out).await;
    }
    let sinks = all(args, &service).await?;
    let now = SystemClock::new().wall();
    let text = match &args.output {
        Format::Table | Format::Wide if sinks.is_empty() => {
            note("no sinks are connected");
            return Ok(Exit::Done);
        }
        Format::Table => shown::table(&sinks, now) + &shown::refusals(&sinks) + &shown::pins(&sinks),
        Format::Wide => shown::wide(&sinks, now),
        other => object(other, &json!({"sinks": sinks.iter().map(shown::value).collect::<Vec<_>>()}))?,
    };
    write!(context.out, "{text}")?;
    Ok(Exit::Done)
}

/// All pages.
async fn all(args: &Args, service: &Service) -> anyhow::Result<Vec<pb::Sink>> {
    let node = args.node.clone().unwrap_or_default();
    let mut sinks = pages(service, &node).await?;
    sinks.sort_by(|left, right| (&left.node_id, &left.peer).cmp(&(&right.node_id, &right.peer)));
    Ok(sinks)
}

/// Every sink as an object.
///
/// # Errors
/// Where the server does not answer.
pub(super) async fn objects(service: &Service) -> anyhow::Result<Value> {
    Ok(json!({"sinks": pages(service, "").await?.iter().map(shown::value).collect::<Vec<_>>()}))
}

async fn pages(service: &Service, node: &str) -> anyhow::Result<Vec<pb::Sink>> {
    let mut request = pb::SinksRequest { node: node.to_owned(), ..pb::SinksRequest::default() };
    let mut sinks = Vec::new();
    loop {
        let page = service.answer(service.client().sinks(request.clone())).await?;
        sinks.extend(page.sinks);
        if page.next_page_token.is_empty() {
            return Ok(sinks);
        }
        request.page_token = page.next_page_token;
    }
}
