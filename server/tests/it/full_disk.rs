//! A disk that can't be written for a while: what is served stays, it is told clearly, and nobody has to restart anything.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use mainsheet_api::{
    change::{Commit, Fence},
    version::Revision,
};
use mainsheet_cache::{
    CommitError, StoreError,
    store::{Answer, SharedStore, Store},
};
use mainsheet_server::intake::IntakeOptions;
use tokio::sync::watch;

use crate::rig::{Rig, memory, names, replace, route, write};

/// A store on a disk that is read-only now and then.
struct Mounted {
    store: SharedStore,
    is_read_only: AtomicBool,
    refused: watch::Sender<usize>,
}

impl Mounted {
    fn read_only(store: SharedStore) -> Arc<Self> {
        Arc::new(Self { store, is_read_only: AtomicBool::new(true), refused: watch::Sender::new(0) })
    }

    fn remount(&self) {
        self.is_read_only.store(false, Ordering::SeqCst);
    }

    fn check(&self) -> Result<(), StoreError> {
        if !self.is_read_only.load(Ordering::SeqCst) {
            return Ok(());
        }
        self.refused.send_modify(|refused| *refused += 1);
        let source = Arc::new(io::Error::from(io::ErrorKind::ReadOnlyFilesystem));
        Err(StoreError::Io { step: "write", source })
    }
}

impl Store for Mounted {
    fn commit_all(&self, commits: Vec<Commit>) -> Answer<'_, Vec<Result<Revision, CommitError>>> {
        match self.check() {
            Ok(()) => self.store.commit_all(commits),
            Err(failed) => {
                Box::pin(async move { commits.iter().map(|_| Err(failed.clone().into())).collect() })
            }
        }
    }

    fn take_lease(&self) -> Answer<'_, Result<Fence, StoreError>> {
        self.check().map_or_else(
            |failed| Box::pin(async { Err(failed) }) as Answer<'_, _>,
            |()| self.store.take_lease(),
        )
    }

    fn set_status(&self, entries: Vec<(String, Option<Bytes>)>) -> Answer<'_, Result<(), StoreError>> {
        self.check().map_or_else(
            |failed| Box::pin(async { Err(failed) }) as Answer<'_, _>,
            |()| self.store.set_status(entries),
        )
    }

    mainsheet_cache::forward_to_store!(store: load, follow, history, committed_at, state_at);
    mainsheet_cache::forward_to_store!(store: export, oldest, head, status);
}

#[tokio::test]
async fn server_that_starts_on_a_disk_that_is_read_only_serves_what_it_has_and_catches_up() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.yaml", &route("a", "one"));
    let first = Rig::start(&[folder.path()], memory(), IntakeOptions::default()).await;
    first.until_routes(&["a"]).await;
    let store = Mounted::read_only(first.end().await);

    write(folder.path(), "b.yaml", &route("b", "one"));
    let again = Rig::start(&[folder.path()], store.clone(), IntakeOptions::default()).await;
    again.ready().await;
    let mut refused = store.refused.subscribe();
    refused.wait_for(|refused| *refused > 1).await.unwrap();
    assert_eq!(names(&again.cache.snapshot().0), ["a"]);
    store.remount();
    again.until_routes(&["a", "b"]).await;
    again.end().await;
}

#[tokio::test]
async fn what_sources_tell_while_nothing_can_be_written_is_taken_in_later() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.yaml", &route("a", "one"));
    let store = Mounted::read_only(memory());
    store.remount();
    let rig = Rig::start(&[folder.path()], store.clone(), IntakeOptions::default()).await;
    rig.until_routes(&["a"]).await;
    rig.ready().await;
    store.is_read_only.store(true, Ordering::SeqCst);
    write(folder.path(), "b.yaml", &route("b", "one"));
    let mut refused = store.refused.subscribe();
    refused.wait_for(|refused| *refused > 1).await.unwrap();
    replace(folder.path(), "a.yaml", &route("c", "one"));
    assert_eq!(names(&rig.cache.snapshot().0), ["a"], "what is served stays");
    store.remount();
    rig.until_routes(&["b", "c"]).await;
    rig.end().await;
}
