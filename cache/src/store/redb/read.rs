//! Reading, inside one read transaction: what one call sees is one revision, whatever is written meanwhile.

use bytes::Bytes;
use mainsheet_api::{
    change::{Committed, Fence},
    generated::mainsheet::store::v1 as rows,
    time::Timestamp,
    version::Revision,
};
use prost::Message;
use redb::{ReadOnlyTable, ReadTransaction, ReadableTable};

use super::{
    super::{
        Backup, Follow, HistoryQuery, KeptCommit, Recorded, State, Stored, encoding,
        rules::{self, Standing},
        undo::Undo,
    },
    FORMAT,
    fault::Fault,
    table::{
        BEFORE, COMMITS, FORMAT_KEY, META, RECORDS, REMOVED, STANDING_KEY, STATUS, part_key, unseal,
        unseal_bytes,
    },
};

type Opened = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// All tables as of one revision.
pub(super) struct Tables {
    meta: Opened,
    records: Opened,
    removed: Opened,
    commits: Opened,
    before: Opened,
    status: Opened,
}

impl Tables {
    /// The format is looked at first: nothing else is where it is expected in a newer one.
    pub(super) fn open(transaction: &ReadTransaction) -> Result<Self, Fault> {
        let meta = transaction.open_table(META)?;
        check_format(&meta)?;
        Ok(Self {
            meta,
            records: transaction.open_table(RECORDS)?,
            removed: transaction.open_table(REMOVED)?,
            commits: transaction.open_table(COMMITS)?,
            before: transaction.open_table(BEFORE)?,
            status: transaction.open_table(STATUS)?,
        })
    }

    pub(super) fn standing(&self) -> Result<rows::Standing, Fault> {
        standing(&self.meta)
    }

    pub(super) fn load(&self) -> Result<State, Fault> {
        let standing = self.standing()?;
        let (mut records, mut count) = (Vec::new(), 0);
        for row in self.records.iter()? {
            let (place, row) = row?;
            count += 1;
            records.extend(decode_record(place.value(), row.value())?);
        }
        if count != standing.rows {
            return Err(Fault::damaged(format!("{count} rows of records, not {}", standing.rows)));
        }
        // On disk they are in order of the kinds' names.
        records.sort_by(|Stored { record: a, .. }, Stored { record: b, .. }| {
            (&a.key, &a.source).cmp(&(&b.key, &b.source))
        });
        Ok(State { revision: Revision(standing.head), records })
    }

    pub(super) fn follow(&self, after: Revision, bytes_max: usize) -> Result<Follow, Fault> {
        let standing = self.standing()?;
        if after.0 < standing.compacted || after.0 > standing.head {
            return Ok(Follow::Compacted);
        }
        let mut commits = Vec::new();
        let mut bytes = 0_u64;
        for revision in after.0 + 1..=standing.head {
            let (header, first) = self.first_part(Revision(revision))?;
            bytes = bytes.saturating_add(header.weight);
            if !commits.is_empty() && bytes > bytes_max as u64 {
                break;
            }
            commits.push(self.committed(Revision(revision), header.parts, first)?);
        }
        Ok(Follow::Commits(commits))
    }

    pub(super) fn history(&self, query: HistoryQuery) -> Result<Vec<Recorded>, Fault> {
        let standing = self.standing()?;
        let end = query.before.map_or(standing.head, |before| standing.head.min(before.0.saturating_sub(1)));
        let mut recorded = Vec::new();
        let mut bytes = 0_u64;
        for revision in (standing_of(&standing).oldest().0 + 1..=end).rev().take(query.len_max) {
            let (header, first) = self.first_part(Revision(revision))?;
            bytes = bytes.saturating_add(header.weight + header.before_weight);
            if !recorded.is_empty() && bytes > query.bytes_max as u64 {
                break;
            }
            recorded.push(self.recorded(Revision(revision), &header, first)?);
        }
        Ok(recorded)
    }

    pub(super) fn committed_at(&self, revisions: &[Revision]) -> Result<Vec<Option<Timestamp>>, Fault> {
        let standing = self.standing()?;
        let kept = standing.compacted + 1..=standing.head;
        let at = |revision: &Revision| {
            let header = kept.contains(&revision.0).then(|| self.first_part(*revision)).transpose()?;
            Ok(header.map(|(header, _)| Timestamp(header.at)))
        };
        revisions.iter().map(at).collect()
    }

    /// Reads one commit at a time.
    pub(super) fn state_at(&self, revision: Revision) -> Result<Option<State>, Fault> {
        let standing = standing_of(&self.standing()?);
        if revision < standing.oldest() || revision > standing.head {
            return Ok(None);
        }
        let mut undo = Undo::of(self.load()?);
        for later in (revision.0 + 1..=standing.head.0).rev().map(Revision) {
            let (header, first) = self.first_part(later)?;
            undo.undo(self.recorded(later, &header, first)?);
        }
        Ok(Some(undo.finish()))
    }

    pub(super) fn export(&self) -> Result<Backup, Fault> {
        let standing = self.standing()?;
        let mut commits = Vec::new();
        for revision in (standing.compacted + 1..=standing.head).map(Revision) {
            let (header, first) = self.first_part(revision)?;
            commits.push(if revision.0 > standing.unrecorded {
                let Recorded { committed, before } = self.recorded(revision, &header, first)?;
                KeptCommit { committed, before: Some(before) }
            } else {
                KeptCommit { committed: self.committed(revision, header.parts, first)?, before: None }
            });
        }
        Ok(Backup {
            state: self.load()?,
            compacted: Revision(standing.compacted),
            lease: Fence(standing.lease),
            commits,
            status: self.status("")?,
        })
    }

