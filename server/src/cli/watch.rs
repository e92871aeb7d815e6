//! `mainsheet watch`: a sink whose applier is the terminal.

use std::{collections::BTreeSet, io, sync::Arc};

use mainsheet_api::{
    kind::Kind,
    version::ResourceVersion,
    xds::{
        Variant,
        client::{Update, Wanted},
    },
};
use mainsheet_sink::{Apply, Event, Rejection};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{Context, Exit, block_on, connect::ConnectArgs, kinds, output};
use crate::signals::Signals;

/// Follow what a server serves, until interrupted
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Kinds to follow, by name, plural or short name [default: all]
    #[arg(value_parser = kinds::KindParser)]
    kinds: Vec<Kind>,
    /// Speak the incremental form of the protocol instead of state of the world
    #[arg(long)]
    delta: bool,
    /// How to print changes
    #[arg(short, long, value_enum, default_value = "text")]
    output: Format,
    #[command(flatten)]
    server: ConnectArgs,
}

/// How changes are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A line for people
    Text,
    /// An object a line, also for what happens to the connection
    Json,
}

pub(super) fn run(args: Args, mut context: Context<'_>) -> anyhow::Result<Exit> {
    block_on(follow(&args, &mut context))
}

async fn follow(args: &Args, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let variant = if args.delta { Variant::Delta } else { Variant::Sotw };
    let mut builder = args.server.client("watch", context)?.variant(variant);
    let all = || Kind::all().filter(|kind| kind.info().from_documents && !kind.is_of_access()).collect();
    let kinds = if args.kinds.is_empty() { all() } else { args.kinds.clone() };
    for kind in kinds {
        builder = builder.subscribe_kind(kind, Wanted::Everything);
    }
    let mut client = builder.build()?;
    let mut signals = Signals::new()?;
    let stop = CancellationToken::new();
    let mut printer = Printer {
        format: args.output,
        address: args.server.address(context),
        held: BTreeSet::new(),
        out: &mut *context.out,
        failed: None,
        stop: stop.clone(),
    };
    let stopped = async {
        tokio::select! {
            biased;
            _ = signals.next() => {}
            () = stop.cancelled() => {}
        }
    };
    client.run(&mut printer, stopped).await?;
    printer.failed.map_or(Ok(Exit::Done), |error| Err(error.into()))
}

/// Prints what it is told to apply.
struct Printer<'a> {
    format: Format,
    address: String,
    /// Tells what is new from what is changed.
    held: BTreeSet<(Arc<str>, Arc<str>)>,
    out: &'a mut (dyn io::Write + Send),
    failed: Option<io::Error>,
    stop: CancellationToken,
}

/// What became of a resource.
#[derive(Clone, Copy)]
enum Became {
    Added,
    Changed,
    Removed,
}

impl Became {
    fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
        }
    }
}

impl Printer<'_> {
    fn change(&mut self, became: Became, type_url: &str, name: &str, version: Option<&ResourceVersion>) {
        let kind = Kind::of_type_url(type_url).map_or(type_url, |kind| kind.info().name);
        let word = became.word();
        let line = match (self.format, version) {
            (Format::Text, Some(version)) => format!("{word:<8}{kind} {name} {version}"),
            (Format::Text, None) => format!("{word:<8}{kind} {name}"),
            (Format::Json, version) => {
                let version = version.map(ResourceVersion::as_str);
                json!({"event": word, "kind": kind, "name": name, "version": version}).to_string()
            }
        };
        self.line(&line);
    }

    fn line(&mut self, line: &str) {
        let written = writeln!(self.out, "{line}").and_then(|()| self.out.flush());
        if let Err(error) = written {
            self.failed.get_or_insert(error);
            self.stop.cancel();
        }
    }

    fn news(&mut self, text: &str, object: &serde_json::Value) {
        match self.format {
            Format::Text => output::note(text),
            Format::Json => self.line(&object.to_string()),
        }
    }
}

impl Apply for Printer<'_> {
    async fn apply(&mut self, update: &Update) -> Result<(), Rejection> {
        for received in &update.changed {
            let is_new = self.held.insert((update.type_url.clone(), received.name.clone()));
            let became = if is_new { Became::Added } else { Became::Changed };
            self.change(became, &update.type_url, &received.name, Some(&received.version));
        }
        for name in &update.removed {
            self.held.remove(&(update.type_url.clone(), name.clone()));
            self.change(Became::Removed, &update.type_url, name, None);
        }
        Ok(())
    }

    fn on_event(&mut self, event: Event<'_>) {
        match event {
            Event::Connected { .. } => {
                let address = self.address.clone();
                self.news(
                    &format!("connected to `{address}`"),
                    &json!({"event": "connected", "server": address}),
                );
            }
            Event::Disconnected { reason, retry_in } => {
                let wait = retry_in.map_or(0, |wait| wait.as_millis());
                let reason = reason.to_string();
                let text = format!("{reason}; trying again in {wait} ms");
                self.news(&text, &json!({"event": "disconnected", "reason": reason}));
            }
            Event::Refused(malformed) => {
                let reason = malformed.to_string();
                self.news(
                    &format!("response refused: {reason}"),
                    &json!({"event": "refused", "reason": reason}),
                );
            }
        }
    }
}
