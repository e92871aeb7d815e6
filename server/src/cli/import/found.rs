//! Documents from anywhere, one for each key.

use std::collections::{BTreeMap, btree_map::Entry};

use mainsheet_api::{
    codec::{Content, Defaults, Document, UnknownFields},
    key::Key,
    resource::Resource,
    verdict::Finding,
};

/// Fields that are not known are warned of by whoever wrote them; here they would keep the rest out.
pub(in crate::cli) const DEFAULTS: Defaults<'static> =
    Defaults { namespace: "default", scope: "", unknown_fields: UnknownFields::Warn };

/// What kubectl notes: the whole document once more.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What was found.
#[derive(Debug, Default)]
pub(in crate::cli) struct Found {
    pub(in crate::cli) resources: BTreeMap<Key, Resource>,
    /// What can't be read, or not wholly, each as a line for people.
    pub(in crate::cli) unreadable: Vec<String>,
    /// Documents of kinds that are not served.
    pub(in crate::cli) ignored: usize,
    /// Where each was found.
    places: BTreeMap<Key, String>,
}

impl Found {
    /// Takes in documents from one place.
    ///
    /// # Errors
    /// Where a key was found before, with another content.
    pub(in crate::cli) fn add(&mut self, from: &str, documents: Vec<Document>) -> anyhow::Result<()> {
        for Document { line, content } in documents {
            let place = format!("{from}:{line}");
            match content {
                Content::Ignored { .. } => self.ignored += 1,
                Content::Rejected { key, findings } => {
                    let what = key.map(|key| format!(" {key}")).unwrap_or_default();
                    let reasons: Vec<_> = findings.iter().map(reason).collect();
                    self.unreadable.push(format!("{place}:{what} can't be read: {}", reasons.join("; ")));
                }
                Content::Resource { resource, warnings, .. } => {
                    let lost =
                        |finding| format!("{place}: {} loses a field: {}", resource.key, reason(finding));
                    self.unreadable.extend(warnings.iter().map(lost));
                    self.take(place, *resource)?;
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, place: String, mut resource: Resource) -> anyhow::Result<()> {
        resource.annotations.remove(LAST_APPLIED);
        match self.resources.entry(resource.key.clone()) {
            Entry::Vacant(vacant) => {
                self.places.insert(resource.key.clone(), place);
                vacant.insert(resource);
            }
            Entry::Occupied(known) if *known.get() == resource => {}
            Entry::Occupied(known) => {
                let key = known.key();
                anyhow::bail!("{key} is found twice with different content: {}, {place}", self.places[key]);
            }
        }
        Ok(())
    }

    /// Leaves out what is in other namespaces.
    pub(in crate::cli) fn keep_namespace(&mut self, namespace: &str) {
        self.resources.retain(|key, _| *key.namespace == *namespace);
    }
}

fn reason(finding: &Finding) -> String {
    let Finding { path, reason, .. } = finding;
    if path.is_empty() { reason.clone() } else { format!("{path}: {reason}") }
}
