//! The documents that are rejected now, and why.
//!
//! Kept in memory for whoever inspects, and in the store's status area for whoever looks at the store.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use mainsheet_api::{
    key::Key,
    limits::{FINDINGS_MAX, REJECTED_LEN_MAX},
    resource::SourceName,
    verdict::Finding,
};
use serde::Serialize;

use super::{
    judge::{Judged, Rejected},
    plan::{JudgedRound, Named},
    warned::Warned,
};
use crate::source::{Completeness, is_below, is_prefix};

/// Where they are in the status area: `rejected/<source>/<origin>`, with `/` and `%` in the source's name as in a URL.
pub const REJECTED_PREFIX: &str = "rejected/";

/// A document that is not served. What was last good of its key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedCandidate {
    /// Which source read it.
    pub source: SourceName,
    /// Where.
    pub origin: String,
    /// Line of the document, from 1; 0 for a file as a whole.
    pub line: u32,
    /// Whose it is, where it can be told.
    pub key: Option<Key>,
    /// What is wrong; empty where too many documents are rejected to keep all of it.
    pub findings: Vec<Finding>,
}

/// The documents that are rejected now, for reading. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Verdicts(Arc<Mutex<Rejections>>);

#[derive(Debug, Default)]
struct Rejections {
    by_origin: BTreeMap<(SourceName, String), Vec<Rejected>>,
    len: usize,
}

impl Verdicts {
    /// All of them, in order of source, origin and line.
    #[must_use]
    pub fn rejected(&self) -> Vec<RejectedCandidate> {
        let candidates = |((source, origin), rejected): (&(SourceName, String), &Vec<Rejected>)| {
            let candidate = |rejected: &Rejected| RejectedCandidate {
                source: source.clone(),
                origin: origin.clone(),
                line: rejected.line,
                key: rejected.key.clone(),
                findings: rejected.findings.clone(),
            };
            rejected.iter().map(candidate).collect::<Vec<_>>()
        };
        self.lock().by_origin.iter().flat_map(candidates).collect()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().len
    }

    /// Whether everything that was read is served.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, Rejections> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps the list up to date; only the intake has it.
#[derive(Debug, Default)]
pub(crate) struct VerdictsWriter {
    verdicts: Verdicts,
    /// What the status area holds or is to hold no more.
    stored: BTreeSet<(SourceName, String)>,
    unsaved: BTreeSet<(SourceName, String)>,
    warned: Warned,
}

impl VerdictsWriter {
    /// Says what an earlier run left in the status area: what of it is no longer true is removed in time.
    pub(crate) fn stored_before(&mut self, keys: impl IntoIterator<Item = String>) {
        self.stored.extend(keys.into_iter().filter_map(|key| parsed_key(&key)));
    }

    /// Of which sources something is in the status area.
    pub(crate) fn stored_sources(&self) -> impl Iterator<Item = SourceName> {
        self.stored.iter().map(|(source, _)| source.clone())
    }

    /// For others to read.
    pub(crate) fn reader(&self) -> Verdicts {
        self.verdicts.clone()
    }

    /// Takes over what a round says of its origins. Logs what is new.
    pub(crate) fn take_in(&mut self, round: &JudgedRound) {
        if round.is_whole {
            self.forget_unmentioned(round);
        }
        for report in &round.reports {
            self.set(&round.source, report);
        }
        self.warned.take_in(round);
    }

    /// Keys that rejected documents of a source name.
    pub(crate) fn named(&self, source: &SourceName) -> Named {
        let rejections = self.verdicts.lock();
        let mut named = Named::new();
        for ((_, origin), rejected) in rejections.by_origin.iter().filter(|((of, _), _)| of == source) {
            for key in rejected.iter().filter_map(|rejected| rejected.key.as_ref()) {
                named.entry(key.clone()).or_default().insert(origin.clone());
            }
        }
        named
    }

    /// Namespaces of the keys that rejected documents of an origin name.
    pub(crate) fn namespaces_of(&self, source: &SourceName, origin: &str) -> BTreeSet<Arc<str>> {
        let rejections = self.verdicts.lock();
        let rejected = rejections.by_origin.get(&(source.clone(), origin.to_owned()));
        let keys = rejected.into_iter().flatten().filter_map(|rejected| rejected.key.as_ref());
        keys.map(|key| Arc::clone(&key.namespace)).collect()
    }

    /// Whether the status area is out of date.
    pub(crate) fn is_unsaved(&self) -> bool {
        !self.unsaved.is_empty()
    }

    /// Takes what is to be written to the status area.
    pub(crate) fn take_unsaved(&mut self) -> Vec<(String, Option<Bytes>)> {
        let rejections = self.verdicts.lock();
        let entry = |origin: (SourceName, String)| {
            let key = stored_key(&origin.0, &origin.1);
            let value = rejections.by_origin.get(&origin).map(|rejected| stored_form(rejected));
            if value.is_some() {
                self.stored.insert(origin)
            } else {
                self.stored.remove(&origin)
            };
            (key, value)
        };
        std::mem::take(&mut self.unsaved).into_iter().map(entry).collect()
    }

