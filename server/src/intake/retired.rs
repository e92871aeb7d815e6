//! Sources that the store knows and nobody configures any more: what they hold goes.
//!
//! Not before every configured source has told everything. Resources that moved to another source, which is what a path
//! that was renamed looks like, are served from there by then, and no client sees them go.

use std::collections::BTreeSet;

use mainsheet_api::resource::SourceName;

use crate::source::{Batch, Extent};

/// What is to go, and what it waits for.
#[derive(Debug)]
pub(super) struct Retired {
    sources: BTreeSet<SourceName>,
    /// Configured sources that have not told everything in this run.
    untold: BTreeSet<SourceName>,
}

impl Retired {
    /// Those of the `known` sources that are not `configured`. The layers of rollbacks and of the API are no sources, and
    /// stay.
    pub(super) fn new(configured: BTreeSet<SourceName>, known: BTreeSet<SourceName>) -> Self {
        let is_source = |source: &&SourceName| ![SourceName::HOLD, SourceName::API].contains(&&*source.0);
        let sources = known.difference(&configured).filter(is_source).cloned().collect();
        Self { sources, untold: configured }
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = &SourceName> {
        self.sources.iter()
    }

    pub(super) fn contains(&self, source: &SourceName) -> bool {
        self.sources.contains(source)
    }

    /// A source has told everything. With the last configured one comes what each retired one would tell: that it has
    /// nothing. The shrink guard looks at it as at any other.
    pub(super) fn told(&mut self, source: &SourceName) -> Vec<Batch> {
        if !self.untold.remove(source) || !self.untold.is_empty() {
            return Vec::new();
        }
        let nothing = |source: &SourceName| Batch {
            source: source.clone(),
            extent: Extent::Whole,
            reports: Vec::new(),
        };
        self.sources.iter().map(nothing).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn sources<const N: usize>(names: [&str; N]) -> BTreeSet<SourceName> {
        names.map(|name| SourceName(Arc::from(name))).into()
    }

    fn told(retired: &mut Retired, name: &str) -> Vec<String> {
        let batches = retired.told(&SourceName(Arc::from(name)));
        assert!(batches.iter().all(|batch| batch.extent == Extent::Whole && batch.reports.is_empty()));
        batches.into_iter().map(|batch| batch.source.to_string()).collect()
    }

    #[test]
    fn retired_sources_have_nothing_once_all_others_have_told_everything() {
        let mut retired = Retired::new(sources(["a", "b"]), sources(["b", "old", "older", "hold", "api"]));
        assert!(told(&mut retired, "a").is_empty());
        assert!(told(&mut retired, "a").is_empty(), "a resync is no second source");
        assert!(!retired.contains(&SourceName(Arc::from("b"))));
        assert_eq!(told(&mut retired, "b"), ["old", "older"]);
        assert!(told(&mut retired, "old").is_empty() && told(&mut retired, "b").is_empty(), "once is enough");
    }

    #[test]
    fn nothing_is_retired_where_every_source_is_configured() {
        let mut retired = Retired::new(sources(["a"]), sources(["a"]));
        assert_eq!(retired.sources().count(), 0);
        assert!(told(&mut retired, "a").is_empty());
    }
}
