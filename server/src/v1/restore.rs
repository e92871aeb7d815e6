//! A backup back into a running server: what no source tells.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use mainsheet_api::{
    change::{Cause, Change},
    generated::mainsheet::v1 as pb,
    key::Key,
    limits::{BACKUP_BYTES_MAX, BACKUP_MESSAGE_DEADLINE, NAME_BYTES_MAX},
    resource::{Lease, Record, SourceName, Terms},
    time::Timestamp,
};
use mainsheet_cache::{snapshot::Snapshot, store::Backup};
use tokio::{sync::OwnedSemaphorePermit, task::JoinError};
use tonic::{Status, Streaming};

use super::{
    Links,
    backup::{Room, Turn, late},
    error,
    write::refusal,
};
use crate::intake::{Now, Planned, Planner, Written};

pub(super) async fn restore(
    links: &Links,
    turn: &Turn,
    request: Streaming<pb::RestoreRequest>,
) -> Result<pb::RestoreResponse, Status> {
    let awaited = links.readiness.awaited();
    if !awaited.is_empty() {
        return Err(error::not_ready(&awaited));
    }
    let asked = receive(request, turn.room(), BACKUP_MESSAGE_DEADLINE).await?;
    let turn = turn.take()?;
    #[allow(
        clippy::disallowed_methods,
        reason = "awaited at once; the memory is taken until it ends, whoever waits"
    )]
    let restoring = tokio::spawn(restored(links.clone(), asked, turn));
    restoring.await.map_err(internal)?
}

fn internal(error: JoinError) -> Status {
    Status::internal(format!("an error in mainsheet itself: {error}"))
}

async fn restored(
    links: Links,
    asked: Asked,
    _turn: OwnedSemaphorePermit,
) -> Result<pb::RestoreResponse, Status> {
    let Asked { file, is_dry, authorship, room: _room } = asked;
    let backup = tokio::task::spawn_blocking(move || Backup::decode(&file)).await;
    let backup = backup.map_err(internal)?.map_err(|error| error::bad_request("data", error.to_string()))?;
    let cause = Cause {
        what: format!("restore of revision {}", backup.state.revision),
        author: authorship.author,
        message: authorship.message,
    };
    let (planner, left) = RestorePlanner::of(&backup);
    let Written { revision, answer } = perform(&links, is_dry, cause, planner).await?;
    Ok(pb::RestoreResponse {
        revision: revision.0,
        backup_revision: backup.state.revision.0,
        put: answer.put,
        removed: answer.removed,
        left: left.into_iter().map(|source| source.to_string()).collect(),
    })
}

/// A request, put together from its pieces.
struct Asked {
    file: Bytes,
    is_dry: bool,
    authorship: pb::Authorship,
    room: Room,
}

async fn receive<S>(mut request: S, mut room: Room, deadline: Duration) -> Result<Asked, Status>
where
    S: Stream<Item = Result<pb::RestoreRequest, Status>> + Unpin,
{
    let mut file = BytesMut::new();
    let mut said = None;
    while let Some(message) = in_time(&mut request, deadline).await? {
        let pb::RestoreRequest { data, dry_run, authorship } = message;
        said.get_or_insert((dry_run, authorship.unwrap_or_default()));
        if file.len() + data.len() > BACKUP_BYTES_MAX {
            return Err(error::bad_request("data", format!("more than {BACKUP_BYTES_MAX} bytes")));
        }
        room.grow(file.len() + data.len())?;
        file.extend_from_slice(&data);
    }
    let (is_dry, authorship) = said.unwrap_or_default();
    for (field, text) in [("author", &authorship.author), ("message", &authorship.message)] {
        if text.len() > NAME_BYTES_MAX {
            let right = format!("more than {NAME_BYTES_MAX} bytes");
            return Err(error::bad_request(&format!("authorship.{field}"), right));
        }
    }
    Ok(Asked { file: file.freeze(), is_dry, authorship, room })
}

async fn in_time<S>(request: &mut S, deadline: Duration) -> Result<Option<pb::RestoreRequest>, Status>
where
    S: Stream<Item = Result<pb::RestoreRequest, Status>> + Unpin,
{
    let next = tokio::time::timeout(deadline, request.next()).await;
    next.map_err(|_| late("the next piece of the file did not come in time"))?.transpose()
}

