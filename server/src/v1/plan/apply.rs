//! What applying documents changes in the API's layer.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use mainsheet_api::{
    change::Change,
    generated::mainsheet::v1::{self as pb, WriteOutcome},
    key::Key,
    kind::Kind,
    lease::{Renewal, lease},
    resource::{Lease, Provenance, Record, Resource, SourceName, Terms},
    time::Timestamp,
    verdict::{Finding, Position, Severity},
    version::VersionSum,
    view::Audience,
    wire::Entry,
};
use mainsheet_cache::{
    layer::Layer,
    snapshot::{Held, Snapshot},
};

use super::{
    conditions::Conditions,
    outcome::{Surroundings, conflict, refuses, result, unmake},
    scope::Scope,
};
use crate::{
    auth::Rights,
    intake::{Now, Planned, Planner},
};

/// One document of a request, judged.
#[derive(Clone, Debug)]
pub(in crate::v1) struct Candidate {
    /// Which field of the request it is in: `manifests[2].text`.
    pub(in crate::v1) field: String,
    /// What its author calls that; may be empty.
    pub(in crate::v1) origin: String,
    /// From 1; 0 where there are no lines.
    pub(in crate::v1) line: u32,
    pub(in crate::v1) content: CandidateContent,
}

/// What may be written, and what may not.
#[derive(Clone, Debug)]
pub(in crate::v1) enum CandidateContent {
    Accepted {
        resource: Box<Resource>,
        warnings: Vec<Finding>,
    },
    Rejected {
        /// As far as it can be told.
        key: Option<Key>,
        findings: Vec<Finding>,
    },
}

/// What is applied, and how.
#[derive(Clone)]
pub(in crate::v1) struct ApplyPlanner {
    pub(in crate::v1) candidates: Vec<Candidate>,
    /// The rules that the candidates were judged by.
    pub(in crate::v1) rules: VersionSum,
    pub(in crate::v1) is_best_effort: bool,
    pub(in crate::v1) conditions: Conditions,
    pub(in crate::v1) set: Option<Arc<str>>,
    pub(in crate::v1) takes_over: bool,
    pub(in crate::v1) prune: Option<Scope>,
    pub(in crate::v1) ttl: Option<Duration>,
    pub(in crate::v1) author: String,
    /// Of what may be pruned, only what the caller sees is.
    pub(in crate::v1) rights: Rights,
}

/// What an apply comes to.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::v1) enum Applied {
    /// The candidates were judged by other rules than those that are served: they are to be judged again.
    OtherRules,
    /// Of each candidate, then of what is pruned, then of conditions about anything else.
    Results(Vec<pb::WriteResult>),
}

/// One result, and what leads to it.
struct Step {
    result: pb::WriteResult,
    change: Option<Change>,
    renewal: Option<Renewal>,
}

impl From<pb::WriteResult> for Step {
    fn from(result: pb::WriteResult) -> Self {
        Self { result, change: None, renewal: None }
    }
}

/// Where the API's layer stands, and when.
struct Standing<'a> {
    state: &'a Snapshot,
    layer: &'a Layer,
    wall: Timestamp,
}

impl Planner for ApplyPlanner {
    type Answer = Applied;

