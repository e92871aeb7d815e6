//! `istioctl validate` and `mainsheet validate` on the same documents: those of `validation/`, and thousands of broken ones
//! that are made of them.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use super::Notes;
use crate::{
    corpus::{self, Case},
    disagreements::{LOOSER, OF_DOCUMENTS, Reason, STRICTER},
    judge::{Document, Said, Verdict, Verdicts, ask_istioctl, ask_mainsheet},
    mutation::{self, Mutant},
    tools::Tools,
};

/// Disagreements in the table of documents are at most this part of them.
const DISAGREEING_PERCENT_MAX: usize = 2;

/// Of what istioctl rejects of the broken documents, mainsheet rejects at least this part.
const FOUND_PERCENT_MIN: f64 = 95.0;

/// Rows that a failure shows.
const SHOWN_MAX: usize = 40;

/// What both judges said of the same files.
struct Judged {
    istioctl: Verdicts,
    mainsheet: Verdicts,
}

/// Asks both at once: each takes a core. Other scenarios go on beside them.
async fn ask_both(tools: &Tools, path: &Path) -> Result<Judged> {
    let asked = |ask: fn(&Tools, &Path) -> Result<Verdicts>| {
        let (tools, path) = (tools.clone(), path.to_owned());
        #[allow(clippy::disallowed_methods, reason = "nothing of this is simulated")]
        spawn_blocking(move || ask(&tools, &path))
    };
    let (istioctl, mainsheet) = tokio::try_join!(asked(ask_istioctl), asked(ask_mainsheet))?;
    Ok(Judged { istioctl: istioctl?, mainsheet: mainsheet? })
}

/// Verdict by verdict: accepted, accepted with warnings, rejected.
pub(crate) async fn agrees_on_documents(tools: &Tools) -> Result<Notes> {
    let cases = corpus::read()?;
    let judged = ask_both(tools, &corpus::folder()).await?;
    let mut complaints = Vec::new();
    for case in &cases {
        complaints.extend(complaint(case, &judged));
    }
    ensure!(complaints.is_empty(), "{} documents:\n{}", complaints.len(), shown(&complaints));
    let listed = OF_DOCUMENTS.len();
    ensure!(listed * 100 <= cases.len() * DISAGREEING_PERCENT_MAX, "{listed} of {} disagree", cases.len());
    let known = |(kind, name, _): &&Reason| {
        cases.iter().any(|case| case.document.0 == *kind && case.document.1 == *name)
    };
    let unknown: Vec<_> = OF_DOCUMENTS.iter().filter(|row| !known(row)).collect();
    ensure!(unknown.is_empty(), "no documents: {unknown:?}");
    Ok(vec![format!("{} documents, {listed} of them judged differently for a reason", cases.len())])
}

/// What is wrong with a pair of verdicts.
fn complaint(case: &Case, judged: &Judged) -> Option<String> {
    let (kind, name) = &case.document;
    let (theirs, ours) = (judged.istioctl.of(&case.document), judged.mainsheet.of(&case.document));
    match (theirs.verdict == ours.verdict, is_listed(&case.document)) {
        (true, false) | (false, true) => None,
        (true, true) => Some(format!("{kind} {name} is in the table, and both say {}", ours.verdict)),
        (false, false) => Some(format!(
            "{kind} {name}: istioctl says {} ({}), mainsheet {} ({})",
            theirs.verdict, theirs.why, ours.verdict, ours.why
        )),
    }
}

fn is_listed((kind, name): &Document) -> bool {
    OF_DOCUMENTS.iter().any(|row| row.0 == kind && row.1 == name)
}

fn shown(lines: &[String]) -> String {
    lines.iter().take(SHOWN_MAX).fold(String::new(), |mut all, line| {
        let _ = writeln!(all, "  {line}");
        all
    })
}

/// How many broken documents became what.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    mutants: usize,
    /// Rejected by istioctl.
    breaks: usize,
    /// Of these, by mainsheet too.
    found: usize,
    /// Rejected by mainsheet alone.
    stricter: usize,
    /// Accepted by both, with warnings of one alone.
    warned: usize,
}

impl Tally {
    fn plus(self, other: Self) -> Self {
        Self {
            mutants: self.mutants + other.mutants,
            breaks: self.breaks + other.breaks,
            found: self.found + other.found,
            stricter: self.stricter + other.stricter,
            warned: self.warned + other.warned,
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "counts of some thousands")]
    fn found_percent(&self) -> f64 {
        if self.breaks == 0 { 100.0 } else { 100.0 * self.found as f64 / self.breaks as f64 }
    }
}

