//! What holds of all findings, whatever they are about.

use mainsheet_api::{
    limits::{FINDING_TEXT_BYTES_MAX, FINDINGS_MAX},
    verdict::{Finding, Position},
};

/// A text, as far as places in it go.
#[derive(Debug)]
pub(super) struct Page {
    /// Characters of each line.
    lines: Vec<usize>,
}

impl Page {
    pub(super) fn of(text: &str) -> Self {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        Self { lines: text.split('\n').map(|line| line.chars().count()).collect() }
    }

    /// That this is a place in the text, or the one behind its end.
    pub(super) fn check(&self, Position { line, column }: Position) {
        let chars = line.checked_sub(1).and_then(|line| self.lines.get(line as usize));
        let is_there = chars.is_some_and(|chars| (1..=chars + 1).contains(&(column as usize)));
        assert!(is_there, "{line}:{column} is not in a text of {} lines", self.lines.len());
    }
}

/// That findings are bounded, say something, and stand somewhere.
pub(super) fn check(findings: &[Finding], page: Option<&Page>) {
    // As many errors, as many warnings, and of each that there are more.
    assert!(findings.len() <= 2 * (FINDINGS_MAX + 1), "{} findings", findings.len());
    for Finding { code, path, position, reason, remedy, .. } in findings {
        assert!(!code.is_empty() && !reason.is_empty(), "a finding that says nothing");
        for text in [path, reason, remedy] {
            assert!(text.len() <= FINDING_TEXT_BYTES_MAX, "{} bytes of {text}", text.len());
        }
        if let Some(page) = page {
            page.check(*position);
        }
    }
}
