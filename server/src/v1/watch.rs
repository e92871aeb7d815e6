//! What becomes of what is served, revision by revision.
//!
//! A watch is pulled: it reads the next revisions when its client has taken those before, so a slow one holds no more
//! than one read. What it is told shares its bodies with every other watch, and with what is served.

use std::{collections::VecDeque, future::pending, time::Duration};

use futures_util::{StreamExt as _, stream};
use mainsheet_api::{
    generated::mainsheet::v1 as pb,
    limits::{PAGE_LEN_MAX, WATCH_ANSWER_BYTES_MAX, WATCH_READ_BYTES_MAX},
    version::Revision,
    view::View,
    xds::catalog::Catalog as _,
};
use mainsheet_cache::{Cache, ServedRevision, snapshot::SnapshotCatalog};
use prost::Message as _;
use tokio::{
    sync::watch::Receiver,
    time::{Interval, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::{Answers, Reads, changes::changes, convert, error, selection::Selected, write::check_ready};
use crate::auth::{Granted, Sight, sight};

/// How often a client is told how far it is while nothing that it selected changes: what it would have to go through
/// again, were its connection lost.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);

pub(super) async fn watch(
    reads: &Reads,
    (sight, request): (Sight, pb::WatchRequest),
) -> Result<Answers<pb::WatchResponse>, Status> {
    let pb::WatchRequest { selection, after_revision, form } = request;
    let (selected, form) = (Selected::of(selection)?, convert::form(form)?);
    let selected = selected.seen_by(&sight, sight::WATCH)?;
    if selected.source().is_some() {
        let why = "a watch is of what is served, not of one source; leave it empty";
        return Err(error::bad_request("selection.source", why));
    }
    check_ready(&reads.links)?;
    let place = reads.watches.clone().try_acquire_owned().map_err(|_| error::too_many_watches())?;
    let cache = reads.links.cache.clone();
    let newest = cache.snapshot().revision();
    let told = if after_revision == 0 { newest } else { Revision(after_revision) };
    if told > newest {
        return Err(error::ahead(told, newest));
    }
    let mut granted = reads.links.grants.of(sight.identity());
    granted.mark_changed();
    let whom = Whom { granted, view: sight.view(sight::WATCH), sees_causes: sight.sees_causes() };
    let mut watching = Watching::new(cache, (selected, form), told, reads.stop.clone());
    watching.whom = Some(whom);
    // Refuses at once what is no longer kept.
    watching.read().await?;
    let begun = pb::WatchResponse { revision: told.0, ..pb::WatchResponse::default() };
    let rest = stream::unfold(Some((watching, place)), async |watching| {
        let (mut watching, place) = watching?;
        Some(match watching.next().await {
            Ok(response) => (Ok(response), Some((watching, place))),
            Err(refused) => (Err(refused), None),
        })
    });
    Ok(Box::pin(stream::iter([Ok(begun)]).chain(rest)))
}

fn progress_interval() -> Interval {
    let mut progress = interval(PROGRESS_INTERVAL);
    progress.set_missed_tick_behavior(MissedTickBehavior::Delay);
    progress
}

struct Watching {
    cache: Cache,
    news: Receiver<SnapshotCatalog>,
    selected: Selected,
    form: pb::Form,
    /// Read, and not told to the end.
    read: VecDeque<ServedRevision>,
    /// How many changes of the first of them were told.
    place: usize,
    /// The newest revision that was read.
    seen: Revision,
    /// The newest revision that the client knows to be told to the end.
    told: Revision,
    progress: Interval,
    stop: CancellationToken,
    /// For whom, where not everything is shown to everybody.
    whom: Option<Whom>,
}

/// Who watches, and what that one may see.
struct Whom {
    granted: Receiver<Granted>,
    view: View,
    /// Who made each revision, and why.
    sees_causes: bool,
}

impl Whom {
    /// What is shown from now on must not be what was granted before.
    fn check(&mut self) -> Result<(), Status> {
        if !self.granted.has_changed().unwrap_or(false) {
            return Ok(());
        }
        let sight = Sight::from(self.granted.borrow_and_update().clone());
        if sight.view(sight::WATCH) == self.view && sight.sees_causes() == self.sees_causes {
            return Ok(());
        }
        Err(error::granted_anew())
    }
}

/// Waits until something else is granted; for ever, where that can't be.
async fn granted_anew(whom: &mut Option<Whom>) {
    let Some(whom) = whom else { return pending().await };
    let mut granted = whom.granted.clone();
    if granted.changed().await.is_err() {
        pending().await
    }
}

impl Watching {
    fn new(
        cache: Cache,
        (selected, form): (Selected, pb::Form),
        told: Revision,
        stop: CancellationToken,
    ) -> Self {
        let news = cache.subscribe();
        let (read, place, progress) = (VecDeque::new(), 0, progress_interval());
        Self { cache, news, selected, form, read, place, seen: told, told, progress, stop, whom: None }
    }

    /// The next answer. Nothing is lost where it is not waited for to the end.
    async fn next(&mut self) -> Result<pb::WatchResponse, Status> {
        loop {
            if self.stop.is_cancelled() {
                return Err(error::stopping());
            }
            self.whom.as_mut().map_or(Ok(()), Whom::check)?;
            if let Some(response) = self.take() {
                return Ok(response);
            }
            // What is published after this is news below.
            self.news.borrow_and_update();
            if self.read().await? {
                continue;
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(error::stopping()),
                changed = self.news.changed() => changed.map_err(|_| error::stopping())?,
                () = granted_anew(&mut self.whom) => {}
                _ = self.progress.tick(), if self.told < self.seen => {
                    self.told = self.seen;
                    return Ok(pb::WatchResponse { revision: self.seen.0, ..pb::WatchResponse::default() });
                },
            }
        }
    }

    /// Reads what follows; whether there was anything.
    async fn read(&mut self) -> Result<bool, Status> {
        let read = self.cache.served_changes(self.seen, WATCH_READ_BYTES_MAX).await;
        let read = read.map_err(|why| error::store(&why))?;
        let read = read.ok_or_else(|| error::compacted(self.seen, self.cache.store().oldest()))?;
        let Some(last) = read.last() else { return Ok(false) };
        self.seen = last.revision;
        self.read.extend(read);
        Ok(true)
    }

    /// The next answer out of what was read.
    fn take(&mut self) -> Option<pb::WatchResponse> {
        while let Some(revision) = self.read.front() {
            let goes_on = self.place > 0;
            let (mut taken, mut bytes) = (Vec::new(), 0);
            while let Some(change) = revision.changes.get(self.place)
                && taken.len() < PAGE_LEN_MAX
            {
                let changes =
                    changes((change.before.as_ref(), change.after.as_ref()), &self.selected, self.form);
                bytes += changes.iter().map(pb::Change::encoded_len).sum::<usize>();
                if bytes > WATCH_ANSWER_BYTES_MAX && !taken.is_empty() {
                    break;
                }
                taken.extend(changes);
                self.place += 1;
            }
            // What is said of a revision as a whole may be about what is not shown, served or not.
            let tells = self.selected.view().is_everything()
                || self.whom.as_ref().is_some_and(|whom| whom.sees_causes);
            let is_partial = self.place < revision.changes.len();
            let response = pb::WatchResponse {
                revision: revision.revision.0,
                at: Some(convert::timestamp(revision.at)),
                authorship: tells.then(|| convert::authorship(&revision.cause)),
                cause: if tells { revision.cause.what.clone() } else { String::new() },
                changes: taken,
                is_partial,
            };
            if !is_partial {
                let told = revision.revision;
                self.read.pop_front();
                self.place = 0;
                if response.changes.is_empty() && !goes_on {
                    continue;
                }
                self.told = told;
            }
            return Some(response);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mainsheet_api::{
        change::{Cause, Change, Commit},
        key::Key,
        kind::Kind,
        resource::{Provenance, Record, Resource, SourceName, Terms},
        time::Timestamp,
        view::Audience,
        wire::{Any, Entry},
    };
    use mainsheet_cache::{CacheOptions, store::MemoryStore};

    use super::*;

    fn put(len: usize) -> Change {
        let resource = Resource {
            key: Key::new(Kind::VIRTUAL_SERVICE, "shop", "a"),
            labels: [].into(),
            annotations: [].into(),
            body: Any { type_url: "type.googleapis.com/x".to_owned(), value: vec![7; len].into() },
            upstream_version: None,
        };
        Change::Put(Arc::new(Record {
            source: SourceName::api(),
            key: resource.key.clone(),
            entry: Entry::encode(&resource, Timestamp(1)),
            audience: Audience::everyone(),
            created: Timestamp(1),
            provenance: Provenance::default(),
            warnings: Vec::new(),
            terms: Terms::default(),
        }))
    }

    #[tokio::test]
    async fn a_thousand_watches_share_one_copy_of_a_body() {
        let options = CacheOptions { precedence: Vec::new(), history_len_max: 4 };
        let (cache, follower) = Cache::open(Arc::new(MemoryStore::default()), options).await.unwrap();
        let fence = cache.store().take_lease().await.unwrap();
        let everything = || (Selected::of(None).unwrap(), pb::Form::Unspecified);
        let watch = |_| Watching::new(cache.clone(), everything(), Revision::ZERO, CancellationToken::new());
        let mut watches: Vec<_> = (0..1000).map(watch).collect();
        let watched = async {
            let commit = Commit {
                base: Revision::ZERO,
                fence,
                cause: Cause::from("test"),
                at: Timestamp(1),
                changes: vec![put(1 << 20)],
            };
            cache.commit(commit).await.unwrap();
            let mut told = Vec::new();
            for watch in &mut watches {
                told.push(watch.next().await.unwrap());
            }
            told
        };
        let told = tokio::select! {
            biased;
            told = watched => told,
            ended = follower.run() => panic!("{ended:?}"),
        };
        let mut bodies = told.iter().map(|response| &response.changes[0].after.as_ref().unwrap().any);
        let first = bodies.next().unwrap();
        assert!(first.len() > 1 << 20);
        assert!(bodies.all(|body| body.as_ptr() == first.as_ptr()), "a copy was made");
    }
}
