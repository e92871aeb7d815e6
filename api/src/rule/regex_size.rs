//! How large a regular expression becomes when it is compiled: repetitions are written out.

use regex_syntax::hir::{Hir, HirKind};

/// States, roughly; `None` where it is no regular expression.
pub(super) fn regex_size(pattern: &str) -> Option<u64> {
    Some(size(&regex_syntax::parse(pattern).ok()?))
}

/// Nested as deep as the parser allows: 250 levels.
fn size(hir: &Hir) -> u64 {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) | HirKind::Class(_) => 1,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Capture(capture) => size(&capture.sub).saturating_add(1),
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min).max(1);
            size(&repetition.sub).saturating_mul(times.into())
        }
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().map(size).fold(0, u64::saturating_add)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_multiply() {
        assert_eq!(regex_size("abc"), Some(3));
        assert_eq!(regex_size("(?:ab){10}"), Some(20));
        assert!(regex_size("((a{100}){100}){100}").unwrap() >= 1_000_000);
        assert_eq!(regex_size("(a"), None);
    }
}
