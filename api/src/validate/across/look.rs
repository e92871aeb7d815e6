//! What a check sees of the others, and what it says.

use std::fmt::Display;

use super::{
    AcrossOptions, code,
    facts::Facts,
    index::Index,
    text::{Text, Texts},
    topic::Topic,
};
use crate::{
    key::Key,
    limits::{ACROSS_FINDINGS_MAX, ACROSS_TOPICS_MAX},
    time::Timestamp,
    validate::code::Code,
    verdict::{Finding, Position},
};

/// Resources that are named in one finding.
const NAMED_MAX: usize = 3;

/// A resource as it is kept.
#[derive(Debug, PartialEq)]
pub(super) struct Subject {
    pub(super) key: Key,
    pub(super) created: Timestamp,
    pub(super) facts: Facts,
}

impl Subject {
    /// Of several of a kind that claim the same, istiod takes the least.
    pub(super) fn rank(&self) -> impl Ord + '_ {
        (self.created, &self.key.name, &self.key.namespace, &self.key)
    }

    pub(super) fn counts_before(&self, other: &Self) -> bool {
        self.rank() < other.rank()
    }

    pub(super) fn namespace(&self) -> &Text {
        &self.key.namespace
    }

    /// What it is found under. Of one that claims more than anybody would, the first ones.
    pub(super) fn topics(&self) -> impl Iterator<Item = Topic> + '_ {
        self.facts.topics(&self.key).take(ACROSS_TOPICS_MAX)
    }
}

/// One examination of a resource.
pub(super) struct Look<'a> {
    subject: &'a Subject,
    index: &'a Index,
    texts: &'a mut Texts,
    looked_up: Vec<Topic>,
    findings: Vec<Finding>,
    unlisted: usize,
    pub(super) options: &'a AcrossOptions,
}

impl<'a> Look<'a> {
    pub(super) fn new(
        subject: &'a Subject,
        index: &'a Index,
        options: &'a AcrossOptions,
        texts: &'a mut Texts,
    ) -> Self {
        Self { subject, index, options, texts, looked_up: Vec::new(), findings: Vec::new(), unlisted: 0 }
    }

    /// The resource that is examined.
    pub(super) fn own(&self) -> &'a Subject {
        self.subject
    }

    pub(super) fn text(&mut self, text: &str) -> Text {
        self.texts.keep(text)
    }

    /// Who is found under a topic, itself included; the one that counts first in front. Nobody, for one that looks up
    /// more than anybody would.
    pub(super) fn found(&mut self, topic: Topic) -> Vec<&'a Subject> {
        if self.is_exhausted() {
            return Vec::new();
        }
        let found = self.index.found(&topic);
        self.looked_up.push(topic);
        found
    }

    fn is_exhausted(&self) -> bool {
        self.looked_up.len() >= ACROSS_TOPICS_MAX
    }

    /// The others of them.
    pub(super) fn others(&mut self, topic: Topic) -> Vec<&'a Subject> {
        let mut found = self.found(topic);
        found.retain(|subject| subject.key != self.subject.key);
        found
    }

    /// Says something, unless it may come of not having looked at everything.
    pub(super) fn flag(&mut self, code: &Code, path: impl Display, detail: impl Display) {
        if self.is_exhausted() {
            return;
        }
        if self.findings.len() == ACROSS_FINDINGS_MAX {
            self.unlisted += 1;
            return;
        }
        self.findings.push(finding(code, path.to_string(), format!("{}: {detail}", code.reason)));
    }

    /// What was found, and what was looked up for it.
    pub(super) fn into_parts(mut self) -> (Box<[Finding]>, Box<[Topic]>) {
        if self.unlisted > 0 {
            let reason = format!("{}: {} more", code::MORE.reason, self.unlisted);
            self.findings.push(finding(&code::MORE, String::new(), reason));
        }
        self.looked_up.sort();
        self.looked_up.dedup();
        (self.findings.into(), self.looked_up.into())
    }
}

fn finding(code: &Code, path: String, reason: String) -> Finding {
    Finding {
        code: code.id.to_owned(),
        severity: code.severity,
        path,
        position: Position::default(),
        reason,
        remedy: code.remedy.to_owned(),
    }
}

/// Some of them by name, and how many more there are.
pub(super) fn some<T: Display>(all: impl IntoIterator<Item = T>) -> String {
    let all: Vec<String> = all.into_iter().map(|one| one.to_string()).collect();
    let listed = all[..all.len().min(NAMED_MAX)].join(", ");
    match all.len().saturating_sub(NAMED_MAX) {
        0 => listed,
        more => format!("{listed} and {more} more"),
    }
}
