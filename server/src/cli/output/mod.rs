//! How commands print.

mod age;
mod format;
mod resources;
mod table;

pub(super) use age::{age, span, timestamp};
pub(super) use format::{Format, FormatParser, object};
pub(super) use resources::{Layout, Printer, Update};
pub(super) use table::{Columns, lines, table};

/// Tells people something that is no output.
#[allow(clippy::print_stderr, reason = "this is where commands print")]
pub(super) fn note(text: &str) {
    eprintln!("{text}");
}
