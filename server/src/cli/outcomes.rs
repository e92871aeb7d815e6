//! What became of each resource of a write, as kubectl tells it.

use mainsheet_api::{
    generated::mainsheet::v1::{self as pb, WriteOutcome},
    verdict::{Finding, Position, Severity},
};
use serde_json::{Value, json};

use super::{
    names,
    snippet::{self, Remark},
    terminal::wants_colour,
    texts::Texts,
};

/// What became of each resource of a write.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcomes {
    results: Vec<pb::WriteResult>,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// kind.group/name, a line each
    Name,
    /// The answer, as one object
    Json,
    /// The same as YAML
    Yaml,
}

impl Outcomes {
    pub(super) fn new(results: Vec<pb::WriteResult>) -> Self {
        Self { results }
    }

    /// Of a further request.
    pub(super) fn extend(&mut self, results: Vec<pb::WriteResult>) {
        self.results.extend(results);
    }

    /// Everything that was asked for was done.
    pub(super) fn is_whole(&self) -> bool {
        self.results.iter().all(|result| is_done(result.outcome()))
    }

    /// The kinds of all that is as it was asked for.
    pub(super) fn kinds(&self) -> impl Iterator<Item = &str> {
        let done = self.results.iter().filter(|result| is_done(result.outcome()));
        done.filter_map(|result| result.key.as_ref().map(|key| &*key.kind))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &pb::WriteResult> {
        self.results.iter()
    }

    /// `virtualservice.networking.istio.io/reviews configured (server dry run)`, a line each.
    pub(super) fn lines(&self, dry_run: &str) -> String {
        let line = |result: &pb::WriteResult| {
            let word = word(result.outcome())?;
            Some(format!("{} {word}{dry_run}\n", name(result)))
        };
        self.results.iter().filter_map(line).collect()
    }

    /// `virtualservice.networking.istio.io/reviews`, a line each that was done.
    pub(super) fn names(&self) -> String {
        let done = self.results.iter().filter(|result| is_done(result.outcome()));
        done.map(|result| name(result) + "\n").collect()
    }

    /// Findings with their lines, conflicts with who is in the way, and what is not served although it was written.
    pub(super) fn complaints(&self) -> String {
        self.complaints_with(&mut Texts::default(), wants_colour())
    }

    /// The same, with texts that can't be read again.
    pub(super) fn complaints_with(&self, texts: &mut Texts, with_colour: bool) -> String {
        self.results.iter().map(|result| complaint(result, texts, with_colour)).collect()
    }

    /// What is hidden by what is new.
    pub(super) fn notes(&self) -> String {
        let hiding = |result: &&pb::WriteResult| {
            result.outcome() == WriteOutcome::Created && !result.hides.is_empty() && !result.is_hidden
        };
        let line = |result: &pb::WriteResult| {
            format!("note: {} hides that of {}\n", name(result), result.hides.join(", "))
        };
        self.results.iter().filter(hiding).map(line).collect()
    }

    /// How much was not done, where that is not everything: for the end of a command.
    pub(super) fn shortfall(&self, verb: &str) -> Option<String> {
        let count = |is_such: fn(WriteOutcome) -> bool| {
            self.results.iter().filter(|result| is_such(result.outcome())).count()
        };
        let (rejected, conflicted) = (
            count(|outcome| outcome == WriteOutcome::Rejected),
            count(|outcome| outcome == WriteOutcome::Conflicted),
        );
        let missing = count(|outcome| outcome == WriteOutcome::NotFound);
        let causes = [(rejected, "rejected"), (conflicted, "in conflict"), (missing, "not found")];
        let causes: Vec<_> = causes
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        let all = match self.results.len() {
            1 => "1 resource".to_owned(),
            len => format!("{len} resources"),
        };
        let has_kept_out = count(|outcome| outcome == WriteOutcome::NotMade) > 0;
        if causes.is_empty() && !has_kept_out {
            return None;
        }
        // What is pruned is kept out by a document that can't be read, though others are applied.
        let how_much = if has_kept_out && count(is_made) == 0 { "nothing" } else { "not all" };
        Some(format!("{how_much} was {verb}: of {all} {}", causes.join(", ")))
    }

    /// For programs.
    pub(super) fn json(&self, revision: u64, is_dry_run: bool) -> Value {
        let results: Vec<_> = self.results.iter().map(result_json).collect();
        json!({"revision": revision, "dryRun": is_dry_run, "results": results})
    }
}

fn is_done(outcome: WriteOutcome) -> bool {
    match outcome {
        WriteOutcome::Unspecified
        | WriteOutcome::Created
        | WriteOutcome::Changed
        | WriteOutcome::Unchanged
        | WriteOutcome::Removed => true,
        WriteOutcome::Rejected
        | WriteOutcome::Conflicted
        | WriteOutcome::NotFound
        | WriteOutcome::NotMade => false,
    }
}

/// Whether something is different now.
fn is_made(outcome: WriteOutcome) -> bool {
    match outcome {
        WriteOutcome::Unspecified | WriteOutcome::Created | WriteOutcome::Changed | WriteOutcome::Removed => {
            true
        }
        WriteOutcome::Unchanged
        | WriteOutcome::Rejected
        | WriteOutcome::Conflicted
        | WriteOutcome::NotFound
        | WriteOutcome::NotMade => false,
    }
}

/// What kubectl says of it; `None` where that is no line of output.
fn word(outcome: WriteOutcome) -> Option<&'static str> {
    match outcome {
        WriteOutcome::Unspecified => Some("accepted"),
        WriteOutcome::Created => Some("created"),
        WriteOutcome::Changed => Some("configured"),
        WriteOutcome::Unchanged => Some("unchanged"),
        WriteOutcome::Removed => Some("pruned"),
        WriteOutcome::Rejected
        | WriteOutcome::Conflicted
        | WriteOutcome::NotFound
        | WriteOutcome::NotMade => None,
    }
}

