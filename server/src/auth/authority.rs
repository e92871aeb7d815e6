//! The task `access`: from what the authorities say of access to the grants of whoever is there.

use anyhow::Context as _;
use mainsheet_api::{
    access::{Access, Edit},
    codec::decode_entry,
    key::Key,
    kind::Kind,
    resource::SourceName,
    version::Revision,
    wire::Any,
};
use mainsheet_cache::{
    Cache, HeldEntry, blocking,
    snapshot::{Snapshot, SnapshotCatalog},
};
use prost::Message;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Grants;
use crate::{
    contain::contain,
    readiness::{Readiness, ReadinessGuard},
};

/// The documents of access that count, as of one snapshot: those of sources that are an authority, the strongest of which
/// counts. What other sources say neither counts nor hides what an authority says.
pub(crate) struct Authority {
    sources: Vec<SourceName>,
    seen: SnapshotCatalog,
    access: Access,
    grants: Grants,
}

impl Authority {
    /// Of these sources. Rollbacks are writes of the API, and count where it does.
    pub(crate) fn new(sources: impl IntoIterator<Item = SourceName>, grants: Grants) -> Self {
        let mut sources: Vec<_> = sources.into_iter().collect();
        if sources.contains(&SourceName::api()) {
            sources.push(SourceName::hold());
        }
        let seen = SnapshotCatalog(std::sync::Arc::new(Snapshot::nothing(Vec::new())));
        Self { sources, seen, access: Access::default(), grants }
    }

    /// Takes what changed over into the grants.
    pub(crate) fn take_over(&mut self, snapshot: SnapshotCatalog) {
        let before = std::mem::replace(&mut self.seen, snapshot);
        let after = &self.seen.0;
        let changed: Vec<Kind> =
            Kind::OF_ACCESS.into_iter().filter(|kind| !after.shares_kind_with(&before.0, *kind)).collect();
        if changed.is_empty() {
            return;
        }
        let edits = changed.iter().flat_map(|kind| edits(after, &before.0, &self.sources, *kind));
        let (access, concerned) = self.access.edited(edits);
        let woken = self.grants.change(access.clone(), &concerned);
        tracing::debug!(
            revision = after.revision().0,
            roles = access.roles(),
            bindings = access.bindings(),
            users = concerned.users.len(),
            groups = concerned.groups.len(),
            woken,
            "who may do what changed"
        );
        self.access = access;
    }
}

/// What changed of what counts.
fn edits(after: &Snapshot, before: &Snapshot, sources: &[SourceName], kind: Kind) -> Vec<Edit> {
    let names = after.names_changed_among(before, sources, kind);
    let edit = |name: &str| {
        let (namespace, name_only) = name.split_once('/')?;
        let key = Key::new(kind, namespace, name_only);
        let read = after.find_among(sources, kind, name).map(|found| read(&found));
        match read {
            None => Edit::remove(&key),
            Some(Ok(edit)) => edit,
            // Written by a newer version of this program.
            Some(Err(error)) => {
                tracing::warn!(%key, %error, "can't be read, and grants nothing");
                Edit::remove(&key)
            }
        }
    };
    names.iter().filter_map(|name| edit(name)).collect()
}

fn read(found: &HeldEntry) -> anyhow::Result<Option<Edit>> {
    let key = &found.held.key;
    let work = || -> anyhow::Result<_> {
        let received = decode_entry(key.kind, &Any::decode(found.entry.any.clone())?)?;
        Ok(Edit::put(&received.resource)?)
    };
    contain("reading access", &key.to_string(), work).map_err(|finding| anyhow::Error::msg(finding.reason))?
}

/// Follows snapshots, until the order to end, and hands each on once the grants are as it says: whoever reads those that are
/// `told` never shows something newer by grants that are older.
///
/// # Errors
/// Where the thread that works is gone. Where the cache is gone, its own task says so.
pub(crate) async fn run(
    mut authority: Authority,
    mut newest: watch::Receiver<SnapshotCatalog>,
    told: watch::Sender<SnapshotCatalog>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    loop {
        let snapshot = newest.borrow_and_update().clone();
        let is_new = snapshot.0.revision() != authority.seen.0.revision()
            || authority.seen.0.revision() == Revision::ZERO;
        if is_new {
            let next = snapshot.clone();
            let looked = blocking::spawn(move || {
                authority.take_over(next);
                authority
            });
            authority = looked.await.context("look at who may do what")?;
            told.send_replace(snapshot);
        }
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

/// What is awaited until streams are shown all that was taken in.
pub(crate) const AWAITED: &str = "access";

/// Releases the guard [`AWAITED`] once everything else that is awaited has happened and is `told`: what streams are shown follows
/// the store a moment later, and whoever was let in before would be shown that there is nothing.
///
/// # Errors
/// None so far.
pub(crate) async fn release_when_told(
    (readiness, guard): (Readiness, ReadinessGuard),
    (cache, mut told): (Cache, watch::Receiver<SnapshotCatalog>),
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut awaited = readiness.subscribe();
    let all_told = async {
        awaited.wait_for(|awaited| *awaited == [AWAITED]).await.ok()?;
        let newest = cache.snapshot().0.revision();
        told.wait_for(|told| told.0.revision() >= newest).await.ok().map(drop)
    };
    let is_told = tokio::select! {
        biased;
        () = stop.cancelled() => None,
        is_told = all_told => is_told,
    };
    if is_told.is_some() {
        guard.release();
    }
    stop.cancelled().await;
    Ok(())
}

#[cfg(test)]
mod tests;
