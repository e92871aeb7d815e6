//! Regular expressions, as istiod compiles them: Go's RE2.

mod class;
mod parse;

use super::{code, report::Report};

/// What istiod takes: it can't tell the size of Envoy's program, and goes by this.
const LEN_MAX: usize = 1024;

/// Flags an expression that is too long or does not compile.
pub(super) fn check(report: &mut Report<'_>, name: &str, expression: &str) {
    if expression.len() > LEN_MAX {
        return report.flag_at(name, &code::REGEX_LENGTH);
    }
    report.expect(name, expression, is_expression, &code::REGEX);
}

/// As [`check`], where an empty one is refused, too.
pub(super) fn required(report: &mut Report<'_>, name: &str, expression: &str) {
    report.flag_at_if(expression.is_empty(), name, &code::REGEX_EMPTY);
    check(report, name, expression);
}

/// As [`check`], where one that is too long is ignored by istiod, and so but remarked.
pub(super) fn check_or_ignored(report: &mut Report<'_>, name: &str, expression: &str, ignored: &code::Code) {
    if expression.len() > LEN_MAX {
        return report.flag_at(name, ignored);
    }
    report.expect(name, expression, is_expression, &code::REGEX);
}

/// Whether Go compiles it.
fn is_expression(text: &str) -> bool {
    parse::is_expression(text)
}
