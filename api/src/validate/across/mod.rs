//! Warnings that depend on more than one resource: what refers to nothing, what another one hides, what istiod drops
//! because another one came first.
//!
//! A pure function of all resources, kept up by a reverse index. A resource is *found under* topics ("DestinationRules
//! of this host") and its check *looks up* topics. What a check looks up is recorded while it looks, so when a resource
//! comes, goes or changes, exactly those are examined anew that looked up what it is or was found under.
//!
//! | file | is |
//! |---|---|
//! | [`code`] | every finding as a row of one table |
//! | `index` | who is found under a topic, and who looked it up |
//! | `look` | what a check sees of the others |
//! | `facts` | what is kept of a resource, by kind: a file each for extracting, topics and check |
//! | `topic`, `text`, `host`, `exports`, `label` | vocabularies that kinds share |
//!
//! Nothing here rejects. What istiod does is read from istiod's code: of several that claim the same, the one that was
//! created first counts, then the first by name and namespace.
//!
//! Not checked, for want of anybody who knows: Secrets that `credentialName` names. Hosts and workloads only where the
//! sources are said to hold all of them ([`AcrossOptions::complete`]).

pub mod code;
mod destination_rule;
mod exports;
mod facts;
mod gateway;
mod host;
mod index;
mod label;
mod look;
mod policy;
mod service_entry;
mod sidecar;
mod text;
mod topic;
mod virtual_service;
mod workload;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    str::FromStr,
};

use self::{
    facts::Facts,
    index::Index,
    look::{Look, Subject},
    text::Texts,
};
use crate::{key::Key, resource::Resource, time::Timestamp, verdict::Finding};

/// What is to be known of the mesh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcrossOptions {
    /// The namespace whose rules hold for all (`meshConfig.rootNamespace`).
    pub root_namespace: String,
    /// What Kubernetes' service names end in.
    pub domain: String,
    /// Of what the resources are all that there are.
    pub complete: Complete,
}

impl Default for AcrossOptions {
    fn default() -> Self {
        Self {
            root_namespace: "istio-system".to_owned(),
            domain: "cluster.local".to_owned(),
            complete: Complete::default(),
        }
    }
}

/// Of what the resources are all that there are: what is missing among them exists nowhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Complete {
    /// Every host is one of a ServiceEntry; there are no Services beside them.
    pub hosts: bool,
    /// Every workload is a WorkloadEntry or of a WorkloadGroup; there are no Pods beside them.
    pub workloads: bool,
}

/// As a setting says it: `hosts,workloads`, or `nothing`.
impl fmt::Display for Complete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.hosts, self.workloads) {
            (true, true) => "hosts,workloads",
            (true, false) => "hosts",
            (false, true) => "workloads",
            (false, false) => "nothing",
        })
    }
}

/// The error is what would be right.
impl FromStr for Complete {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut complete = Self::default();
        for word in text.split(',').filter(|_| text != "nothing") {
            match word.trim() {
                "hosts" => complete.hosts = true,
                "workloads" => complete.workloads = true,
                _ => return Err("write hosts, workloads, hosts,workloads or nothing".to_owned()),
            }
        }
        Ok(complete)
    }
}

/// What became of one resource.
#[derive(Clone, Debug)]
pub enum Change {
    /// It is there, as given.
    Upsert {
        /// The resource.
        resource: Resource,
        /// When it was first there, as sinks are told.
        created: Timestamp,
    },
    /// It is gone.
    Remove(Key),
}

/// All resources of a mesh, and what is to be said of each in view of the others.
#[derive(Debug, Default)]
pub struct Across {
    options: AcrossOptions,
    texts: Texts,
    ids: HashMap<Key, u32>,
    index: Index,
    examinations: u64,
}

impl Across {
    /// Without resources.
    #[must_use]
    pub fn new(options: AcrossOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// Takes over what became of resources. Returns those of which something else is to be said than before.
    pub fn apply(&mut self, changes: impl IntoIterator<Item = Change>) -> BTreeSet<Key> {
        let (mut dirty, mut changed) = (BTreeSet::new(), BTreeSet::new());
        for change in changes {
            match change {
                Change::Upsert { resource, created } => {
                    match Facts::of(&resource, &self.options, &mut self.texts) {
                        Some(facts) => self.put(Subject { key: resource.key, created, facts }, &mut dirty),
                        None => self.take_out(&resource.key, &mut dirty, &mut changed),
                    }
                }
                Change::Remove(key) => self.take_out(&key, &mut dirty, &mut changed),
            }
        }
        for id in dirty {
            self.examine(id, &mut changed);
        }
        self.texts.sweep();
        changed
    }

    /// What is to be said of a resource. Positions are left to [`crate::codec::SourceMap::place`].
    #[must_use]
    pub fn findings(&self, key: &Key) -> &[Finding] {
        self.ids.get(key).map_or(&[], |id| self.index.findings(*id))
    }

    /// How many times a resource was examined so far.
    #[must_use]
    pub fn examinations(&self) -> u64 {
        self.examinations
    }

    fn put(&mut self, subject: Subject, dirty: &mut BTreeSet<u32>) {
        let known = self.ids.get(&subject.key).copied();
        if known.is_some_and(|id| self.index.subject(id) == Some(&subject)) {
            return;
        }
        let key = subject.key.clone();
        let id = self.index.put(known, subject, dirty);
        self.ids.insert(key, id);
        dirty.insert(id);
    }

    fn take_out(&mut self, key: &Key, dirty: &mut BTreeSet<u32>, changed: &mut BTreeSet<Key>) {
        let Some(id) = self.ids.remove(key) else { return };
        if !self.index.take_out(id, dirty).is_empty() {
            changed.insert(key.clone());
        }
        dirty.remove(&id);
    }

    fn examine(&mut self, id: u32, changed: &mut BTreeSet<Key>) {
        let Some(subject) = self.index.subject(id) else { return };
        self.examinations += 1;
        let mut look = Look::new(subject, &self.index, &self.options, &mut self.texts);
        facts::examine(subject, &mut look);
        let (findings, looked_up) = look.into_parts();
        let key = subject.key.clone();
        self.index.look_up(id, looked_up);
        if self.index.set_findings(id, findings) {
            changed.insert(key);
        }
    }
}
