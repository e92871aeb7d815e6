//! `mainsheet get`: resources that a server serves or served, or that one of its sources has.

mod following;
mod missing;
mod over_ads;
mod printed;
mod reading;

use anyhow::bail;
use mainsheet_api::{generated::mainsheet::v1 as pb, time::Clock as _};

use super::{
    Context, Exit, block_on,
    client::{Service, ServiceArgs},
    error::CliError,
    kinds::{NamedKind, Targets},
    output::{Format, FormatParser, Layout, Printer},
};
use crate::clock::SystemClock;

/// Show resources: what is served, what was, or what one source has
///
/// Kinds are named by their kind, plural or short name, in any case and with or without their group; `all` is all of them. Kinds
/// that mainsheet does not know go by their type URL.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  mainsheet get virtualservices -A
  mainsheet get vs reviews -n shop -o yaml
  mainsheet get vs/reviews dr/reviews -n shop
  mainsheet get vs,dr -l app=shop -o wide
  mainsheet get all -A --source files:mesh
  mainsheet get vs reviews -n shop --revision 41
  mainsheet get vs -A -w
  mainsheet get vs -A -o jsonpath='{range .items[*]}{.metadata.name}{\"\\n\"}{end}'")]
pub(super) struct Args {
    /// Kinds, or `all`, and names; or KIND/NAME for each
    #[arg(required = true, value_name = "KIND[,KIND] [NAME]|KIND/NAME")]
    what: Vec<String>,
    /// Namespace of the resources
    #[arg(short, long, value_name = "NAME", default_value = "default")]
    namespace: String,
    /// Of all namespaces
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    all_namespaces: bool,
    /// Only those whose labels match: `app=shop,tier in (a, b),!canary`
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    selector: Option<String>,
    /// As of this revision, instead of the newest
    #[arg(long, value_name = "N")]
    revision: Option<u64>,
    /// What this source has, served or not: `api`, `hold`, or the name of one that is configured
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Go on with what changes, until interrupted
    #[arg(short, long, conflicts_with_all = ["revision", "source"])]
    watch: bool,
    /// How to print them
    #[arg(short, long, value_name = "FORMAT", default_value = "table", value_parser = FormatParser { with_name: true })]
    output: Format,
    /// Tables say the labels, too
    #[arg(long)]
    show_labels: bool,
    /// As a sink with this node id gets it, over ADS; that is also how servers are read that are no mainsheet
    #[arg(long, value_name = "ID", conflicts_with_all = ["revision", "source", "watch"])]
    node: Option<String>,
    #[command(flatten)]
    service: ServiceArgs,
}

pub(super) fn run(args: Args, context: Context<'_>) -> anyhow::Result<Exit> {
    let targets = Targets::parse(&args.what).map_err(CliError::usage)?;
    let wanted = Wanted { args, targets };
    if wanted.args.watch {
        wanted.watched()?;
    }
    block_on(get(&wanted, context))
}

/// What was asked for.
struct Wanted {
    args: Args,
    targets: Targets,
}

async fn get(wanted: &Wanted, context: Context<'_>) -> anyhow::Result<Exit> {
    let address = wanted.args.service.address(&context);
    let (layout, credentials) = (wanted.layout(), wanted.args.service.credentials(&context)?);
    let at = (&*address, &credentials);
    if wanted.args.node.is_some() {
        return over_ads::get(wanted, at, Printer::new(layout, context.out)).await;
    }
    let service = wanted.args.service.connect(&context).await?;
    let read = wanted.read(&service, &mut Printer::new(layout.clone(), context.out)).await;
    match read {
        Err(error) if is_unimplemented(&error) => {
            over_ads::get(wanted, at, Printer::new(layout, context.out)).await
        }
        other => other,
    }
}

/// Whether the server is none of ours, which shows before anything is printed.
fn is_unimplemented(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(CliError::Unimplemented(_)))
}

impl Wanted {
    async fn read(&self, service: &Service, printer: &mut Printer<'_>) -> anyhow::Result<Exit> {
        match &self.targets {
            _ if self.args.watch => following::follow(self, service, printer).await,
            Targets::Named(named) if !self.args.all_namespaces => {
                reading::named(self, named, service, printer).await
            }
            _ => reading::lists(self, service, printer).await,
        }
    }

    fn layout(&self) -> Layout {
        let Args { output, all_namespaces, show_labels, watch, .. } = &self.args;
        let (is_single, is_mixed) = match &self.targets {
            Targets::Kinds(kinds) => (false, kinds.len() != 1),
            Targets::Named(named) => {
                (named.len() == 1 && !all_namespaces, named.iter().any(|(kind, _)| *kind != named[0].0))
            }
        };
        Layout {
            format: output.clone(),
            with_namespaces: *all_namespaces,
            with_labels: *show_labels,
            is_single,
            is_mixed,
            is_watch: *watch,
            now: SystemClock::new().wall(),
        }
    }

    fn form(&self) -> i32 {
        self.args.output.form(self.args.show_labels).into()
    }

    /// One selection for each list that answers what was asked for.
    fn selections(&self) -> Vec<pb::Selection> {
        let in_place = pb::Selection {
            namespaces: self.namespace().map(str::to_owned).into_iter().collect(),
            label_selector: self.args.selector.clone().unwrap_or_default(),
            source: self.args.source.clone().unwrap_or_default(),
            ..pb::Selection::default()
        };
        match &self.targets {
            Targets::Kinds(kinds) => {
                vec![pb::Selection { kinds: kinds.iter().map(NamedKind::in_request).collect(), ..in_place }]
            }
            Targets::Named(named) => {
                let of_one = |(kind, name): &(NamedKind, String)| pb::Selection {
                    kinds: vec![kind.in_request()],
                    name: name.clone(),
                    ..in_place.clone()
                };
                named.iter().map(of_one).collect()
            }
        }
    }

    /// The namespace to look in; `None`: all.
    fn namespace(&self) -> Option<&str> {
        let is_everywhere = self.args.all_namespaces || self.is_without_namespaces();
        (!is_everywhere).then_some(&*self.args.namespace)
    }

    /// Whether it is of kinds only that have no namespaces.
    fn is_without_namespaces(&self) -> bool {
        let has_none = |kind: &NamedKind| matches!(kind, NamedKind::Known(kind) if !kind.info().namespaced);
        match &self.targets {
            Targets::Kinds(kinds) => !kinds.is_empty() && kinds.iter().all(has_none),
            Targets::Named(named) => named.iter().all(|(kind, _)| has_none(kind)),
        }
    }

    /// `kinds` as a sentence names them.
    fn what(&self) -> String {
        let plurals = |kinds: &mut dyn Iterator<Item = &NamedKind>| {
            kinds.map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        match &self.targets {
            Targets::Kinds(kinds) if kinds.is_empty() => "resources".to_owned(),
            Targets::Kinds(kinds) => plurals(&mut kinds.iter()),
            Targets::Named(named) => {
                let name = |(kind, name): &(NamedKind, String)| format!("{kind} `{name}`");
                named.iter().map(name).collect::<Vec<_>>().join(", ")
            }
        }
    }

    /// The one selection of a watch.
    fn watched(&self) -> anyhow::Result<pb::Selection> {
        let mut selections = self.selections();
        match (selections.pop(), selections.is_empty()) {
            (Some(only), true) => Ok(only),
            _ => bail!(CliError::usage(
                "--watch follows one resource, or all of some kinds, not several names"
            )),
        }
    }
}