    fn plan(&mut self, state: &Snapshot, now: Now) -> Planned<Applied> {
        if state.version(Kind::VALIDATION_RULE) != self.rules {
            return Planned::nothing(Applied::OtherRules);
        }
        let layer = state.layer(&SourceName::api());
        let standing = Standing { state, layer: &layer, wall: now.wall };
        let mut steps = self.steps(&standing);
        let known: HashSet<Key> = self.candidates.iter().filter_map(Candidate::key).cloned().collect();
        let pruned = self.pruned(&standing, &known);
        let gone: HashSet<&Key> = pruned.iter().map(|(key, _)| key).collect();
        let unmet = self.conditions.unmet_beside(&layer, |key| known.contains(key) || gone.contains(key));
        // A condition about what is not written is about the write as a whole.
        let is_refused = !unmet.is_empty();
        steps.extend(pruned.into_iter().map(|(_, step)| step));
        steps.extend(unmet.into_iter().map(|(key, conflict)| {
            let result = result(Some(&key), WriteOutcome::Conflicted);
            pb::WriteResult { conflict: Some(conflict), ..result }.into()
        }));
        let any_refuses = || steps.iter().any(|step| refuses(step.result.outcome()));
        if is_refused || !self.is_best_effort && any_refuses() {
            unmake(steps.iter_mut().map(|step| &mut step.result));
            return Planned::nothing(results(steps));
        }
        let changes = steps.iter_mut().filter_map(|step| step.change.take()).collect();
        let renewals = steps.iter_mut().filter_map(|step| step.renewal.take()).collect();
        Planned { changes, renewals, answer: results(steps) }
    }
}

fn results(steps: Vec<Step>) -> Applied {
    Applied::Results(steps.into_iter().map(|step| step.result).collect())
}

impl Candidate {
    pub(in crate::v1) fn key(&self) -> Option<&Key> {
        match &self.content {
            CandidateContent::Accepted { resource, .. } => Some(&resource.key),
            CandidateContent::Rejected { key, .. } => key.as_ref(),
        }
    }

    fn place(&self) -> String {
        let origin = if self.origin.is_empty() { &self.field } else { &self.origin };
        if self.line == 0 { origin.clone() } else { format!("{origin}:{}", self.line) }
    }

    fn told(&self, result: pb::WriteResult) -> pb::WriteResult {
        pb::WriteResult { origin: self.origin.clone(), line: self.line, ..result }
    }
}

impl ApplyPlanner {
    /// One for each candidate.
    fn steps(&self, standing: &Standing<'_>) -> Vec<Step> {
        let mut first: HashMap<&Key, &Candidate> = HashMap::new();
        let mut steps = Vec::with_capacity(self.candidates.len());
        for candidate in &self.candidates {
            let earlier = candidate.key().and_then(|key| first.get(key).copied());
            let mut step = match (&candidate.content, earlier) {
                (CandidateContent::Rejected { key, findings }, _) => rejected(key.as_ref(), findings),
                (CandidateContent::Accepted { resource, .. }, Some(earlier)) => {
                    rejected(Some(&resource.key), &[repeated(earlier, candidate)])
                }
                (CandidateContent::Accepted { resource, warnings }, None) => {
                    let mut step = self.accepted(standing, resource, warnings);
                    step.result.findings = warnings.iter().map(pb::Finding::from).collect();
                    step
                }
            };
            step.result = candidate.told(step.result);
            steps.push(step);
            if let Some(key) = candidate.key() {
                first.entry(key).or_insert(candidate);
            }
        }
        steps
    }

    fn accepted(&self, standing: &Standing<'_>, resource: &Resource, warnings: &[Finding]) -> Step {
        let key = &resource.key;
        let held = standing.layer.get(key).map(|held| &**held);
        let refusal = self.conditions.unmet(key, held).or_else(|| self.of_another_set(held));
        if let Some(conflict) = refusal {
            let result = result(Some(key), WriteOutcome::Conflicted);
            return pb::WriteResult { conflict: Some(conflict), ..result }.into();
        }
        let created = held.map_or(standing.wall, |held| held.created);
        let entry = Entry::encode(resource, created);
        let terms = Terms {
            lease: lease(&resource.annotations, self.ttl, standing.wall),
            set: self.set.clone().or_else(|| held.and_then(|held| held.terms.set.clone())),
            over: None,
        };
        let outcome = match held {
            None => WriteOutcome::Created,
            Some(held) if is_same(held, &entry, &terms) => WriteOutcome::Unchanged,
            Some(_) => WriteOutcome::Changed,
        };
        let around = Surroundings::of(standing.state, key, Some(&entry.version));
        let result = pb::WriteResult { version: entry.version.to_string(), ..result(Some(key), outcome) };
        let mut step = Step::from(around.told(result));
        let source = SourceName::api();
        if outcome == WriteOutcome::Unchanged {
            let lease = held.and_then(|held| held.terms.lease);
            step.renewal = lease.map(|lease| Renewal::now(source, key.clone(), lease, standing.wall));
            return step;
        }
        step.change = Some(Change::Put(Arc::new(Record {
            source,
            key: key.clone(),
            entry,
            audience: Audience::of(resource),
            created,
            provenance: Provenance { origin: self.author.clone(), line: 0 },
            warnings: warnings.to_vec(),
            terms,
        })));
        step
    }

