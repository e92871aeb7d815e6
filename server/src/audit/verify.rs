//! What is wrong with a chain of files: pure.
//!
//! Files are told in order, each line by line. A chain that was cut at its very end, and one that was written anew from some line
//! on, can't be told from a shorter one by themselves: for that there is the head that a log or a person kept elsewhere.

use std::fmt;

use super::chain::{Flaw, Hash, Head, Line, read};

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) file: String,
    /// From 1; 0: the file as a whole.
    pub(crate) line: u64,
    pub(crate) what: String,
}

/// `audit.log:17: was edited`
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.what),
            line => write!(f, "{}:{line}: {}", self.file, self.what),
        }
    }
}

/// What the lines come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verified {
    pub(crate) lines: u64,
    /// The number of the first one.
    pub(crate) first: Option<u64>,
    /// Of the last one.
    pub(crate) head: Option<Head>,
    pub(crate) problems: Vec<Problem>,
}

/// What is known of the line before.
#[derive(Clone, Copy, Debug)]
struct Before {
    seq: u64,
    /// None: it can't be said what it was.
    hash: Option<Hash>,
    closes: bool,
}

/// Looks at a chain line by line.
#[derive(Debug, Default)]
pub(crate) struct Verifier {
    file: String,
    is_rotated: bool,
    line: u64,
    lines: u64,
    first: Option<u64>,
    before: Option<Before>,
    /// The head that is expected, and whether a line had it.
    expected: Option<(Head, bool)>,
    problems: Vec<Problem>,
}

impl Verifier {
    /// The chain has to have this head, as its newest or further back.
    pub(crate) fn expecting(head: Option<Head>) -> Self {
        Self { expected: head.map(|head| (head, head == Head::NONE)), ..Self::default() }
    }

    /// The next file begins. One that was rotated is whole only with the line that closes it.
    pub(crate) fn file(&mut self, name: &str, is_rotated: bool) {
        self.end_of_file(true);
        (self.file, self.is_rotated, self.line) = (name.to_owned(), is_rotated, 0);
    }

    /// The next line, without its end.
    pub(crate) fn line(&mut self, bytes: &[u8]) {
        (self.line, self.lines) = (self.line + 1, self.lines + 1);
        match read(bytes) {
            Ok(line) => self.follows(line, true),
            Err(Flaw::Edited(said)) => {
                self.problem(format!(
                    "was edited: what it says is not what it said as line {}",
                    said.head.seq
                ));
                self.follows(said, false);
            }
            Err(Flaw::NoLine) => {
                self.problem("is no line of an audit log: it was edited, or put here");
                self.before =
                    self.before.map(|before| Before { seq: before.seq + 1, hash: None, closes: false });
            }
        }
    }

    /// What comes after the last whole line of a file.
    pub(crate) fn rest(&mut self, bytes: u64) {
        if bytes > 0 {
            self.line += 1;
            self.problem(format!("ends in the middle of a line, after {bytes} bytes of it"));
        }
    }

    /// That was all.
    pub(crate) fn finish(mut self) -> Verified {
        self.end_of_file(false);
        self.line = 0;
        if let Some((head, false)) = self.expected {
            self.problem(match self.before {
                Some(before) if before.seq >= head.seq => {
                    format!("line {} is not the one that is expected: the chain was written anew", head.seq)
                }
                _ => format!("line {}, which is expected, is not there: the end was cut off", head.seq),
            });
        }
        let head = self.before.and_then(|before| Some(Head { seq: before.seq, hash: before.hash? }));
        Verified { lines: self.lines, first: self.first, head, problems: self.problems }
    }

    fn follows(&mut self, line: Line, is_whole: bool) {
        self.first = self.first.or(Some(line.head.seq));
        if let Some(what) = self.before.and_then(|before| gap(before, line)) {
            self.problem(what);
        } else if self.before.is_none() && line.head.seq == 1 && line.prev != Head::NONE.hash {
            self.problem("says that it is the first one, and that there is one before it");
        }
        if self.line == 1 && !line.opens {
            self.problem("is not the line that opens a file: the beginning was cut off");
        }
        if self.line > 1 && self.before.is_some_and(|before| before.closes) {
            self.problem("comes after the line that closes the file");
        }
        if let Some((head, is_met)) = &mut self.expected {
            *is_met |= is_whole && line.head == *head;
        }
        let hash = Some(line.head.hash);
        self.before = Some(Before { seq: line.head.seq, hash, closes: line.closes });
    }

    fn end_of_file(&mut self, is_followed: bool) {
        if self.file.is_empty() || !(self.is_rotated || is_followed) {
            return;
        }
        let closed = self.line > 0 && self.before.is_some_and(|before| before.closes);
        if !closed {
            self.problem(
                "its end was cut off: the last line is not the one that closes a file which is full",
            );
        }
    }

    fn problem(&mut self, what: impl Into<String>) {
        let (file, line) = (self.file.clone(), self.line);
        self.problems.push(Problem { file, line, what: what.into() });
    }
}

/// Why a line can't come after another.
fn gap(before: Before, line: Line) -> Option<String> {
    let (expected, seq) = (before.seq + 1, line.head.seq);
    if seq > expected {
        let missing = if seq - expected == 1 {
            format!("line {expected} is")
        } else {
            format!("lines {expected} to {} are", seq - 1)
        };
        return Some(format!("{missing} missing before line {seq}"));
    }
    if seq < expected {
        return Some(format!("line {seq} stands behind line {}", before.seq));
    }
    (before.hash.is_some_and(|hash| hash != line.prev))
        .then(|| format!("line {seq} was written after another line {} than the one before it", before.seq))
}

#[cfg(test)]
mod tests;
