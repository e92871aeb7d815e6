//! Why connections ended, counted by what was said.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError},
};

/// Reasons that are told apart; others are counted together.
const REASONS_MAX: usize = 50;

/// How often each.
#[derive(Debug, Default)]
pub(super) struct Reasons(Mutex<BTreeMap<String, u64>>);

impl Reasons {
    pub(super) fn count(&self, reason: &impl fmt::Display) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let reason = reason.to_string();
        let is_told = counts.len() < REASONS_MAX || counts.contains_key(&reason);
        *counts.entry(if is_told { reason } else { "other".to_owned() }).or_default() += 1;
    }

    pub(super) fn counts(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_reasons_take_no_more_room_than_some() {
        let reasons = Reasons::default();
        (0..1000).for_each(|number| reasons.count(&number));
        reasons.count(&7);
        let counts = reasons.counts();
        assert_eq!((counts.len(), counts["7"], counts["other"]), (REASONS_MAX + 1, 2, 950));
    }
}
