//! Texts that many resources share, kept once.

use std::{collections::HashSet, sync::Arc};

/// A host, a namespace, a subset's name.
pub(super) type Text = Arc<str>;

/// Texts below which looking for unused ones is not worth it.
const SWEEP_LEN_MIN: usize = 4096;

/// Every text that somebody keeps, once.
#[derive(Debug, Default)]
pub(super) struct Texts {
    all: HashSet<Text>,
    /// How many were in use at the last sweep.
    used: usize,
}

impl Texts {
    pub(super) fn keep(&mut self, text: &str) -> Text {
        if let Some(kept) = self.all.get(text) {
            return Arc::clone(kept);
        }
        let kept: Text = Arc::from(text);
        self.all.insert(Arc::clone(&kept));
        kept
    }

    pub(super) fn keep_all(&mut self, texts: &[String]) -> Box<[Text]> {
        texts.iter().map(|text| self.keep(text)).collect()
    }

    /// Forgets what nobody else keeps, whenever there may be as much of it as of the rest.
    pub(super) fn sweep(&mut self) {
        if self.all.len() > SWEEP_LEN_MIN.max(2 * self.used) {
            self.all.retain(|text| Arc::strong_count(text) > 1);
            self.all.shrink_to_fit();
            self.used = self.all.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_keeps_is_forgotten() {
        let mut texts = Texts::default();
        let kept = texts.keep("kept");
        assert!(Arc::ptr_eq(&kept, &texts.keep("kept")));
        for number in 0..SWEEP_LEN_MIN {
            texts.keep(&number.to_string());
        }
        texts.sweep();
        assert_eq!(texts.all.len(), 1);
    }
}
