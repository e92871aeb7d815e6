//! Labels of workloads, and what selects them.

use std::collections::BTreeMap;

use super::text::{Text, Texts};

/// Labels beyond which the parts of a selector are not all looked up.
const PARTS_OF_LEN_MAX: usize = 6;

/// `name=value` each, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Labels(pub(super) Box<[Text]>);

impl Labels {
    pub(super) fn of(labels: &BTreeMap<String, String>, texts: &mut Texts) -> Self {
        Self(labels.iter().map(|(name, value)| texts.keep(&format!("{name}={value}"))).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether everything with the other labels has these, too.
    pub(super) fn select(&self, other: &Self) -> bool {
        self.0.iter().all(|label| other.0.contains(label))
    }

    /// As one text.
    pub(super) fn text(&self) -> String {
        self.0.join(",")
    }

    /// The texts of all selectors with a part of these labels, at least one, all of them last. Of many labels, only
    /// single ones and all.
    pub(super) fn parts(&self) -> Vec<String> {
        let len = self.0.len();
        if len > PARTS_OF_LEN_MAX {
            return self.0.iter().map(ToString::to_string).chain([self.text()]).collect();
        }
        let part = |bits: usize| {
            let labels = self.0.iter().enumerate().filter(|(place, _)| bits & (1 << place) != 0);
            labels.map(|(_, label)| &**label).collect::<Vec<_>>().join(",")
        };
        (1..1 << len).map(part).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_every_combination_of_few_labels() {
        let labels = |names: &[&str]| Labels(names.iter().map(|name| Text::from(*name)).collect());
        assert_eq!(labels(&["a=1", "b=2"]).parts(), ["a=1", "b=2", "a=1,b=2"]);
        assert!(labels(&[]).parts().is_empty());
        let many = labels(&["a", "b", "c", "d", "e", "f", "g"]);
        assert_eq!(many.parts().len(), 8);
        assert!(labels(&["a"]).select(&many) && !many.select(&labels(&["a"])));
    }
}