fn name(result: &pb::WriteResult) -> String {
    match &result.key {
        Some(key) => names::qualified(key),
        None if result.line > 0 => format!("document at {}:{}", result.origin, result.line),
        None => "a document".to_owned(),
    }
}

fn complaint(result: &pb::WriteResult, texts: &mut Texts, with_colour: bool) -> String {
    let findings: Vec<Finding> = result.findings.iter().map(finding).collect();
    let title = result.key.as_ref().map(|key| names::of(Some(key)));
    let remark = |finding| Remark { file: &result.origin, name: title.clone(), finding };
    let mut text = snippet::render(findings.iter().map(remark), texts, with_colour);
    let name = name(result);
    match result.outcome() {
        WriteOutcome::Rejected if findings.is_empty() => text += &format!("error: {name} is rejected\n"),
        WriteOutcome::Conflicted => {
            let conflict = result.conflict.clone().unwrap_or_default();
            text += &format!("error: {name} conflicts: {}\n", conflict_text(&conflict));
        }
        outcome if is_done(outcome) && result.is_hidden => {
            text += &format!(
                "warning: {name} is not served: a rollback holds it until `mainsheet release {}`\n",
                result.key.as_ref().map(names::argument).unwrap_or_default()
            );
        }
        _ => {}
    }
    text
}

/// What is in the way, and whose it is.
fn conflict_text(conflict: &pb::Conflict) -> String {
    let pb::Conflict { reason, revision, author, set, at, .. } = conflict;
    let mut there = Vec::new();
    if *revision > 0 {
        there.push(format!("revision {revision}"));
    }
    if !author.is_empty() {
        there.push(format!("by {author}"));
    }
    if !set.is_empty() {
        there.push(format!("set {set}"));
    }
    if let Some(at) = at {
        there.push(names::moment(at));
    }
    if there.is_empty() { reason.clone() } else { format!("{reason} (there is {})", there.join(", ")) }
}

/// A finding as validation has it.
fn finding(finding: &pb::Finding) -> Finding {
    Finding {
        code: finding.code.clone(),
        severity: match finding.severity() {
            pb::Severity::Warning => Severity::Warning,
            pb::Severity::Error | pb::Severity::Unspecified => Severity::Error,
        },
        path: finding.path.clone(),
        position: Position { line: finding.line, column: finding.column },
        reason: finding.reason.clone(),
        remedy: finding.remedy.clone(),
    }
}

fn result_json(result: &pb::WriteResult) -> Value {
    let key = result.key.clone().unwrap_or_default();
    let mut object = json!({
        "kind": key.kind, "namespace": key.namespace, "name": key.name,
        "outcome": result.outcome().as_str_name().trim_start_matches("WRITE_OUTCOME_").to_ascii_lowercase(),
        "version": result.version, "origin": result.origin, "line": result.line,
        "findings": result.findings.iter().map(finding_json).collect::<Vec<_>>(),
        "hides": result.hides, "isHidden": result.is_hidden,
    });
    if let Some(conflict) = &result.conflict {
        let pb::Conflict { reason, revision, version, author, set, at } = conflict;
        object["conflict"] = json!({
            "reason": reason, "revision": revision, "version": version, "author": author, "set": set,
            "at": at.as_ref().map(names::moment),
        });
    }
    object
}

fn finding_json(finding: &pb::Finding) -> Value {
    let severity = match finding.severity() {
        pb::Severity::Warning => Severity::Warning,
        pb::Severity::Error | pb::Severity::Unspecified => Severity::Error,
    };
    json!({
        "code": finding.code, "severity": severity.as_str(), "path": finding.path, "line": finding.line,
        "column": finding.column, "reason": finding.reason, "remedy": finding.remedy,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shortfall(outcomes: &[WriteOutcome]) -> Option<String> {
        let result = |outcome: &WriteOutcome| pb::WriteResult {
            outcome: (*outcome).into(),
            ..pb::WriteResult::default()
        };
        Outcomes::new(outcomes.iter().map(result).collect()).shortfall("applied")
    }

    #[test]
    fn nothing_was_applied_only_where_no_result_was_made() {
        use WriteOutcome::{Created, NotMade, Rejected, Unchanged};
        assert_eq!(shortfall(&[Created, Unchanged]), None);
        let text = |outcomes: &[WriteOutcome]| shortfall(outcomes).unwrap();
        let begin = |outcomes: &[WriteOutcome]| text(outcomes).split(" was").next().unwrap().to_owned();
        assert_eq!(text(&[Unchanged, Rejected, NotMade]), "nothing was applied: of 3 resources 1 rejected");
        assert_eq!(begin(&[Created, Rejected, NotMade]), "not all");
        assert_eq!(begin(&[Created, Rejected]), "not all");
    }
}
