//! `mainsheet validate`: what `serve` would say of files, before it does.
//!
//! | module | is |
//! |---|---|
//! | `against` | what a server serves already |
//! | `across` | documents in view of each other, and of that |
//! | `checked` | every document with its verdict |
//! | `text`, `json`, `sarif` | how it is printed |

mod across;
mod against;
mod checked;
mod json;
mod sarif;
mod text;

use std::{collections::HashSet, path::PathBuf, time::Duration};

use mainsheet_api::{
    codec::{self, Content, Document, UnknownFields},
    key::Key,
    kind::Kind,
    resource::Resource,
    validate::{
        CrdRules, Options,
        across::{AcrossOptions, Complete},
    },
};
use mainsheet_sink::CredentialFiles;

use self::{across::judge_together, against::Served, checked::Checked};
use super::{
    Context, Exit, block_on,
    connect::CredentialArgs,
    manifests::{self, STDIN},
    terminal::wants_colour,
    texts::Texts,
};
use crate::{
    intake::{criteria::Criteria, judge::Judged},
    source::{Completeness, DocumentOptions, Report, file},
};

/// Say what is wrong with files, before anything serves them
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Directories and files of YAML or JSON documents; `-` is standard input
    #[arg(value_name = "FILE|DIR|-", required = true)]
    paths: Vec<String>,
    /// Namespace of documents that name none
    #[arg(long, value_name = "NAME", default_value = "default")]
    default_namespace: String,
    /// What fields that a kind does not have do: reject the document (strict), give a warning (warn), or nothing (ignore)
    #[arg(long, value_name = "MODE", default_value_t = UnknownFields::Strict)]
    unknown_fields: UnknownFields,
    /// Of what the files hold all that there are: `hosts`, `workloads`, `hosts,workloads` or `nothing`
    #[arg(long, value_name = "THINGS", default_value_t)]
    complete: Complete,
    /// Also ask the validation rules of these directories and files
    #[arg(long, value_name = "FILE|DIR")]
    rules: Vec<PathBuf>,
    /// The namespace whose rules hold for all of the mesh
    #[arg(long, value_name = "NAME", default_value = "istio-system")]
    root_namespace: String,
    /// Judge as if the server at this address had the documents, too: with its rules, and in view of what it serves
    #[arg(long, value_name = "ADDR")]
    against: Option<String>,
    #[command(flatten)]
    credentials: CredentialArgs,
    /// How long to wait for that server
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    timeout: Duration,
    /// Whose verdict: kubernetes also rejects what only the CRDs refuse
    #[arg(long = "as", value_name = "JUDGE", value_enum, default_value = "istiod")]
    judge: Judge,
    /// How to print it
    #[arg(short, long, value_enum, default_value = "text")]
    output: Format,
}

/// Who would take the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Judge {
    /// What istiod takes from this server
    Istiod,
    /// What an API server with Istio's CRDs takes, too
    Kubernetes,
}

impl Judge {
    fn options(self) -> Options {
        let crd_rules = match self {
            Self::Istiod => CrdRules::Warn,
            Self::Kubernetes => CrdRules::Deny,
        };
        Options { crd_rules, ..Options::default() }
    }
}

/// How verdicts are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Findings with the lines that they are about; in colour on a terminal, unless NO_COLOR is set
    Text,
    /// A verdict on each document, with its findings
    Json,
    /// A log of findings in SARIF 2.1.0, as code hosts take it
    Sarif,
}

pub(super) fn run(args: Args, context: Context<'_>) -> anyhow::Result<Exit> {
    let mut texts = Texts::default();
    let credentials = args.credentials.files(&context)?;
    let judged = block_on(judge((&args, &credentials), &mut texts))?;
    let checked = Checked::new(judged);
    let printed = match args.output {
        Format::Text => text::render(&checked, &mut texts, wants_colour()),
        Format::Json => json::render(&checked)?,
        Format::Sarif => sarif::render(&checked)?,
    };
    write!(context.out, "{printed}")?;
    Ok(if checked.summary.rejected == 0 { Exit::Done } else { Exit::Failed })
}

async fn judge(
    (args, credentials): (&Args, &CredentialFiles),
    texts: &mut Texts,
) -> anyhow::Result<Vec<Judged>> {
    let mut reports = read(args, texts).await?;
    reports.extend(rules(args).await?);
    let served = match &args.against {
        Some(address) => Served::by((address, credentials), args.timeout).await?,
        None => Served::default(),
    };
    let given: HashSet<&Key> =
        reports.iter().flat_map(|report| &report.documents).filter_map(key_of).collect();
    let is_rule = |resource: &&Resource| resource.key.kind == Kind::VALIDATION_RULE;
    let rules = served
        .resources
        .iter()
        .filter(|resource| is_rule(resource) && !given.contains(&resource.key))
        .cloned();
    let criteria = Criteria::new(rules, &args.root_namespace).weighing(args.judge.options());
    let options = AcrossOptions {
        complete: args.complete,
        root_namespace: args.root_namespace.clone(),
        ..AcrossOptions::default()
    };
    judge_together(reports, &criteria, options, served).await
}

fn key_of(document: &Document) -> Option<&Key> {
    match &document.content {
        Content::Resource { resource, .. } => Some(&resource.key),
        _ => None,
    }
}

/// The rules that are only to be asked: whatever stands beside them is left out.
async fn rules(args: &Args) -> anyhow::Result<Vec<Report>> {
    if args.rules.is_empty() {
        return Ok(Vec::new());
    }
    let is_rule = |document: &Document| match &document.content {
        Content::Resource { resource, .. } => resource.key.kind == Kind::VALIDATION_RULE,
        Content::Rejected { key, .. } => key.as_ref().is_none_or(|key| key.kind == Kind::VALIDATION_RULE),
        Content::Ignored { .. } => false,
    };
    let mut reports = read_files(&args.rules, args).await?;
    reports.iter_mut().for_each(|report| report.documents.retain(is_rule));
    Ok(reports)
}

/// Everything that the arguments name, files under the names by which they can be opened from here.
async fn read(args: &Args, texts: &mut Texts) -> anyhow::Result<Vec<Report>> {
    let (stdin, roots): (Vec<_>, Vec<_>) = args.paths.iter().partition(|path| *path == STDIN);
    let mut reports = Vec::new();
    if !stdin.is_empty() {
        let text = manifests::standard_input()?;
        let documents = codec::read(&text, args.documents().defaults());
        reports.push(Report {
            origin: STDIN.to_owned(),
            documents,
            completeness: Completeness::Whole,
            written: None,
        });
        texts.keep(STDIN, text);
    }
    if !roots.is_empty() {
        let roots: Vec<PathBuf> = roots.into_iter().map(PathBuf::from).collect();
        reports.extend(read_files(&roots, args).await?);
    }
    Ok(reports)
}

async fn read_files(roots: &[PathBuf], args: &Args) -> anyhow::Result<Vec<Report>> {
    let (found, complaints) = file::read_once(roots.to_vec(), &args.documents()).await?;
    anyhow::ensure!(complaints.is_empty(), "can't look at {}", complaints.join(", "));
    let opened = |report: Report| Report { origin: manifests::opened(roots, &report.origin), ..report };
    Ok(found.into_iter().map(opened).collect())
}

impl Args {
    fn documents(&self) -> DocumentOptions {
        DocumentOptions {
            default_namespace: self.default_namespace.clone(),
            unknown_fields: self.unknown_fields,
            ttl: None,
        }
    }
}
