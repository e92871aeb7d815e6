//! Rows of a store, and backups: whatever the bytes, they are refused or are what they are written as again.

use std::sync::Arc;

use bytes::Bytes;
use mainsheet_api::{
    change::{Change, Commit, Committed, Fence},
    generated::mainsheet::store::v1::{self as rows, backup_piece::Piece},
    version::Revision,
};
use mainsheet_cache::store::{Backup, KeptCommit, State, Stored, testing};
use prost::Message;

use super::{
    tape::{Tape, piece},
    world,
};

pub(super) const WORDS: &[&str] = &[
    "mainsheet-backup",
    "networking.istio.io",
    "VirtualService",
    "opaque.mainsheet.io",
    "example.com/v1/Widget",
    "envoy.mainsheet.io",
    "\0\0\0\u{1}",
];

/// What the first byte says that the rest is.
const ROW: u8 = 0;
const COMMIT: u8 = 1;
const BACKUP: u8 = 2;
/// A backup without its last piece, whose checksum no damaged bytes would match.
const BACKUP_WITHOUT_END: u8 = 3;

const REVISION: Revision = Revision(7);

pub(super) fn run(input: &[u8]) {
    let mut tape = Tape::new(input);
    match tape.byte() % 4 {
        ROW => check_row(tape.rest()),
        COMMIT => check_commit(tape),
        BACKUP => check_backup(&tape.rest()),
        _ => check_backup(&ended(&tape.rest())),
    }
}

fn check_row(row: Bytes) {
    if let Ok(Some(stored)) = testing::decode_row(row) {
        let again = testing::decode_row(testing::encode_row(&stored));
        assert_eq!(again, Ok(Some(stored)));
    }
}

/// Parts of a commit, and then of what it replaced.
fn check_commit(mut tape: Tape) {
    let mut parts = |count: u8| (0..count).map(|_| tape.piece()).collect::<Vec<_>>();
    let (commit, before) = (parts(2), parts(1));
    let commit = commit.into_iter().filter(|part| !part.is_empty()).collect();
    let Ok(committed) = testing::decode_commit(REVISION, commit) else { return };
    let recorded = testing::decode_before(committed.clone(), before);
    let replaced = recorded.as_ref().ok().map(|recorded| &recorded.before[..]);
    let (parts, before) = testing::encode_commit(&commit_of(committed.clone()), replaced);
    assert_eq!(testing::decode_commit(REVISION, parts), Ok(committed.clone()));
    if recorded.is_ok() {
        assert_eq!(testing::decode_before(committed, before), recorded);
    }
}

fn commit_of(Committed { revision, cause, at, changes }: Committed) -> Commit {
    Commit { base: revision, fence: Fence(0), cause, at, changes }
}

fn check_backup(file: &Bytes) {
    if let Ok(backup) = Backup::decode(file) {
        assert_eq!(Backup::decode(&whole(&backup)), Ok(backup));
    }
}

fn whole(backup: &Backup) -> Bytes {
    backup.encode().collect::<Vec<_>>().concat().into()
}

/// With the end that belongs to these bytes.
fn ended(bytes: &[u8]) -> Bytes {
    let checksum = Bytes::copy_from_slice(blake3::hash(bytes).as_bytes());
    let end = rows::BackupPiece { piece: Some(Piece::End(rows::BackupEnd { checksum })) }.encode_to_vec();
    let len = u32::try_from(end.len()).unwrap_or(u32::MAX).to_be_bytes();
    [bytes, &len, &end].concat().into()
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let stored: Vec<_> = world::records()
        .into_iter()
        .map(|record| Stored { changed: REVISION, record: Arc::new(record) })
        .collect();
    let mut changes: Vec<_> = stored.iter().map(|stored| Change::Put(stored.record.clone())).collect();
    let key = stored[0].record.key.clone();
    changes.push(Change::Remove { source: stored[0].record.source.clone(), key });
    let commit =
        Commit { base: REVISION, fence: Fence(1), cause: "source files".into(), at: world::NOW, changes };
    let before: Vec<_> =
        commit.changes.iter().enumerate().map(|(index, _)| stored.get(index * 2).cloned()).collect();
    let backup = whole(&backup(&stored, &commit, &before));
    let end = ended(&[]).len();
    let mut seeds: Vec<_> = stored.iter().map(|stored| seed(ROW, &testing::encode_row(stored))).collect();
    let (parts, before) = testing::encode_commit(&commit, Some(&before));
    let pieces: Vec<_> =
        [parts, vec![Bytes::new()], before].concat().iter().flat_map(|part| piece(part)).collect();
    seeds.push(seed(COMMIT, &pieces));
    seeds.push(seed(BACKUP_WITHOUT_END, &backup[..backup.len() - end]));
    seeds.push(seed(BACKUP, &backup));
    seeds
}

fn seed(form: u8, bytes: &[u8]) -> Vec<u8> {
    [&[form], bytes].concat()
}

fn backup(stored: &[Stored], commit: &Commit, before: &[Option<Stored>]) -> Backup {
    let Commit { cause, at, changes, .. } = commit.clone();
    let committed = Committed { revision: REVISION, cause, at, changes };
    Backup {
        state: State { revision: REVISION, records: stored.to_vec() },
        compacted: Revision(REVISION.0 - 1),
        lease: Fence(1),
        commits: vec![KeptCommit { committed, before: Some(before.to_vec()) }],
        status: vec![("leases".to_owned(), Bytes::from_static(b"1"))],
    }
}