/// Like ones, with how many there are, and an example.
type Groups = BTreeMap<(String, &'static str), (usize, String)>;

/// What the judges said of all broken documents.
#[derive(Debug, Default)]
struct Outcome {
    tallies: BTreeMap<String, Tally>,
    /// What only istioctl rejects, by kind and break.
    missed: Groups,
    /// What only mainsheet rejects, by code and break.
    stricter: Groups,
    /// What both accept, and only one of them warns of, by kind and break.
    warned: Groups,
}

impl Outcome {
    fn add(&mut self, kind: &str, mutant: &Mutant, theirs: &Said, ours: &Said) {
        let is_break = theirs.verdict == Verdict::Rejected;
        let is_rejected = ours.verdict == Verdict::Rejected;
        let is_warned = !is_break && !is_rejected && theirs.verdict != ours.verdict;
        let tally = self.tallies.entry(kind.to_owned()).or_default();
        *tally = tally.plus(Tally {
            mutants: 1,
            breaks: is_break.into(),
            found: (is_break && is_rejected).into(),
            stricter: (!is_break && is_rejected).into(),
            warned: is_warned.into(),
        });
        let (groups, name, said) = match (is_break, is_rejected) {
            (true, false) => (&mut self.missed, kind, &theirs.why),
            (false, true) => (&mut self.stricter, &*ours.why, &ours.why),
            (false, false) if theirs.verdict > ours.verdict => (&mut self.warned, kind, &theirs.why),
            (false, false) if is_warned => (&mut self.warned, kind, &ours.why),
            _ => return,
        };
        let first = || (0, format!("{} ({said}): {}", mutant.field, mutant.tree["spec"]));
        groups.entry((name.to_owned(), mutant.how)).or_insert_with(first).0 += 1;
    }

    /// What makes the scenario fail.
    fn complaints(&self) -> Vec<String> {
        let total = self.total().found_percent();
        let too_few = (total < FOUND_PERCENT_MIN).then(|| format!("only {total:.1} % are found"));
        let missed = unlisted(&self.missed, LOOSER).map(|line| format!("only istioctl rejects {line}"));
        let stricter =
            unlisted(&self.stricter, STRICTER).map(|line| format!("only mainsheet rejects {line}"));
        let warned = unlisted(&self.warned, &[]).map(|line| format!("only one of them warns of {line}"));
        let needless = needless(&self.missed, LOOSER).chain(needless(&self.stricter, STRICTER));
        too_few.into_iter().chain(missed).chain(stricter).chain(warned).chain(needless).collect()
    }

    fn total(&self) -> Tally {
        self.tallies.values().copied().fold(Tally::default(), Tally::plus)
    }

    fn notes(&self) -> Notes {
        let all = ("all".to_owned(), self.total());
        let rows = self.tallies.iter().chain([(&all.0, &all.1)]).map(|(kind, tally)| row(kind, tally));
        rows.collect()
    }
}

/// Differences without a reason.
fn unlisted<'a>(groups: &'a Groups, reasons: &'a [Reason]) -> impl Iterator<Item = String> + 'a {
    let is_listed = |(name, how): &(String, &str)| reasons.iter().any(|row| row.0 == name && row.1 == *how);
    groups.iter().filter(move |(group, _)| !is_listed(group)).map(line)
}

/// Reasons without a difference.
fn needless<'a>(groups: &'a Groups, reasons: &'a [Reason]) -> impl Iterator<Item = String> + 'a {
    let is_needed = |row: &&Reason| groups.contains_key(&(row.0.to_owned(), row.1));
    let needless = reasons.iter().filter(move |row| !is_needed(row));
    needless.map(|(name, how, _)| format!("there is a reason, and no difference, for {name}: {how}"))
}

fn row(kind: &str, tally: &Tally) -> String {
    let Tally { mutants, breaks, found, stricter, warned } = tally;
    let percent = tally.found_percent();
    format!(
        "{kind:21} {mutants:5} broken: istioctl rejects {breaks:5}, mainsheet {found:5} of these ({percent:5.1} %) and {stricter:3} others; {warned} other warnings"
    )
}

fn line(((name, how), (count, example)): (&(String, &'static str), &(usize, String))) -> String {
    format!("{count} x {name}: {how}, such as {example}")
}

/// Breaks each accepted document in every way of `mutation/`: what istioctl finds of that, mainsheet finds.
pub(crate) async fn finds_what_is_broken(tools: &Tools) -> Result<Notes> {
    let mutants = mutants(&corpus::read()?);
    let dir = TempDir::new()?;
    write(&mutants, dir.path())?;
    let judged = ask_both(tools, dir.path()).await?;
    let mut outcome = Outcome::default();
    for (document, mutant) in &mutants {
        outcome.add(&document.0, mutant, &judged.istioctl.of(document), &judged.mainsheet.of(document));
    }
    let (complaints, notes) = (outcome.complaints(), outcome.notes());
    ensure!(complaints.is_empty(), "{}\n{}", shown(&complaints), notes.join("\n"));
    Ok(notes)
}

fn mutants(cases: &[Case]) -> Vec<(Document, Mutant)> {
    let good = cases.iter().filter(|case| !case.is_rejected && !is_listed(&case.document));
    let all = good
        .flat_map(|case| mutation::mutants(&case.tree).into_iter().map(|mutant| (&case.document.0, mutant)));
    let named = |(number, (kind, mut mutant)): (usize, (&String, Mutant))| {
        let name = format!("m{number}");
        mutant.tree["metadata"]["name"] = Value::from(name.clone());
        ((kind.clone(), name), mutant)
    };
    all.enumerate().map(named).collect()
}

/// A file a kind, of one document a line.
fn write(mutants: &[(Document, Mutant)], dir: &Path) -> Result<()> {
    let mut files: BTreeMap<&str, String> = BTreeMap::new();
    for ((kind, _), mutant) in mutants {
        let _ = writeln!(files.entry(kind).or_default(), "---\n{}", mutant.tree);
    }
    for (kind, text) in files {
        fs::write(dir.join(format!("{kind}.yaml")), text).context("write what is broken")?;
    }
    Ok(())
}
