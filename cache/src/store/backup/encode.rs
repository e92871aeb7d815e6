//! A store's content as pieces of bytes.

use bytes::{BufMut, Bytes, BytesMut};
use mainsheet_api::{
    change::{Commit, Fence},
    generated::mainsheet::store::v1 as rows,
};
use prost::Message;

use super::{Backup, HEADER_LEN, KeptCommit, MAGIC};
use crate::store::{
    Stored,
    encoding::{self, EncodedCommit},
    rules,
};

impl Backup {
    /// The file, piece by piece: each is encoded when it is asked for.
    pub fn encode(&self) -> impl Iterator<Item = Bytes> + Send + '_ {
        let pieces = std::iter::once(self.head())
            .chain(self.records())
            .chain(self.commits.iter().flat_map(commit))
            .chain(self.status());
        let mut hasher = blake3::Hasher::new();
        hasher.update(&header());
        let mut pieces = pieces;
        let mut is_ended = false;
        let framed = std::iter::from_fn(move || {
            if let Some(piece) = pieces.next() {
                let framed = frame(piece);
                hasher.update(&framed);
                return Some(framed);
            }
            let checksum = Bytes::copy_from_slice(hasher.finalize().as_bytes());
            let end = rows::backup_piece::Piece::End(rows::BackupEnd { checksum });
            (!std::mem::replace(&mut is_ended, true)).then(|| frame(end))
        });
        std::iter::once(header()).chain(framed)
    }

    fn head(&self) -> rows::backup_piece::Piece {
        let standing = self.standing();
        let bytes = self.status.iter().map(|(key, value)| rules::status_weight(key, value) as u64).sum();
        let standing = rows::Standing {
            head: standing.head.0,
            compacted: standing.compacted.0,
            lease: standing.lease.0,
            rows: self.state.records.len() as u64,
            status_entries: self.status.len() as u64,
            status_bytes: bytes,
            unrecorded: standing.unrecorded.0,
            ..rows::Standing::default()
        };
        rows::backup_piece::Piece::Head(rows::BackupHead { standing: Some(standing) })
    }

    fn records(&self) -> impl Iterator<Item = rows::backup_piece::Piece> + Send + '_ {
        let weights = self.state.records.iter().map(|stored| rules::weight_of_record(&stored.record));
        let mut rest = self.state.records.iter();
        encoding::cut(&weights.collect::<Vec<_>>()).into_iter().filter(|len| *len > 0).map(move |len| {
            let rows = rest.by_ref().take(len).map(encoding::stored_to_row).collect();
            rows::backup_piece::Piece::Records(rows::BackupRecords { rows })
        })
    }

    fn status(&self) -> impl Iterator<Item = rows::backup_piece::Piece> + Send + '_ {
        let weights = self.status.iter().map(|(key, value)| rules::status_weight(key, value));
        let mut rest = self.status.iter();
        encoding::cut(&weights.collect::<Vec<_>>()).into_iter().filter(|len| *len > 0).map(move |len| {
            let entry =
                |(key, value): &(String, Bytes)| rows::StatusEntry { key: key.clone(), value: value.clone() };
            let entries = rest.by_ref().take(len).map(entry).collect();
            rows::backup_piece::Piece::Status(rows::BackupStatus { entries })
        })
    }
}

fn header() -> Bytes {
    let mut header = BytesMut::with_capacity(HEADER_LEN);
    header.put_slice(MAGIC);
    header.put_u32(Backup::FORMAT);
    header.freeze()
}

fn commit(kept: &KeptCommit) -> Vec<rows::backup_piece::Piece> {
    let revision = kept.committed.revision.0;
    let EncodedCommit { parts, before, .. } = encode(kept);
    let parts = parts
        .into_iter()
        .map(|part| rows::backup_piece::Piece::Commit(rows::BackupCommitPart { revision, part }));
    let before = before
        .into_iter()
        .map(|part| rows::backup_piece::Piece::Before(rows::BackupCommitPart { revision, part }));
    parts.chain(before).collect()
}

/// As a store keeps it.
pub(in crate::store) fn encode(kept: &KeptCommit) -> EncodedCommit {
    let committed = &kept.committed;
    let commit = Commit {
        base: committed.revision,
        fence: Fence::default(),
        cause: committed.cause.clone(),
        at: committed.at,
        changes: committed.changes.clone(),
    };
    let before: Option<&[Option<Stored>]> = kept.before.as_deref();
    encoding::encode_commit(&commit, before)
}

fn frame(piece: rows::backup_piece::Piece) -> Bytes {
    let piece = rows::BackupPiece { piece: Some(piece) };
    let len = piece.encoded_len();
    let mut framed = BytesMut::with_capacity(4 + len);
    framed.put_u32(u32::try_from(len).unwrap_or(u32::MAX));
    framed.put_slice(&piece.encode_to_vec());
    framed.freeze()
}
