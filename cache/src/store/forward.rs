//! Stores in front of others.

/// Passes methods of a [`Store`](crate::store::Store) on, as they are, to the store in a field: for stores that have another
/// one behind them, and do some things differently.
///
/// ```
/// use mainsheet_cache::{forward_to_store, store::{SharedStore, Store}};
///
/// struct InFront {
///     behind: SharedStore,
/// }
///
/// impl Store for InFront {
///     forward_to_store!(behind: commit_all, load, follow, history, committed_at, state_at, export);
///     forward_to_store!(behind: oldest, head, take_lease, status, set_status);
/// }
/// ```
#[macro_export]
macro_rules! forward_to_store {
    ($store:ident: $($method:ident),+ $(,)?) => {
        $($crate::forward_to_store!(@$method $store);)+
    };
    (@commit_all $store:ident) => {
        fn commit_all(
            &self,
            commits: Vec<::mainsheet_api::change::Commit>,
        ) -> $crate::store::Answer<'_, Vec<Result<::mainsheet_api::version::Revision, $crate::CommitError>>> {
            self.$store.commit_all(commits)
        }
    };
    (@load $store:ident) => {
        fn load(&self) -> $crate::store::Answer<'_, Result<$crate::store::State, $crate::StoreError>> {
            self.$store.load()
        }
    };
    (@follow $store:ident) => {
        fn follow(
            &self,
            after: ::mainsheet_api::version::Revision,
            bytes_max: usize,
        ) -> $crate::store::Answer<'_, Result<$crate::store::Follow, $crate::StoreError>> {
            self.$store.follow(after, bytes_max)
        }
    };
    (@history $store:ident) => {
        fn history(
            &self,
            query: $crate::store::HistoryQuery,
        ) -> $crate::store::Answer<'_, Result<Vec<$crate::store::Recorded>, $crate::StoreError>> {
            self.$store.history(query)
        }
    };
    (@committed_at $store:ident) => {
        fn committed_at(
            &self,
            revisions: Vec<::mainsheet_api::version::Revision>,
        ) -> $crate::store::Answer<'_, Result<Vec<Option<::mainsheet_api::time::Timestamp>>, $crate::StoreError>> {
            self.$store.committed_at(revisions)
        }
    };
    (@state_at $store:ident) => {
        fn state_at(
            &self,
            revision: ::mainsheet_api::version::Revision,
        ) -> $crate::store::Answer<'_, Result<Option<$crate::store::State>, $crate::StoreError>> {
            self.$store.state_at(revision)
        }
    };
    (@export $store:ident) => {
        fn export(&self) -> $crate::store::Answer<'_, Result<$crate::store::Backup, $crate::StoreError>> {
            self.$store.export()
        }
    };
    (@oldest $store:ident) => {
        fn oldest(&self) -> ::mainsheet_api::version::Revision {
            self.$store.oldest()
        }
    };
    (@head $store:ident) => {
        fn head(&self) -> ::tokio::sync::watch::Receiver<::mainsheet_api::version::Revision> {
            self.$store.head()
        }
    };
    (@take_lease $store:ident) => {
        fn take_lease(
            &self,
        ) -> $crate::store::Answer<'_, Result<::mainsheet_api::change::Fence, $crate::StoreError>> {
            self.$store.take_lease()
        }
    };
    (@status $store:ident) => {
        fn status(
            &self,
            prefix: &str,
        ) -> $crate::store::Answer<'_, Result<Vec<(String, ::bytes::Bytes)>, $crate::StoreError>> {
            self.$store.status(prefix)
        }
    };
    (@set_status $store:ident) => {
        fn set_status(
            &self,
            entries: Vec<(String, Option<::bytes::Bytes>)>,
        ) -> $crate::store::Answer<'_, Result<(), $crate::StoreError>> {
            self.$store.set_status(entries)
        }
    };
}