async fn perform(
    links: &Links,
    is_dry: bool,
    cause: Cause,
    mut planner: RestorePlanner,
) -> Result<Written<Counts>, Status> {
    if !is_dry {
        return links.intake.write(cause, planner).await.map_err(|error| refusal(&error));
    }
    let snapshot = links.cache.snapshot().0;
    let now = Now { wall: links.clock.wall(), uptime: links.clock.uptime() };
    let planning = tokio::task::spawn_blocking(move || {
        let answer = planner.plan(&snapshot, now).answer;
        Written { revision: snapshot.revision(), answer }
    });
    planning.await.map_err(internal)
}

/// What a restoration changes, or would.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    put: u32,
    removed: u32,
}

/// Sets the layers that no source tells to those of a backup.
#[derive(Debug)]
struct RestorePlanner {
    wanted: BTreeMap<(SourceName, Key), Arc<Record>>,
}

impl RestorePlanner {
    /// The layers that are left alone, beside.
    fn of(backup: &Backup) -> (Self, BTreeSet<SourceName>) {
        let layers = [SourceName::hold(), SourceName::api()];
        let records = backup.state.records.iter().map(|stored| &stored.record);
        let (ours, theirs): (Vec<_>, Vec<_>) = records.partition(|record| layers.contains(&record.source));
        let place = |record: &Arc<Record>| ((record.source.clone(), record.key.clone()), Arc::clone(record));
        let left = theirs.into_iter().map(|record| record.source.clone()).collect();
        (Self { wanted: ours.into_iter().map(place).collect() }, left)
    }
}

impl Planner for RestorePlanner {
    type Answer = Counts;

    fn plan(&mut self, snapshot: &Snapshot, now: Now) -> Planned<Counts> {
        let mut changes = Vec::new();
        for source in [SourceName::hold(), SourceName::api()] {
            let layer = snapshot.layer(&source);
            let gone =
                layer.iter().filter(|held| !self.wanted.contains_key(&(source.clone(), held.key.clone())));
            changes.extend(gone.map(|held| Change::Remove { source: source.clone(), key: held.key.clone() }));
        }
        let removed = changes.len();
        let different = self.wanted.values().filter(|record| !is_there(snapshot, record));
        changes.extend(different.map(|record| Change::Put(begun_anew(record, now.wall))));
        let count = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        let counts = Counts { put: count(changes.len() - removed), removed: count(removed) };
        Planned { changes, ..Planned::nothing(counts) }
    }
}

/// Whether a layer holds the same. How long a lease still lives does not count: its owner renews it.
fn is_there(snapshot: &Snapshot, record: &Record) -> bool {
    let Some(found) = snapshot.find_in(&record.source, &record.key) else { return false };
    let Terms { lease, set, over } = &found.held.terms;
    found.entry == record.entry
        && found.held.created == record.created
        && found.held.provenance == record.provenance
        && found.held.warnings == record.warnings
        && (set, over) == (&record.terms.set, &record.terms.over)
        && lease.map(|lease| lease.ttl) == record.terms.lease.map(|lease| lease.ttl)
}

/// With a lease that begins now: while it was gone nobody could renew it.
fn begun_anew(record: &Arc<Record>, now: Timestamp) -> Arc<Record> {
    let Some(lease) = record.terms.lease else { return Arc::clone(record) };
    let terms = Terms { lease: Some(Lease::beginning(lease.ttl, now)), ..record.terms.clone() };
    Arc::new(Record { terms, ..Record::clone(record) })
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    #[tokio::test]
    async fn client_that_sends_nothing_more_is_not_waited_for() {
        let piece = pb::RestoreRequest { data: Bytes::from_static(b"x"), ..pb::RestoreRequest::default() };
        let request = stream::iter([Ok(piece)]).chain(stream::pending());
        let turn = Turn::default();
        let received = receive(request, turn.room(), Duration::from_millis(10)).await;
        assert_eq!(received.err().map(|status| status.code()), Some(tonic::Code::DeadlineExceeded));
    }
}
