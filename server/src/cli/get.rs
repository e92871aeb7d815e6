//! `mainsheet get`: a read over ADS, as any sink reads.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Context as _;
use mainsheet_api::{
    codec::{self, decode_entry},
    kind::{Family, Kind},
    time::Clock,
    xds::client::Received,
};

use super::{
    Context, Exit, block_on,
    connect::ConnectArgs,
    first_answers::first_answers,
    kinds,
    output::{self, Format},
};
use crate::clock::SystemClock;

/// Show what a server serves
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Kind of the resources, its plural or its short name
    #[arg(value_parser = kinds::KindParser)]
    kind: Kind,
    /// Only the resource of this name
    name: Option<String>,
    /// Namespace of the resources; of Envoy's kinds all are shown, because theirs is not on the wire
    #[arg(short, long, value_name = "NAME", default_value = "default")]
    namespace: String,
    /// Of all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// How to print them
    #[arg(short, long, value_enum, default_value = "table")]
    output: Format,
    /// How long to wait for the server's answer
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    timeout: Duration,
    #[command(flatten)]
    server: ConnectArgs,
}

pub(super) fn run(args: Args, context: Context<'_>) -> anyhow::Result<Exit> {
    let mut found = BTreeMap::new();
    for Received { name, any, .. } in block_on(read(&args, &context))? {
        let one = decode_entry(args.kind, &any).with_context(|| format!("{} `{name}`", args.kind))?;
        if args.asks_for(&one) {
            found.insert(one.resource.key.clone(), one);
        }
    }
    let found: Vec<codec::Received> = found.into_values().collect();
    if found.is_empty() {
        return args.nothing();
    }
    let text = match args.output {
        Format::Table => output::resources(&found, args.all_namespaces, SystemClock::new().wall()),
        Format::Name => output::names(&found),
        Format::Yaml => output::yaml(&found)?,
        Format::Json => output::json(&found, args.name.is_some())?,
    };
    write!(context.out, "{text}")?;
    Ok(Exit::Done)
}

impl Args {
    fn asks_for(&self, found: &codec::Received) -> bool {
        let key = &found.resource.key;
        let is_in_namespace = self.all_namespaces
            || self.kind.info().family != Family::Istio
            || *key.namespace == *self.namespace;
        is_in_namespace && self.name.as_ref().is_none_or(|name| *key.name == **name)
    }

    /// As kubectl does it: a name that is not there is an error, an empty list is none.
    fn nothing(&self) -> anyhow::Result<Exit> {
        let plural = self.kind.info().plural;
        let place = match (self.kind.info().family, self.all_namespaces) {
            (Family::Envoy | Family::Opaque, _) | (_, true) => String::new(),
            (Family::Istio, false) => format!(" in namespace `{}`", self.namespace),
        };
        match &self.name {
            Some(name) => anyhow::bail!("{plural} `{name}` not found{place}"),
            None => {
                output::note(&format!("no {plural} found{place}"));
                Ok(Exit::Done)
            }
        }
    }
}

async fn read(args: &Args, context: &Context<'_>) -> anyhow::Result<Vec<Received>> {
    let client = args.server.client("get", context);
    let address = args.server.address(context);
    let mut answers = first_answers(client, &address, [args.kind], args.timeout).await?;
    Ok(answers.remove(&args.kind).unwrap_or_default())
}
