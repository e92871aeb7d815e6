//! What a sink that is nobody is granted, and what is taken from it again: roles and bindings, told by a source that is an
//! authority.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::future::BoxFuture;
use mainsheet_api::{
    codec::{self, Defaults, UnknownFields},
    resource::SourceName,
};
use mainsheet_server::{
    source::{Batch, Completeness, Extent, Report, SourceParts},
    surroundings::GivenSource,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    dice::Dice,
    journal::Journal,
    timeline::{Phase, Timeline},
    world::ZONES,
};

/// What the source is called.
pub(super) fn name() -> SourceName {
    SourceName(Arc::from("files:access"))
}

/// The zones that are granted at one time or another. The last zone never is.
pub(super) fn grantable() -> BTreeSet<String> {
    ZONES[..ZONES.len() - 1].iter().map(ToString::to_string).collect()
}

/// The zones that are granted to whoever shows no credential. They outlive servers. Cloning shares them.
#[derive(Clone, Default)]
pub(super) struct Granted {
    zones: Arc<Mutex<BTreeSet<String>>>,
    news: Arc<Notify>,
}

impl Granted {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.zones.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// By now.
    pub(super) fn zones(&self) -> BTreeSet<String> {
        self.lock().clone()
    }

    /// Grants another zone, or takes one away.
    pub(super) fn change(&self, dice: &mut Dice, journal: &Journal) {
        let zone = ZONES[dice.index(ZONES.len() - 1)].to_owned();
        let mut zones = self.lock();
        if !zones.remove(&zone) {
            zones.insert(zone);
        }
        journal.note("grant", || format!("{zones:?}"));
        drop(zones);
        self.news.notify_one();
    }

    /// The source of one server.
    pub(super) fn source(&self, timeline: Timeline) -> GivenSource {
        let granted = self.clone();
        let run = move |parts, stop| -> BoxFuture<'static, anyhow::Result<()>> {
            Box::pin(tell(granted, parts, stop, timeline))
        };
        GivenSource { name: name(), run: Box::new(run) }
    }

    fn batch(&self) -> Batch {
        let texts: Vec<String> = self.lock().iter().map(|zone| documents(zone)).collect();
        let defaults = Defaults { namespace: "default", scope: "", unknown_fields: UnknownFields::Strict };
        let documents = codec::read(&texts.concat(), defaults);
        let completeness = Completeness::Whole;
        let report = Report { origin: "access.yaml".to_owned(), documents, completeness, written: None };
        Batch { source: name(), extent: Extent::Whole, reports: vec![report] }
    }
}

fn documents(zone: &str) -> String {
    format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: read, namespace: {zone}}}\nrules:\n\
         - {{apiGroups: ['*'], resources: ['*'], verbs: [list, watch]}}\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: read, namespace: {zone}}}\n\
         roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: read}}\n\
         subjects: [{{apiGroup: rbac.authorization.k8s.io, kind: Group, name: 'system:unauthenticated'}}]\n---\n"
    )
}

async fn tell(
    granted: Granted,
    mut parts: SourceParts,
    stop: CancellationToken,
    timeline: Timeline,
) -> anyhow::Result<()> {
    parts.retell.mark_unchanged();
    loop {
        if parts.batches.send(granted.batch()).await.is_err() {
            stop.cancelled().await;
            return Ok(());
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            Ok(()) = parts.retell.changed() => timeline.pause(Phase::Actors, Duration::ZERO).await,
            () = granted.news.notified() => {}
        }
    }
}
