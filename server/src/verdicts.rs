//! What is said of what is served in view of the rest of it: kept up from snapshot to snapshot, published for whoever
//! looks. Nothing is committed for it, and nothing that is served depends on it.

use std::{fmt, sync::Arc};

use anyhow::Context as _;
use imbl::OrdMap;
use mainsheet_api::{
    codec::{Received, decode_entry},
    key::Key,
    kind::{Family, Kind},
    time::Timestamp,
    validate::across::{Across, AcrossOptions, Change},
    verdict::Finding,
    version::Revision,
    view::View,
    wire::{Any, Entry},
    xds::catalog::Catalog,
};
use mainsheet_cache::{blocking, snapshot::SnapshotCatalog};
use prost::Message;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::contain::contain;

/// What is said of what one snapshot serves, in view of all of it. Cloning shares it.
#[derive(Clone, Default)]
pub struct AcrossVerdicts {
    revision: Revision,
    /// Of those of which anything is said; without scopes, as sinks know them.
    findings: OrdMap<Key, Arc<[Finding]>>,
}

impl AcrossVerdicts {
    /// Of which snapshot.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// What is said of a resource.
    #[must_use]
    pub fn of(&self, key: &Key) -> &[Finding] {
        let key = Key::new(key.kind, key.namespace.clone(), key.name.clone());
        self.findings.get(&key).map_or(&[], |findings| findings)
    }
}

impl fmt::Debug for AcrossVerdicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcrossVerdicts")
            .field("revision", &self.revision)
            .field("findings", &self.findings.len())
            .finish()
    }
}

/// Follows snapshots, until the order to end.
///
/// # Errors
/// Where the thread that works is gone. Where the cache is gone, its own task says so.
pub async fn run(
    options: AcrossOptions,
    mut newest: watch::Receiver<SnapshotCatalog>,
    published: watch::Sender<AcrossVerdicts>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut followed = Followed::new(options);
    loop {
        let snapshot = newest.borrow_and_update().clone();
        // A first look at a large mesh takes longer than a task may hold a thread that others need.
        let looked = blocking::spawn(move || {
            followed.take_over(snapshot);
            followed
        });
        followed = looked.await.context("look at references")?;
        published.send_replace(followed.verdicts.clone());
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            changed = newest.changed() => if changed.is_err() {
                stop.cancelled().await;
                return Ok(());
            },
        }
    }
}

/// The index, and of which snapshot it is.
struct Followed {
    options: AcrossOptions,
    across: Across,
    seen: Option<SnapshotCatalog>,
    verdicts: AcrossVerdicts,
}

impl Followed {
    fn new(options: AcrossOptions) -> Self {
        let across = Across::new(options.clone());
        Self { options, across, seen: None, verdicts: AcrossVerdicts::default() }
    }

    /// What an author wrote must not end the server: after a panic nothing is said, until the next snapshot is looked at
    /// anew.
    fn take_over(&mut self, snapshot: SnapshotCatalog) {
        let place = format!("revision {}", snapshot.revision().0);
        if contain("looking at references", &place, || self.apply(snapshot)).is_err() {
            *self = Self::new(self.options.clone());
        }
    }

    fn apply(&mut self, snapshot: SnapshotCatalog) {
        let changes = changes(self.seen.as_ref(), &snapshot);
        for key in self.across.apply(changes) {
            match self.across.findings(&key) {
                [] => self.verdicts.findings.remove(&key),
                findings => self.verdicts.findings.insert(key, Arc::from(findings)),
            };
        }
        self.verdicts.revision = snapshot.revision();
        self.seen = Some(snapshot);
    }
}

/// What changed between two snapshots; what they share is not looked at.
fn changes(before: Option<&SnapshotCatalog>, after: &SnapshotCatalog) -> impl Iterator<Item = Change> {
    let view = View::everything();
    let (mut entries, mut removed) = (Vec::new(), Vec::new());
    for kind in Kind::all().filter(|kind| kind.info().family == Family::Istio) {
        match before {
            None => after.for_each(kind, &view, &mut |entry| entries.push((kind, entry))),
            Some(before) => {
                let difference = after.difference(kind, &view, Some((before, &view)));
                entries.extend(difference.changed.iter().map(|entry| (kind, entry.clone())));
                removed.extend(difference.removed.iter().filter_map(|name| key(kind, name)));
            }
        }
    }
    let removals = removed.into_iter().map(Change::Remove);
    removals.chain(entries.into_iter().filter_map(|(kind, entry)| change(kind, &entry)))
}

fn change(kind: Kind, entry: &Entry) -> Option<Change> {
    #[cfg(test)]
    crate::contain::panic_if_planted(&entry.name);
    match decoded(kind, entry) {
        Ok(Received { resource, created }) => {
            Some(Change::Upsert { resource, created: created.unwrap_or(Timestamp(0)) })
        }
        Err(error) => {
            // It was encoded by a newer version of this program, or by an upstream.
            tracing::warn!(%kind, name = %entry.name, %error, "not looked at in view of others");
            key(kind, &entry.name).map(Change::Remove)
        }
    }
}