    /// What was taken to be written could not be: it is taken again.
    pub(crate) fn not_saved<'a>(&mut self, keys: impl IntoIterator<Item = &'a String>) {
        self.unsaved.extend(keys.into_iter().filter_map(|key| parsed_key(key)));
    }

    fn forget_unmentioned(&mut self, round: &JudgedRound) {
        let mentioned: HashSet<&str> = round.reports.iter().map(|report| report.origin.as_str()).collect();
        let unknown: Vec<&str> = round
            .reports
            .iter()
            .filter(|report| report.completeness == Completeness::Partial && is_prefix(&report.origin))
            .map(|report| report.origin.as_str())
            .collect();
        let is_gone = |(source, origin): &(SourceName, String)| {
            let is_unknown = unknown.iter().any(|prefix| is_below(origin, prefix));
            *source == round.source && !mentioned.contains(&**origin) && !is_unknown
        };
        let mut rejections = self.verdicts.lock();
        let gone: Vec<_> = rejections.by_origin.extract_if(.., |origin, _| is_gone(origin)).collect();
        rejections.len -= gone.iter().map(|(_, rejected)| rejected.len()).sum::<usize>();
        self.unsaved.extend(self.stored.iter().filter(|origin| is_gone(origin)).cloned());
    }

    fn set(&mut self, source: &SourceName, report: &Judged) {
        let origin = (source.clone(), report.origin.clone());
        let mut rejections = self.verdicts.lock();
        let before = rejections.by_origin.remove(&origin).unwrap_or_default();
        rejections.len -= before.len();
        let mut now = report.rejected.clone();
        for rejected in &mut now {
            let is_kept = rejections.len < REJECTED_LEN_MAX;
            rejected.findings.truncate(if is_kept { FINDINGS_MAX } else { 0 });
            rejections.len += 1;
        }
        for (rejected, whole) in
            now.iter().zip(&report.rejected).filter(|(rejected, _)| !before.contains(rejected))
        {
            for finding in &whole.findings {
                log(source, &report.origin, rejected.line, whole.key.as_ref(), finding);
            }
        }
        let is_stored = self.stored.contains(&origin);
        if now != before || is_stored == now.is_empty() {
            self.unsaved.insert(origin.clone());
        }
        if !now.is_empty() {
            rejections.by_origin.insert(origin, now);
        }
    }
}

/// A line that begins with what editors jump to.
pub(super) fn log(source: &SourceName, origin: &str, line: u32, key: Option<&Key>, finding: &Finding) {
    let line = if finding.position.line == 0 { line } else { finding.position.line };
    let column = finding.position.column;
    let key = key.map(ToString::to_string).unwrap_or_default();
    tracing::warn!(%source, key, "{origin}:{line}:{column}: {finding}");
}

fn stored_key(source: &SourceName, origin: &str) -> String {
    format!("{REJECTED_PREFIX}{}/{origin}", escaped(source))
}

/// A source's name as one part of a key of the status area.
pub(super) fn escaped(source: &SourceName) -> String {
    source.0.replace('%', "%25").replace('/', "%2F")
}

fn parsed_key(key: &str) -> Option<(SourceName, String)> {
    let (source, origin) = key.strip_prefix(REJECTED_PREFIX)?.split_once('/')?;
    Some((SourceName(Arc::from(source.replace("%2F", "/").replace("%25", "%"))), origin.to_owned()))
}

/// As it is stored: JSON, for people and other programs.
#[derive(Serialize)]
struct Stored<'a> {
    key: Option<String>,
    line: u32,
    findings: Vec<StoredFinding<'a>>,
}

#[derive(Serialize)]
struct StoredFinding<'a> {
    code: &'a str,
    path: &'a str,
    line: u32,
    column: u32,
    reason: &'a str,
    remedy: &'a str,
}

fn stored_form(rejected: &[Rejected]) -> Bytes {
    let stored: Vec<Stored<'_>> = rejected.iter().map(stored).collect();
    serde_json::to_vec(&stored).unwrap_or_default().into()
}

fn stored(rejected: &Rejected) -> Stored<'_> {
    Stored {
        key: rejected.key.as_ref().map(ToString::to_string),
        line: rejected.line,
        findings: rejected.findings.iter().map(StoredFinding::of).collect(),
    }
}

impl<'a> StoredFinding<'a> {
    fn of(finding: &'a Finding) -> Self {
        Self {
            code: &finding.code,
            path: &finding.path,
            line: finding.position.line,
            column: finding.position.column,
            reason: &finding.reason,
            remedy: &finding.remedy,
        }
    }
}

#[cfg(test)]
mod tests;
