//! `mainsheet import`: what is configured elsewhere, as files that `serve` takes.
//!
//! | module | is |
//! |---|---|
//! | `cluster` | what a Kubernetes API server has |
//! | `found` | documents from anywhere, one for each key |
//! | `folder` | the files to be written, and writing them |

mod cluster;
mod folder;
pub(super) mod found;

use std::path::PathBuf;

use mainsheet_api::codec;

use self::{
    folder::Folder,
    found::{DEFAULTS, Found},
};
use super::{Context, Exit, block_on, configz, output};
use crate::source::{DocumentOptions, file};

/// Write what is configured elsewhere as files in Kubernetes form, a file a resource
///
/// Resources of kinds that mainsheet serves are written as DIR/NAMESPACE/KIND-NAME.yaml, without what an API server or
/// kubectl noted in them. Nothing is written where a file of another content is in the way, unless --force is given; what
/// can't be read is named and left out.
///
/// Examples:
///   mainsheet import --kubeconfig ~/.kube/config --to mesh
///   mainsheet import --configz http://127.0.0.1:15014 --to mesh
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Args {
    #[command(flatten)]
    from: From,
    /// Context of the kubeconfig [default: its current one]
    #[arg(long, value_name = "NAME", requires = "kubeconfig")]
    context: Option<String>,
    /// Folder to write to; made where it is not there
    #[arg(long, value_name = "DIR", required = true)]
    to: PathBuf,
    /// Only what is in this namespace
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
    /// Write over files whose content is another
    #[arg(long)]
    force: bool,
}

/// Where it is configured now.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct From {
    /// A Kubernetes API server: all resources that this kubeconfig may list
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// An istiod: what its debug port shows at /debug/configz, or a file of that
    #[arg(long, value_name = "URL|FILE")]
    configz: Option<String>,
    /// Files: those that `serve` would read, lists of `kubectl get -o yaml` too
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn run(args: Args, context: Context<'_>) -> anyhow::Result<Exit> {
    let mut found = block_on(find(&args))?;
    if let Some(namespace) = &args.namespace {
        found.keep_namespace(namespace);
    }
    let Found { resources, unreadable, ignored, .. } = found;
    unreadable.iter().for_each(|text| output::note(text));
    let folder = Folder::plan(&args.to, &resources)?;
    let tally = folder.write(args.force)?;
    writeln!(
        context.out,
        "{} written, {} unchanged, {} not readable, {ignored} of other kinds",
        tally.written,
        tally.unchanged,
        unreadable.len()
    )?;
    Ok(if unreadable.is_empty() { Exit::Done } else { Exit::Failed })
}

async fn find(args: &Args) -> anyhow::Result<Found> {
    let mut found = Found::default();
    if let Some(kubeconfig) = &args.from.kubeconfig {
        let kinds = cluster::list(kubeconfig, args.context.as_deref(), args.namespace.as_deref());
        for (from, text) in kinds.await? {
            found.add(&from, codec::read(&text, DEFAULTS))?;
        }
    }
    if let Some(configz) = &args.from.configz {
        let text = configz::read(configz).await?;
        found.add(configz, codec::read(&text, DEFAULTS))?;
    }
    if let Some(dir) = &args.from.dir {
        let options =
            DocumentOptions { unknown_fields: DEFAULTS.unknown_fields, ..DocumentOptions::default() };
        let (reports, complaints) = file::read_once(vec![dir.clone()], &options).await?;
        anyhow::ensure!(complaints.is_empty(), "can't look at {}", complaints.join(", "));
        for report in reports {
            found.add(&report.origin, report.documents)?;
        }
    }
    Ok(found)
}
