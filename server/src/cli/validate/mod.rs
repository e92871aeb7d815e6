//! `mainsheet validate`: what `serve` would say of files, without a server.
//!
//! | module | is |
//! |---|---|
//! | `across` | documents in view of each other |
//! | `checked` | every document with its verdict |
//! | `texts` | the lines that findings are about |
//! | `text`, `json`, `sarif` | how it is printed |

mod across;
mod checked;
mod json;
mod sarif;
mod text;
mod texts;

use std::{
    io::{self, IsTerminal as _, Read},
    path::PathBuf,
};

use anyhow::Context as _;
use mainsheet_api::{
    codec::{self, UnknownFields},
    validate::across::Complete,
};

use self::{across::judge_together, checked::Checked, texts::Texts};
use super::{Context, Exit, block_on};
use crate::source::{Completeness, DocumentOptions, Report, file};

/// Say what is wrong with files, without a server
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
    /// How to print it
    #[arg(short, long, value_enum, default_value = "text")]
    output: Format,
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

/// What stands for standard input on the command line, and in what is printed.
const STDIN: &str = "-";

pub(super) fn run(args: Args, context: Context<'_>) -> anyhow::Result<Exit> {
    let mut texts = Texts::default();
    let judged = block_on(async { judge_together(read(&args, &mut texts).await?, args.complete).await })?;
    let checked = Checked::new(judged);
    let printed = match args.output {
        Format::Text => text::render(&checked, &mut texts, wants_colour()),
        Format::Json => json::render(&checked)?,
        Format::Sarif => sarif::render(&checked)?,
    };
    write!(context.out, "{printed}")?;
    Ok(if checked.summary.rejected == 0 { Exit::Done } else { Exit::Failed })
}

/// Everything that the arguments name, files under the names by which they can be opened from here.
async fn read(args: &Args, texts: &mut Texts) -> anyhow::Result<Vec<Report>> {
    let (stdin, roots): (Vec<_>, Vec<_>) = args.paths.iter().partition(|path| *path == STDIN);
    let documents = DocumentOptions {
        default_namespace: args.default_namespace.clone(),
        unknown_fields: args.unknown_fields,
    };
    let mut reports = Vec::new();
    if !stdin.is_empty() {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).context("read standard input")?;
        let documents = codec::read(&text, documents.defaults());
        reports.push(Report { origin: STDIN.to_owned(), documents, completeness: Completeness::Whole });
        texts.keep(STDIN, text);
    }
    if !roots.is_empty() {
        let roots: Vec<PathBuf> = roots.into_iter().map(PathBuf::from).collect();
        let (found, complaints) = file::read_once(roots.clone(), &documents).await?;
        anyhow::ensure!(complaints.is_empty(), "can't look at {}", complaints.join(", "));
        reports.extend(
            found.into_iter().map(|report| Report { origin: opened(&roots, &report.origin), ..report }),
        );
    }
    Ok(reports)
}

/// A source names what is below its only root by the path below it.
fn opened(roots: &[PathBuf], origin: &str) -> String {
    match roots {
        [root] if root.is_dir() => root.join(origin).display().to_string(),
        [root] => root.display().to_string(),
        _ => origin.to_owned(),
    }
}

fn wants_colour() -> bool {
    let out = io::stdout();
    out.is_terminal() && anstream::AutoStream::choice(&out) != anstream::ColorChoice::Never
}
