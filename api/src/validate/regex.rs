//! Regular expressions. istiod compiles them with Go's RE2, whose grammar differs from Rust's; what is flagged here is
//! what both refuse.

use regex_syntax::ast::{self, ErrorKind};

use super::{code, report::Report};

const LEN_MAX: usize = 1024;

/// Flags an expression that is too long or surely does not compile.
pub(super) fn check(report: &mut Report<'_>, name: &str, expression: &str) {
    report.flag_at_if(expression.len() > LEN_MAX, name, &code::REGEX_LENGTH);
    report.expect(name, expression, |expression| !is_refused(expression), &code::REGEX);
}

/// As [`check`], where an empty one is refused, too.
pub(super) fn required(report: &mut Report<'_>, name: &str, expression: &str) {
    report.flag_at_if(expression.is_empty(), name, &code::REGEX_EMPTY);
    check(report, name, expression);
}

fn is_refused(expression: &str) -> bool {
    let Err(error) = ast::parse::Parser::new().parse(expression) else { return false };
    let start = error.span().start.offset;
    let after = |count: usize| expression.as_bytes().get(start + count).copied();
    match error.kind() {
        ErrorKind::UnsupportedLookAround | ErrorKind::GroupUnclosed | ErrorKind::GroupUnopened => true,
        // `\1` is refused, `\12` is a character in octal.
        ErrorKind::UnsupportedBackreference => !matches!(after(2), Some(b'0'..=b'7')),
        // `{` that begins no count is itself to Go.
        ErrorKind::RepetitionMissing => matches!(after(0), Some(b'*' | b'+' | b'?')),
        // `[[a]` is a set of two characters to Go.
        ErrorKind::ClassUnclosed => !expression.contains(']'),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_go_refuses_too_is_refused() {
        for bad in ["*", "a(", "a)", "(?=a)", "(?!a)", "(?<=a)", r"(a)\1", "[a", "+"] {
            assert!(is_refused(bad), "{bad}");
        }
        for good in ["", ".*", "a{", "{", "a{,5}", "[[a]", r"\Q(\E", r"\123", "(?P<n>a)", "(?<n>a)", r"\pN"] {
            assert!(!is_refused(good), "{good}");
        }
    }
}
