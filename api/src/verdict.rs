//! What is said of a resource before it may be served.

use std::fmt;

use crate::generated::mainsheet::v1 as pb;

/// Where in its text something stands. Lines and columns from 1; all zero where there is no text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line.
    pub line: u32,
    /// Column, in characters.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Served, and remarked.
    Warning,
    /// Not served.
    Error,
}

impl Severity {
    /// In a word, for people and machines.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that is wrong with a resource, worded for its author.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Finding {
    /// Stable and searchable: `unknown-field`, `vs-no-route`.
    pub code: String,
    /// Whether it rejects.
    pub severity: Severity,
    /// Path within the document: `spec.http[0].route[1].weight`; empty for the document as a whole.
    pub path: String,
    /// Where the field stands.
    pub position: Position,
    /// What is wrong: lower case, no full stop.
    pub reason: String,
    /// What would be right; may be empty where the reason says it.
    pub remedy: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.reason)?;
        if !self.remedy.is_empty() {
            write!(f, "; {}", self.remedy)?;
        }
        write!(f, " [{}]", self.code)
    }
}

impl From<&Finding> for pb::Finding {
    fn from(finding: &Finding) -> Self {
        let Finding { code, severity, path, position, reason, remedy } = finding.clone();
        let severity = match severity {
            Severity::Warning => pb::Severity::Warning,
            Severity::Error => pb::Severity::Error,
        };
        let (line, column) = (position.line, position.column);
        Self { code, severity: severity.into(), path, line, column, reason, remedy }
    }
}

/// All findings of one resource. It is accepted unless one of them is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// In the order in which they stand in the document.
    pub findings: Vec<Finding>,
}

impl Verdict {
    /// Whether the resource may be served.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity == Severity::Warning)
    }
}
