//! Findings for people, and a line of numbers.

use super::checked::{Checked, Summary};
use crate::cli::{
    snippet::{self, Remark},
    texts::Texts,
};

/// Every finding, and how many documents became what.
pub(super) fn render(checked: &Checked, texts: &mut Texts, with_colour: bool) -> String {
    let remarks = checked.findings().map(|(document, finding)| Remark {
        file: &document.file,
        name: document.key.as_ref().map(ToString::to_string),
        finding,
    });
    let Summary { accepted, with_warnings, rejected, ignored } = &checked.summary;
    snippet::render(remarks, texts, with_colour)
        + &format!(
            "{accepted} accepted, {with_warnings} with warnings, {rejected} rejected, {ignored} ignored\n"
        )
}
