//! Where in a text the fields of a document stand.

use std::collections::BTreeMap;

use crate::verdict::{Finding, Position};

/// Paths and where their values' keys stand (of an item of a list: where the item begins).
///
/// `spec.http[0].route[1].weight`, an entry of a map `metadata.labels[app]`. Fields go by their JSON names whichever
/// way the document spells them; those of Envoy's resources by their .proto names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceMap {
    positions: BTreeMap<String, Position>,
}

impl SourceMap {
    /// Notes where a path stands.
    pub fn insert(&mut self, path: impl Into<String>, position: Position) {
        self.positions.insert(path.into(), position);
    }

    /// Notes where a path stands first: of a key that stands twice, the first counts.
    pub(super) fn insert_first(&mut self, path: &str, position: Position) {
        if !self.positions.contains_key(path) {
            self.positions.insert(path.to_owned(), position);
        }
    }

    /// Where a path stands, or the nearest path above it that is known.
    #[must_use]
    pub fn locate(&self, path: &str) -> Position {
        let mut path = path;
        loop {
            if let Some(position) = self.positions.get(path) {
                return *position;
            }
            let Some(end) = path.rfind(['.', '[']) else {
                return self.positions.get("").copied().unwrap_or_default();
            };
            path = &path[..end];
        }
    }

    /// Gives findings that have none their position.
    pub fn place(&self, findings: &mut [Finding]) {
        for finding in findings.iter_mut().filter(|finding| finding.position == Position::default()) {
            finding.position = self.locate(&finding.path);
        }
    }
}
