//! `mainsheet status`: how a server is.

mod shown;

pub(super) use shown::value;

use super::{
    Context, Exit, block_on,
    client::ServiceArgs,
    output::{Format, FormatParser, object},
};
use mainsheet_api::generated::mainsheet::v1 as pb;

/// Show how a server is: what it serves and awaits, its sources and their problems, what is held, and who is connected
///
/// Ends with 0 where the server is ready, and with 3 where it awaits something.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  mainsheet status
  mainsheet status -o wide
  mainsheet status -o jsonpath='{.revision}'")]
pub(super) struct Args {
    /// How to print it
    #[arg(short, long, value_name = "FORMAT", default_value = "table", value_parser = FormatParser { with_name: false })]
    output: Format,
    #[command(flatten)]
    service: ServiceArgs,
}

pub(super) fn run(args: Args, context: Context<'_>) -> anyhow::Result<Exit> {
    let status = block_on(async {
        let service = args.service.connect(&context).await?;
        service.answer(service.client().status(pb::StatusRequest {})).await
    })?;
    let text = match &args.output {
        Format::Table => shown::text(&status, false),
        Format::Wide => shown::text(&status, true),
        other => object(other, &shown::value(&status))?,
    };
    write!(context.out, "{text}")?;
    Ok(if status.awaited.is_empty() { Exit::Done } else { Exit::NotReached })
}
