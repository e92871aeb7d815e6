//! `mainsheet validate`: what `serve` would say of files, without a server.

use std::{io::Read, path::PathBuf};

use anyhow::Context as _;
use mainsheet_api::{
    codec::{self, Defaults},
    verdict::{Finding, Severity},
};

use super::{Context, Exit, block_on};
use crate::{
    intake::judge::{Judged, judge},
    source::{Completeness, Report, file},
};

/// Say what is wrong with files, without a server
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Directories and files of YAML or JSON documents; `-` is standard input
    #[arg(value_name = "FILE|DIR|-", required = true)]
    paths: Vec<String>,
    /// Namespace of documents that name none
    #[arg(long, value_name = "NAME", default_value = "default")]
    default_namespace: String,
}

/// What stands for standard input on the command line, and in what is printed.
const STDIN: &str = "-";

pub(super) fn run(args: Args, context: Context<'_>) -> anyhow::Result<Exit> {
    let mut tally = Tally::default();
    for judged in read(&args)?.into_iter().map(judge) {
        write!(context.out, "{}", findings(&judged))?;
        tally.add(&judged);
    }
    writeln!(context.out, "{}", tally.text())?;
    Ok(if tally.rejected == 0 { Exit::Done } else { Exit::Failed })
}

/// Everything that the arguments name, files under the names by which they can be opened from here.
fn read(args: &Args) -> anyhow::Result<Vec<Report>> {
    let (stdin, roots): (Vec<_>, Vec<_>) = args.paths.iter().partition(|path| *path == STDIN);
    let mut reports = Vec::new();
    if !stdin.is_empty() {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("read standard input")?;
        let defaults = Defaults { namespace: &args.default_namespace, scope: "" };
        let documents = codec::read(&text, defaults);
        reports.push(Report { origin: STDIN.to_owned(), documents, completeness: Completeness::Whole });
    }
    if !roots.is_empty() {
        let roots: Vec<PathBuf> = roots.into_iter().map(PathBuf::from).collect();
        let (found, complaints) = block_on(file::read_once(roots.clone(), &args.default_namespace))?;
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

/// A line for each finding, in the order in which they stand in the file.
fn findings(judged: &Judged) -> String {
    let rejected = judged.rejected.iter().flat_map(|rejected| &rejected.findings);
    let accepted = judged.accepted.iter().flat_map(|accepted| &accepted.warnings);
    let mut findings: Vec<&Finding> = rejected.chain(accepted).collect();
    findings.sort_by_key(|finding| finding.position);
    findings.iter().map(|finding| line(&judged.origin, finding)).collect()
}

fn line(origin: &str, finding: &Finding) -> String {
    let weight = match finding.severity {
        Severity::Error => "",
        Severity::Warning => "warning: ",
    };
    match finding.position.line {
        0 => format!("{origin}: {weight}{finding}\n"),
        _ => format!("{origin}:{}: {weight}{finding}\n", finding.position),
    }
}

/// How many documents became what.
#[derive(Default)]
struct Tally {
    accepted: usize,
    /// Of the accepted.
    with_warnings: usize,
    rejected: usize,
    ignored: usize,
}

impl Tally {
    fn add(&mut self, judged: &Judged) {
        self.accepted += judged.accepted.len();
        self.with_warnings += judged.accepted.iter().filter(|accepted| !accepted.warnings.is_empty()).count();
        self.rejected += judged.rejected.len();
        self.ignored += judged.ignored;
    }

    fn text(&self) -> String {
        let Self { accepted, with_warnings, rejected, ignored } = self;
        format!("{accepted} accepted, {with_warnings} with warnings, {rejected} rejected, {ignored} ignored")
    }
}
