//! Pieces of bytes as a store's content, or what is wrong with them.

use bytes::{Buf, Bytes};
use mainsheet_api::{
    change::Fence,
    generated::mainsheet::store::v1::{self as rows, backup_piece::Piece},
    version::Revision,
};
use prost::Message;

use super::{Backup, BackupError, HEADER_LEN, KeptCommit, MAGIC, PIECE_BYTES_MAX};
use crate::store::{
    State,
    encoding::{self, Unreadable},
};

impl Backup {
    /// Reads a whole file. What is returned is what was written, to the last byte.
    ///
    /// # Errors
    /// Where it is none of ours, newer, cut off or damaged.
    pub fn decode(file: &Bytes) -> Result<Self, BackupError> {
        check_header(file)?;
        let mut reading = Reading::default();
        let mut at = HEADER_LEN;
        loop {
            let piece = piece_at(file, at)?;
            let len = 4 + piece.len();
            let damaged = |unreadable: Unreadable| match unreadable {
                Unreadable::Kind(kind) => BackupError::UnknownKind(kind),
                other => BackupError::Damaged { at, found: other.to_string() },
            };
            let piece = rows::BackupPiece::decode(piece).map_err(|error| damaged(error.into()))?;
            match piece.piece.ok_or_else(|| damaged(Unreadable::Incomplete("piece")))? {
                Piece::End(end) => {
                    check_end(file, at, len, &end)?;
                    return reading.finish().map_err(damaged);
                }
                piece => reading.take(piece).map_err(damaged)?,
            }
            at += len;
        }
    }
}

fn check_header(file: &Bytes) -> Result<(), BackupError> {
    let known = file.len().min(MAGIC.len());
    if file[..known] != MAGIC[..known] || file.is_empty() {
        return Err(BackupError::NoBackup);
    }
    if file.len() < HEADER_LEN {
        return Err(BackupError::CutOff { len: file.len() });
    }
    match (&file[MAGIC.len()..HEADER_LEN]).get_u32() {
        Backup::FORMAT => Ok(()),
        0 => Err(BackupError::Damaged { at: MAGIC.len(), found: "format 0 never was".to_owned() }),
        found => Err(BackupError::Newer { found, known: Backup::FORMAT }),
    }
}

fn piece_at(file: &Bytes, at: usize) -> Result<Bytes, BackupError> {
    let cut_off = || BackupError::CutOff { len: file.len() };
    let len = file.get(at..at + 4).map(|mut len| len.get_u32() as usize).ok_or_else(cut_off)?;
    if len > PIECE_BYTES_MAX {
        return Err(BackupError::Damaged { at, found: format!("a piece of {len} bytes") });
    }
    let (begin, end) = (at + 4, at + 4 + len);
    if end > file.len() { Err(cut_off()) } else { Ok(file.slice(begin..end)) }
}

fn check_end(file: &Bytes, at: usize, len: usize, end: &rows::BackupEnd) -> Result<(), BackupError> {
    if blake3::hash(&file[..at]).as_bytes()[..] != end.checksum[..] {
        return Err(BackupError::Damaged {
            at,
            found: "what is before it does not match its checksum".to_owned(),
        });
    }
    match file.len() - at - len {
        0 => Ok(()),
        more => Err(BackupError::Damaged { at: at + len, found: format!("{more} bytes follow its end") }),
    }
}

#[derive(Default)]
struct Reading {
    standing: Option<rows::Standing>,
    state: State,
    commits: Vec<Parts>,
    status: Vec<(String, Bytes)>,
}

struct Parts {
    revision: u64,
    commit: Vec<Bytes>,
    before: Vec<Bytes>,
}

impl Reading {
    fn take(&mut self, piece: Piece) -> Result<(), Unreadable> {
        match piece {
            Piece::Head(head) => self.standing = head.standing,
            Piece::Records(records) => {
                for row in records.rows {
                    let stored = encoding::stored_from_row(encoding::detached(row))?;
                    self.state.records.push(stored.ok_or(Unreadable::Incomplete("record"))?);
                }
            }
            Piece::Commit(part) => self.parts(part.revision).commit.push(part.part),
            Piece::Before(part) => self.parts(part.revision).before.push(part.part),
            Piece::Status(status) => {
                self.status.extend(status.entries.into_iter().map(|entry| (entry.key, entry.value)));
            }
            // Whoever calls has looked at it.
            Piece::End(_) => {}
        }
        Ok(())
    }

    fn parts(&mut self, revision: u64) -> &mut Parts {
        if self.commits.last().is_none_or(|parts| parts.revision != revision) {
            self.commits.push(Parts { revision, commit: Vec::new(), before: Vec::new() });
        }
        let last = self.commits.len() - 1;
        &mut self.commits[last]
    }

    fn finish(self) -> Result<Backup, Unreadable> {
        let standing = self.standing.ok_or(Unreadable::Incomplete("head"))?;
        // There is a revision and a lease after the newest.
        if standing.compacted > standing.head || standing.head == u64::MAX || standing.lease == u64::MAX {
            return Err(Unreadable::Incomplete("numbers"));
        }
        let commits = self.commits.into_iter().map(Parts::finish).collect::<Result<Vec<_>, _>>()?;
        let revisions = commits.iter().map(|kept| kept.committed.revision.0);
        if !revisions.eq(standing.compacted + 1..=standing.head) {
            return Err(Unreadable::Incomplete("commits"));
        }
        if self.state.records.len() as u64 != standing.rows {
            return Err(Unreadable::Incomplete("records"));
        }
        if self.status.len() as u64 != standing.status_entries {
            return Err(Unreadable::Incomplete("status area"));
        }
        Ok(Backup {
            state: State { revision: Revision(standing.head), ..self.state },
            compacted: Revision(standing.compacted),
            lease: Fence(standing.lease),
            commits,
            status: self.status,
        })
    }
}

impl Parts {
    fn finish(self) -> Result<KeptCommit, Unreadable> {
        let committed = encoding::decode_commit(Revision(self.revision), self.commit)?;
        if self.before.is_empty() {
            return Ok(KeptCommit { committed, before: None });
        }
        let recorded = encoding::decode_before(committed, self.before)?;
        Ok(KeptCommit { committed: recorded.committed, before: Some(recorded.before) })
    }
}
