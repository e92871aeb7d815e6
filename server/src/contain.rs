//! Contains a panic of the codec or of validation to the document, or file, that provoked it: one author's text must not
//! end what serves all others.

use std::panic::{AssertUnwindSafe, catch_unwind};

use mainsheet_api::verdict::{Finding, Position, Severity};

/// Does `step` to what stands at `place`; a panic becomes a finding, and is logged.
///
/// # Errors
/// With code `internal`, where the work panics.
pub(crate) fn contain<T>(step: &str, place: &str, work: impl FnOnce() -> T) -> Result<T, Finding> {
    // Nothing half-done outlives the unwinding: the codec and the checks read what they are lent, own what they write until
    // they return it, and share tables only that are made once, whole or not at all.
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("no text");
        tracing::error!(place, panic = text, "{step} panicked; what stands there is rejected");
        Finding {
            code: "internal".to_owned(),
            severity: Severity::Error,
            path: String::new(),
            position: Position { line: 0, column: 0 },
            reason: format!("an error in mainsheet itself: {step} panicked: {text}"),
            remedy: "report it together with this document; one that is worded differently may pass"
                .to_owned(),
        }
    })
}

/// A text that makes decoding and validation panic in tests.
#[cfg(test)]
pub(crate) const PLANTED: &str = "planted-panic";

/// Panics where it is planted.
#[cfg(test)]
pub(crate) fn panic_if_planted(text: &str) {
    assert!(!text.contains(PLANTED), "planted");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panic_becomes_a_finding_with_its_text() {
        assert_eq!(contain("decoding", "a.yaml", || 1).unwrap(), 1);
        let line = 7;
        let finding = contain("decoding", "a.yaml", || panic!("at {line}")).map(|()| 0).unwrap_err();
        assert_eq!(finding.code, "internal");
        assert_eq!(finding.reason, "an error in mainsheet itself: decoding panicked: at 7");
    }
}
