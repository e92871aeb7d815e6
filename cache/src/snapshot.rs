//! One immutable state of everything that is served.

use std::sync::Arc;

use mainsheet_api::{
    key::Key,
    kind::Kind,
    resource::{Provenance, SourceName},
    time::Timestamp,
    verdict::Finding,
    version::{ResourceVersion, Revision, VersionSum},
    view::View,
    wire::Entry,
    xds::catalog::{Catalog, Difference, Shared},
};

/// What is known of one record beside its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// Whose layer it is in.
    pub source: SourceName,
    /// Its identity.
    pub key: Key,
    /// Of its content.
    pub version: ResourceVersion,
    /// When (source, key) was first committed.
    pub created: Timestamp,
    /// Where it came from.
    pub provenance: Provenance,
    /// What validation remarked.
    pub warnings: Vec<Finding>,
}

/// One immutable state. Its identity is its revision.
#[derive(Debug)]
pub struct Snapshot {}

impl Snapshot {
    /// Its identity.
    pub fn revision(&self) -> Revision {
        unimplemented!()
    }

    /// What a source's layer holds, in order of keys, also what another layer hides.
    pub fn layer(&self, source: &SourceName) -> Box<dyn Iterator<Item = Arc<Held>> + '_> {
        let _ = source;
        unimplemented!()
    }

    /// What a source says of a key.
    pub fn held(&self, source: &SourceName, key: &Key) -> Option<Arc<Held>> {
        let _ = (source, key);
        unimplemented!()
    }

    /// Keys that several layers hold, each with its layers, the winner first.
    pub fn clashes(&self) -> Vec<(Key, Vec<SourceName>)> {
        unimplemented!()
    }

    /// How many entries of a kind are served.
    pub fn count(&self, kind: Kind) -> usize {
        let _ = kind;
        unimplemented!()
    }
}

/// A snapshot as sessions read it. Cloning shares it.
#[derive(Clone, Debug)]
pub struct SnapshotCatalog(pub Arc<Snapshot>);

impl Catalog for SnapshotCatalog {
    fn revision(&self) -> Revision {
        self.0.revision()
    }
    fn version(&self, _kind: Kind, _view: &View) -> VersionSum {
        unimplemented!()
    }
    fn full(&self, _kind: Kind, _view: &View) -> Shared {
        unimplemented!()
    }
    fn get(&self, _kind: Kind, _view: &View, _name: &str) -> Option<Entry> {
        unimplemented!()
    }
    fn for_each(&self, _kind: Kind, _view: &View, _visit: &mut dyn FnMut(Entry)) {
        unimplemented!()
    }
    fn difference(&self, _kind: Kind, _view: &View, _from: Option<(&Self, &View)>) -> Arc<Difference> {
        unimplemented!()
    }
    fn is_outdated(&self) -> bool {
        unimplemented!()
    }
}
