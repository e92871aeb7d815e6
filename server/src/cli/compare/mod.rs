//! `mainsheet compare`: how what an istiod holds differs from what a mainsheet would serve it.
//!
//! | module | is |
//! |---|---|
//! | `comparison` | two sets of resources side by side: pure |
//! | `text` | how it is printed |

mod comparison;
mod text;

use std::{collections::BTreeMap, time::Duration};

use anyhow::Context as _;
use mainsheet_api::{
    codec::{self, decode_entry},
    key::Key,
    kind::{Family, Kind},
    resource::Resource,
};

use self::comparison::Comparison;
use super::{
    Context, Exit, block_on, configz,
    connect::ConnectArgs,
    first_answers::first_answers,
    import::found::{DEFAULTS, Found},
    output,
};

/// Show how an istiod's configuration differs from what mainsheet would serve it
///
/// Before istiod is pointed at mainsheet, this says what would change: what istiod has and mainsheet does not serve, what
/// mainsheet would add, and which fields differ. It compares labels, annotations and every field of the body; versions and
/// times are no part of it. Exits with 0 where both are the same, with 1 where they differ.
///
/// Examples:
///   kubectl -n istio-system port-forward deploy/istiod 25014:15014 &
///   mainsheet compare --istiod http://127.0.0.1:25014
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Args {
    /// What istiod holds: its debug port, of which /debug/configz is read, or a file of that
    #[arg(long, value_name = "URL|FILE", required = true)]
    istiod: String,
    /// Only what is in this namespace
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
    /// How to print it
    #[arg(short, long, value_enum, default_value = "text")]
    output: Format,
    /// How long to wait for mainsheet's answer
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    timeout: Duration,
    #[command(flatten)]
    server: ConnectArgs,
}

/// How a comparison is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A line for each resource that differs, and the fields below it
    Text,
    /// An object
    Json,
}

pub(super) fn run(args: Args, context: Context<'_>) -> anyhow::Result<Exit> {
    let mut istiod = Found::default();
    let served = block_on(async {
        istiod.add(&args.istiod, codec::read(&configz::read(&args.istiod).await?, DEFAULTS))?;
        served(&args, &context).await
    })?;
    istiod.unreadable.iter().for_each(|text| output::note(text));
    let keep = |all: BTreeMap<Key, Resource>| -> BTreeMap<Key, Resource> {
        let is_asked_for =
            |key: &Key| args.namespace.as_ref().is_none_or(|namespace| *key.namespace == **namespace);
        all.into_iter().filter(|(key, _)| is_asked_for(key)).collect()
    };
    let comparison = Comparison::of(&keep(istiod.resources), &keep(served))?;
    let printed = match args.output {
        Format::Text => text::render(&comparison, istiod.ignored),
        Format::Json => serde_json::to_string_pretty(&comparison)? + "\n",
    };
    write!(context.out, "{printed}")?;
    let is_same = comparison.is_same() && istiod.unreadable.is_empty();
    Ok(if is_same { Exit::Done } else { Exit::Failed })
}

/// What an istiod would be served: of every kind that it asks for.
async fn served(args: &Args, context: &Context<'_>) -> anyhow::Result<BTreeMap<Key, Resource>> {
    let kinds = Kind::all().filter(|kind| {
        let row = kind.info();
        row.family == Family::Istio && row.from_documents && row.group.ends_with(".istio.io")
    });
    let client = args.server.client("compare", context)?;
    let answers = first_answers(client, &args.server.address(context), kinds, args.timeout).await?;
    let mut served = BTreeMap::new();
    for (kind, found) in answers {
        for one in found {
            let received = decode_entry(kind, &one.any).with_context(|| format!("{kind} `{}`", one.name))?;
            served.insert(received.resource.key.clone(), received.resource);
        }
    }
    Ok(served)
}
