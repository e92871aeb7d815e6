//! Where in a text the fields of a document stand.

use std::ops::Range;

use crate::verdict::{Finding, Position};

/// Paths and where their values' keys stand (of an item of a list: where the item begins).
///
/// `spec.http[0].route[1].weight`, an entry of a map `metadata.labels[app]`. Fields go by their JSON names whichever
/// way the document spells them; those of Envoy's resources by their .proto names.
///
/// Every accepted document fills one and hardly any is asked, so it is quick to fill: paths stand one after the other
/// in one text, in the order of the document, and are found by looking through them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceMap {
    paths: String,
    entries: Vec<(Range<usize>, Position)>,
}

impl SourceMap {
    /// Notes where a path stands. Of a path that is noted twice, the first place counts.
    pub fn insert(&mut self, path: &str, position: Position) {
        let start = self.paths.len();
        self.paths.push_str(path);
        self.entries.push((start..self.paths.len(), position));
    }

    /// Where a path stands, or the nearest path above it that is known.
    #[must_use]
    pub fn locate(&self, path: &str) -> Position {
        let mut path = path;
        loop {
            if let Some(position) = self.get(path) {
                return position;
            }
            let Some(end) = path.rfind(['.', '[']) else { return self.get("").unwrap_or_default() };
            path = &path[..end];
        }
    }

    fn get(&self, path: &str) -> Option<Position> {
        self.entries
            .iter()
            .find(|(range, _)| self.paths[range.clone()] == *path)
            .map(|(_, position)| *position)
    }

    /// Gives findings that have none their position.
    pub fn place(&self, findings: &mut [Finding]) {
        for finding in findings.iter_mut().filter(|finding| finding.position == Position::default()) {
            finding.position = self.locate(&finding.path);
        }
    }
}
