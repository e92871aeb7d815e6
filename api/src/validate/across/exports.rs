//! `exportTo`: in which namespaces a resource counts.

use super::text::{Text, Texts};

/// In which namespaces a resource counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Exports {
    All,
    /// Sorted. Nowhere, if there is none.
    Only(Box<[Text]>),
}

impl Exports {
    /// Nothing said is all, `.` the own namespace, `~` nowhere.
    pub(super) fn of(entries: &[String], own: &str, texts: &mut Texts) -> Self {
        if entries.is_empty() || entries.iter().any(|entry| entry == "*") {
            return Self::All;
        }
        let named = entries.iter().filter(|entry| *entry != "~");
        let mut namespaces: Vec<Text> =
            named.map(|entry| texts.keep(if entry == "." { own } else { entry })).collect();
        namespaces.sort();
        namespaces.dedup();
        Self::Only(namespaces.into())
    }

    pub(super) fn reach(&self, namespace: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(namespaces) => namespaces.iter().any(|one| **one == *namespace),
        }
    }

    /// Whether there is a namespace in which both count.
    pub(super) fn meet(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, Self::All) => true,
            (Self::All, Self::Only(some)) | (Self::Only(some), Self::All) => !some.is_empty(),
            (Self::Only(_), Self::Only(some)) => some.iter().any(|namespace| self.reach(namespace)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_reach_what_they_name_and_by_default_all() {
        let mut texts = Texts::default();
        let mut of = |entries: &[&str]| {
            let entries: Vec<String> = entries.iter().map(ToString::to_string).collect();
            Exports::of(&entries, "own", &mut texts)
        };
        let (all, some, nowhere) = (of(&[]), of(&[".", "b"]), of(&["~"]));
        assert_eq!(of(&["a", "*"]), all);
        assert!(all.reach("x") && some.reach("own") && some.reach("b"));
        assert!(!some.reach("x") && !nowhere.reach("own"));
        assert!(
            all.meet(&some) && some.meet(&of(&["b", "c"])) && !some.meet(&of(&["c"])) && !all.meet(&nowhere)
        );
    }
}