    /// What another set has is not touched, unless it is to be taken over.
    fn of_another_set(&self, held: Option<&Held>) -> Option<pb::Conflict> {
        let held = held?;
        let (theirs, ours) = (held.terms.set.as_ref()?, self.set.as_ref()?);
        if theirs == ours || self.takes_over {
            return None;
        }
        let reason = format!("is part of set `{theirs}`; force takes it over into `{ours}`");
        Some(conflict(reason, Some(held)))
    }

    /// What goes because the request does not have it, by key.
    fn pruned(&self, standing: &Standing<'_>, known: &HashSet<Key>) -> Vec<(Key, Step)> {
        let Some(scope) = &self.prune else { return Vec::new() };
        let meant = standing.layer.iter().filter(|held| !known.contains(&held.key));
        let rights = self.rights.now();
        let meant = meant.filter(|held| rights.sees(&held.key) && scope.has(standing.state, held));
        let unreadable = self.candidates.iter().find(|candidate| candidate.key().is_none());
        meant.map(|held| (held.key.clone(), self.prune(standing, held, unreadable))).collect()
    }

    fn prune(&self, standing: &Standing<'_>, held: &Held, unreadable: Option<&Candidate>) -> Step {
        let key = &held.key;
        let of_another_set = || self.set.is_some().then(|| self.of_another_set(Some(held))).flatten();
        if let Some(conflict) = self.conditions.unmet(key, Some(held)).or_else(of_another_set) {
            let result = result(Some(key), WriteOutcome::Conflicted);
            return pb::WriteResult { conflict: Some(conflict), ..result }.into();
        }
        let around = Surroundings::of(standing.state, key, None);
        if let Some(unreadable) = unreadable {
            let place = unreadable.place();
            let reason = format!("is not pruned: what can't be read at {place} may hold it");
            let result = result(Some(key), WriteOutcome::NotMade);
            return pb::WriteResult { conflict: Some(conflict(reason, Some(held))), ..result }.into();
        }
        let change = Change::Remove { source: SourceName::api(), key: key.clone() };
        let removed = around.told(result(Some(key), WriteOutcome::Removed));
        Step { change: Some(change), ..Step::from(removed) }
    }
}

/// Whether writing it would change nothing but when a lease ends.
fn is_same(held: &Held, entry: &Entry, terms: &Terms) -> bool {
    let ttl = |terms: &Terms| terms.lease.map(|Lease { ttl, .. }| ttl);
    held.version == entry.version && held.terms.set == terms.set && ttl(&held.terms) == ttl(terms)
}

fn rejected(key: Option<&Key>, findings: &[Finding]) -> Step {
    let findings = findings.iter().map(pb::Finding::from).collect();
    pb::WriteResult { findings, ..result(key, WriteOutcome::Rejected) }.into()
}

fn repeated(first: &Candidate, again: &Candidate) -> Finding {
    Finding {
        code: "repeated-key".to_owned(),
        severity: Severity::Error,
        path: String::new(),
        position: Position { line: again.line, column: 0 },
        reason: format!("stands twice in what is applied: at {} and at {}", first.place(), again.place()),
        remedy: "leave one of them out".to_owned(),
    }
}

#[cfg(test)]
mod tests;