fn decoded(kind: Kind, entry: &Entry) -> anyhow::Result<Received> {
    Ok(decode_entry(kind, &Any::decode(entry.any.clone())?)?)
}

/// The key of an Istio resource's name on the wire.
fn key(kind: Kind, wire_name: &str) -> Option<Key> {
    let (namespace, name) = wire_name.split_once('/')?;
    Some(Key::new(kind, namespace, name))
}

#[cfg(test)]
mod tests {
    use mainsheet_api::{
        change::{self, Cause, Commit},
        codec::{self, Content, Defaults, UnknownFields},
        resource::{Provenance, Record, Resource, SourceName, Terms},
        view::Audience,
    };
    use mainsheet_cache::{Cache, CacheOptions, store::MemoryStore};

    use super::*;
    use crate::contain::PLANTED;

    fn source() -> SourceName {
        SourceName(Arc::from("test"))
    }

    fn resource(kind: &str, name: &str, spec: &str) -> Resource {
        let text = format!(
            "{{apiVersion: networking.istio.io/v1, kind: {kind}, metadata: {{name: {name}}}, spec: {spec}}}"
        );
        let defaults = Defaults { namespace: "shop", scope: "", unknown_fields: UnknownFields::Strict };
        match codec::read(&text, defaults).remove(0).content {
            Content::Resource { resource, .. } => *resource,
            other => panic!("{other:?}"),
        }
    }

    fn put(resource: &Resource) -> change::Change {
        change::Change::Put(Arc::new(Record {
            source: source(),
            key: resource.key.clone(),
            entry: Entry::encode(resource, Timestamp(1)),
            audience: Audience::everyone(),
            created: Timestamp(1),
            provenance: Provenance::default(),
            warnings: Vec::new(),
            terms: Terms::default(),
        }))
    }

    fn remove(key: &Key) -> change::Change {
        change::Change::Remove { source: source(), key: key.clone() }
    }

    /// The snapshots after each of some commits.
    async fn snapshots<const N: usize>(commits: [Vec<change::Change>; N]) -> Vec<SnapshotCatalog> {
        let options = CacheOptions { precedence: Vec::new(), history_len_max: 4 };
        let (cache, follower) = Cache::open(Arc::new(MemoryStore::default()), options).await.unwrap();
        let fence = cache.store().take_lease().await.unwrap();
        let mut newest = cache.subscribe();
        let committed = async {
            let mut snapshots = Vec::new();
            for changes in commits {
                let base = cache.snapshot().revision();
                let commit = Commit { base, fence, cause: Cause::default(), at: Timestamp(1), changes };
                let revision = cache.commit(commit).await.unwrap();
                snapshots.push(newest.wait_for(|it| it.revision() >= revision).await.unwrap().clone());
            }
            snapshots
        };
        tokio::select! {
            biased;
            snapshots = committed => snapshots,
            ended = follower.run() => panic!("{ended:?}"),
        }
    }

    fn route() -> Resource {
        let spec = "{hosts: [a.example], http: [{route: [{destination: {host: b.example, subset: v1}}]}]}";
        resource("VirtualService", "route", spec)
    }

    #[tokio::test]
    async fn only_what_differs_between_snapshots_is_looked_at() {
        let (route, other) = (route(), resource("DestinationRule", "other", "{host: c.example}"));
        let rule = resource("DestinationRule", "rule", "{host: b.example, subsets: [{name: v1}]}");
        let snapshots =
            snapshots([vec![put(&route), put(&other)], vec![put(&rule)], vec![remove(&rule.key)]]).await;
        let mut followed = Followed::new(AcrossOptions::default());
        let mut steps = Vec::new();
        for snapshot in snapshots {
            followed.take_over(snapshot);
            let said = followed.verdicts.of(&route.key).len();
            steps.push((followed.verdicts.revision().0, said, followed.across.examinations()));
        }
        assert_eq!(steps, [(1, 1, 2), (2, 0, 4), (3, 1, 5)]);
    }

    #[tokio::test]
    async fn panic_of_a_check_ends_nothing_and_is_over_with_what_provoked_it() {
        let (route, planted) = (route(), resource("DestinationRule", PLANTED, "{host: c.example}"));
        let snapshots = snapshots([vec![put(&route)], vec![put(&planted)], vec![remove(&planted.key)]]).await;
        let mut followed = Followed::new(AcrossOptions::default());
        let mut said = Vec::new();
        for snapshot in snapshots {
            followed.take_over(snapshot);
            said.push(followed.verdicts.of(&route.key).len());
        }
        assert_eq!(said, [1, 0, 1]);
    }
}
