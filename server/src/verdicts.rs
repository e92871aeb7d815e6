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
use mainsheet_cache::snapshot::SnapshotCatalog;
use prost::Message;
use tokio::{sync::watch, task::spawn_blocking};
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
        let looked = spawn_blocking(move || {
            followed.take_over(snapshot);
            followed
        });
        followed = looked.await.context("look at references")?;
        published.send_replace(followed.verdicts.clone());
        tokio::select! {
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
