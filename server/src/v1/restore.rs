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
    limits::{BACKUP_BYTES_MAX, BACKUP_MESSAGE_DEADLINE},
    resource::{Lease, Record, SourceName, Terms},
    time::Timestamp,
};
use mainsheet_cache::{blocking, snapshot::Snapshot, store::Backup};
use tokio::sync::OwnedSemaphorePermit;
use tonic::{Status, Streaming};

use super::{
    Links,
    asking::Asking,
    backup::{Room, Turn, late},
    error,
    permitted::Named,
    write::{Run, check_ready, claimed, perform},
};
use crate::intake::{Now, Planned, Planner, Written, ended::with_ended_holds};

pub(super) async fn restore(
    (links, asking): (&Links, &Asking),
    turn: &Turn,
    request: Streaming<pb::RestoreRequest>,
) -> Result<pb::RestoreResponse, Status> {
    check_ready(links)?;
    let Asked { file, run, cause, room } = receive(request, turn.room(), BACKUP_MESSAGE_DEADLINE).await?;
    let cause = Cause { author: asking.author(cause.author), ..cause };
    let asked = Asked { file, run, cause, room };
    let turn = turn.take()?;
    #[allow(
        clippy::disallowed_methods,
        reason = "awaited at once; the memory is taken until it ends, whoever waits"
    )]
    let restoring = tokio::spawn(restored((links.clone(), asking.clone()), asked, turn));
    restoring.await.map_err(error::internal)?
}

async fn restored(
    (links, asking): (Links, Asking),
    asked: Asked,
    _turn: OwnedSemaphorePermit,
) -> Result<pb::RestoreResponse, Status> {
    let Asked { file, run, cause, room: _room } = asked;
    let backup = blocking::spawn(move || Backup::decode(&file)).await;
    let backup = backup.map_err(error::internal)?;
    let backup = backup.map_err(|error| error::bad_request("data", error.to_string()))?;
    let what = format!("restore of revision {}", backup.state.revision);
    let (planner, left) = RestorePlanner::of(&backup);
    let Written { revision, answer } =
        perform((&links, &asking), run, (Cause { what, ..cause }, Named::default()), planner).await?;
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
    run: Run,
    /// Without what is restored, which the file says.
    cause: Cause,
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
        if said.is_none() {
            said = Some((Run::of(dry_run), claimed("restore", authorship)?));
        }
        if file.len() + data.len() > BACKUP_BYTES_MAX {
            return Err(error::bad_request("data", format!("more than {BACKUP_BYTES_MAX} bytes")));
        }
        room.grow(file.len() + data.len())?;
        file.extend_from_slice(&data);
    }
    let (run, cause) = said.unwrap_or((Run::Real, Cause::default()));
    Ok(Asked { file: file.freeze(), run, cause, room })
}

async fn in_time<S>(request: &mut S, deadline: Duration) -> Result<Option<pb::RestoreRequest>, Status>
where
    S: Stream<Item = Result<pb::RestoreRequest, Status>> + Unpin,
{
    let next = tokio::time::timeout(deadline, request.next()).await;
    next.map_err(|_| late("the next piece of the file did not come in time"))?.transpose()
}

/// What a restoration changes, or would.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    put: u32,
    removed: u32,
}

impl Counts {
    fn of(changes: &[Change]) -> Self {
        let put = changes.iter().filter(|change| matches!(change, Change::Put(_))).count();
        let count = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        Self { put: count(put), removed: count(changes.len() - put) }
    }
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
        let different = self.wanted.values().filter(|record| !is_there(snapshot, record));
        changes.extend(different.map(|record| Change::Put(begun_anew(record, now.wall))));
        // A rollback that was over something else than what the layers below have now is over.
        let changes = with_ended_holds(snapshot, changes);
        let counts = Counts::of(&changes);
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
    use mainsheet_api::resource::Over;

    use super::*;
    use crate::intake::states::{NOW, after, nothing, put, record, remove};

    /// A rollback to this content, over that of the files.
    fn rolled_back(name: &str, content: u8, over: u8) -> Arc<Record> {
        let over = Some(record("files", name, over).entry.version);
        let terms = Terms { over: Some(Over { version: over }), ..Terms::default() };
        Arc::new(Record { terms, ..record("hold", name, content) })
    }

    #[test]
    fn counts_are_of_what_is_committed() {
        let wanted = [rolled_back("a", 1, 2), rolled_back("b", 1, 2)];
        let place = |record: &Arc<Record>| (record.source.clone(), record.key.clone());
        let mut planner = RestorePlanner {
            wanted: wanted.iter().map(|record| (place(record), Arc::clone(record))).collect(),
        };
        // What the files have of `a` is not what its rollback was put over, and `b` is held otherwise.
        let state = after(&nothing(), [put("files", "a", 3), put("files", "b", 2), put("api", "c", 1)]);
        let state = after(&state, [Change::Put(rolled_back("a", 5, 3)), put("hold", "c", 1)]);
        let Planned { changes, answer, .. } = planner.plan(&state, NOW);
        let [_, b] = wanted;
        let expected = [remove("hold", "c"), remove("api", "c"), Change::Put(b), remove("hold", "a")];
        assert_eq!(changes, expected);
        assert_eq!(answer, Counts { put: 1, removed: 3 });
    }

    #[tokio::test]
    async fn client_that_sends_nothing_more_is_not_waited_for() {
        let piece = pb::RestoreRequest { data: Bytes::from_static(b"x"), ..pb::RestoreRequest::default() };
        let request = stream::iter([Ok(piece)]).chain(stream::pending());
        let turn = Turn::default();
        let received = receive(request, turn.room(), Duration::from_millis(10)).await;
        assert_eq!(received.err().map(|status| status.code()), Some(tonic::Code::DeadlineExceeded));
    }
}