    fn recorded(
        &self,
        revision: Revision,
        header: &rows::CommitHeader,
        first: Bytes,
    ) -> Result<Recorded, Fault> {
        let committed = self.committed(revision, header.parts, first)?;
        let parts = (0..header.before_parts).map(|number| part(&self.before, revision, number));
        Ok(encoding::decode_before(committed, parts.collect::<Result<_, _>>()?)?)
    }

    fn first_part(&self, revision: Revision) -> Result<(rows::CommitHeader, Bytes), Fault> {
        let first = part(&self.commits, revision, 0)?;
        Ok((encoding::decode_header(&first)?, first))
    }

    fn committed(&self, revision: Revision, parts: u32, first: Bytes) -> Result<Committed, Fault> {
        let rest = (1..parts).map(|number| part(&self.commits, revision, number));
        let parts = std::iter::once(Ok(first)).chain(rest).collect::<Result<_, _>>()?;
        Ok(encoding::decode_commit(revision, parts)?)
    }

    pub(super) fn status(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, Fault> {
        let mut entries = Vec::new();
        for row in self.status.range(prefix.as_bytes()..)? {
            let (key, value) = row?;
            if !key.value().starts_with(prefix.as_bytes()) {
                break;
            }
            let value = unseal_bytes(key.value(), value.value())?;
            let key = String::from_utf8(key.value().to_vec())
                .map_err(|_| Fault::damaged("key of a status entry is no text"))?;
            entries.push((key, value));
        }
        Ok(entries)
    }

    /// Reads everything, and compares it with what should be there.
    pub(super) fn verify(&self) -> Result<rows::Standing, Fault> {
        let standing = self.standing()?;
        self.load()?;
        self.verify_commits(&standing)?;
        for row in self.removed.iter()? {
            let (key, row) = row?;
            unseal(key.value(), row.value())?;
        }
        let entries = self.status("")?;
        let bytes: usize = entries.iter().map(|(key, value)| rules::status_weight(key, value)).sum();
        if (entries.len() as u64, bytes as u64) != (standing.status_entries, standing.status_bytes) {
            return Err(Fault::damaged("the status area is not as large as it should be"));
        }
        Ok(standing)
    }

    /// One at a time, so that a long history needs no memory.
    fn verify_commits(&self, standing: &rows::Standing) -> Result<(), Fault> {
        let mut weight = 0;
        for revision in standing.compacted + 1..=standing.head {
            let (header, first) = self.first_part(Revision(revision))?;
            weight += header.weight + header.before_weight;
            if revision > standing.unrecorded {
                self.recorded(Revision(revision), &header, first)?;
            } else {
                self.committed(Revision(revision), header.parts, first)?;
            }
        }
        if weight == standing.commits_weight {
            return Ok(());
        }
        Err(Fault::damaged(format!("commits weigh {weight} bytes, not {}", standing.commits_weight)))
    }
}

fn check_format(meta: &impl ReadableTable<&'static [u8], &'static [u8]>) -> Result<(), Fault> {
    match format(meta)? {
        FORMAT => Ok(()),
        older => Err(Fault::damaged(format!("it is of format {older}, and was not migrated"))),
    }
}

/// Of this version, or an older one.
pub(super) fn format(meta: &impl ReadableTable<&'static [u8], &'static [u8]>) -> Result<u32, Fault> {
    let row = meta
        .get(FORMAT_KEY)?
        .ok_or_else(|| Fault::damaged("it has no format: it is no store of mainsheet"))?;
    let bytes = unseal(FORMAT_KEY, row.value())?;
    match bytes.try_into().map(u32::from_be_bytes) {
        Ok(newer) if newer > FORMAT => Err(Fault::Newer(newer)),
        Ok(known) if known > 0 => Ok(known),
        _ => Err(Fault::damaged("its format is none that ever was")),
    }
}

/// As the rules have it.
pub(super) fn standing_of(standing: &rows::Standing) -> Standing {
    Standing {
        head: Revision(standing.head),
        compacted: Revision(standing.compacted),
        lease: Fence(standing.lease),
        unrecorded: Revision(standing.unrecorded),
    }
}

pub(super) fn standing(
    meta: &impl ReadableTable<&'static [u8], &'static [u8]>,
) -> Result<rows::Standing, Fault> {
    let row = meta.get(STANDING_KEY)?.ok_or_else(|| Fault::damaged("it does not say where it stands"))?;
    rows::Standing::decode(unseal(STANDING_KEY, row.value())?)
        .map_err(|error| Fault::damaged(error.to_string()))
}

pub(super) fn part(
    commits: &impl ReadableTable<&'static [u8], &'static [u8]>,
    revision: Revision,
    part: u32,
) -> Result<Bytes, Fault> {
    let key = part_key(revision, part);
    let row = commits.get(&key[..])?;
    let row = row.ok_or_else(|| Fault::damaged(format!("part {part} of commit {revision} is missing")))?;
    unseal_bytes(&key, row.value())
}

fn decode_record(place: &[u8], row: &[u8]) -> Result<Option<Stored>, Fault> {
    Ok(encoding::decode_row(unseal_bytes(place, row)?)?)
}
