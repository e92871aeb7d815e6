//! Writing: each function is one transaction.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use mainsheet_api::{
    change::{Change, Commit, Fence},
    generated::mainsheet::store::v1 as rows,
    time::Timestamp,
    version::Revision,
};
use prost::Message;
use redb::{Database, ReadableTable, Table, WriteTransaction};

use super::{
    super::{
        StoreOptions, Stored, encoding,
        rules::{self, Excess, Retained, Standing},
    },
    Opened, Refusal,
    fault::Fault,
    read,
    table::{
        BEFORE, COMMITS, FORMAT_KEY, META, RECORDS, REMOVED, Rows, STANDING_KEY, STATUS, part_key,
        place_of_removed, removed_key, seal, unseal, unseal_bytes,
    },
};
use crate::error::CommitError;

type Opening<'transaction> = Table<'transaction, &'static [u8], &'static [u8]>;

/// A transaction that is flushed when it is committed.
///
/// Flushed in two phases, so that what was acknowledged is never taken back: with one, the database answers damage
/// that it finds after a crash with the transaction before. It also keeps its free list with each commit, so that a
/// start after a crash is as quick as any.
pub(super) fn begin(database: &Database) -> Result<WriteTransaction, Fault> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    Ok(transaction)
}

/// What became of each, and where the store stands then. Where all were refused nothing is written.
pub(super) fn commit_all(
    opened: &Opened,
    commits: &[Commit],
) -> Result<(Vec<Result<Revision, CommitError>>, Standing), Refusal> {
    let transaction = begin(&opened.database)?;
    let mut tables = Tables::open(&transaction)?;
    let before = read::standing_of(&tables.standing);
    let mut newest_at = None;
    let answers = rules::commit_each(commits, |commit| match tables.commit(opened, commit, before) {
        Ok(revision) => {
            newest_at = Some(commit.at);
            Ok(Ok(revision))
        }
        Err(Refusal::Rule(refused)) if !refused.is_of_the_store() => Ok(Err(*refused)),
        Err(failed) => Err(failed),
    })?;
    if let Some(newest_at) = newest_at {
        let made = tables.standing.head - before.head.0;
        tables.compact(&opened.options, newest_at, made)?;
    }
    let standing = tables.close()?;
    if newest_at.is_some() {
        transaction.commit()?;
    } else {
        transaction.abort()?;
    }
    Ok((answers, standing))
}

pub(super) fn take_lease(opened: &Opened) -> Result<Fence, Refusal> {
    let transaction = begin(&opened.database)?;
    let mut meta = transaction.open_table(META)?;
    let mut standing = read::standing(&meta)?;
    standing.lease += 1;
    put_standing(&mut meta, &standing)?;
    drop(meta);
    transaction.commit()?;
    Ok(Fence(standing.lease))
}

pub(super) fn set_status(opened: &Opened, entries: Vec<(String, Option<Bytes>)>) -> Result<(), Refusal> {
    let transaction = begin(&opened.database)?;
    let mut meta = transaction.open_table(META)?;
    let mut standing = read::standing(&meta)?;
    let before = standing.status_bytes;
    // Of several for one key, the last.
    let entries: BTreeMap<String, Option<Bytes>> = entries.into_iter().collect();
    let mut status = transaction.open_table(STATUS)?;
    for (key, value) in &entries {
        replace_status(&mut status, &mut standing, key, value.as_deref())?;
    }
    let bytes = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    rules::check_status(bytes(before), bytes(standing.status_bytes), opened.options.status_bytes_max)
        .map_err(Fault::Rule)?;
    drop(status);
    put_standing(&mut meta, &standing)?;
    drop(meta);
    Ok(transaction.commit()?)
}

fn replace_status(
    status: &mut Opening<'_>,
    standing: &mut rows::Standing,
    key: &str,
    value: Option<&[u8]>,
) -> Result<(), Fault> {
    let name = key.as_bytes();
    let old = match value {
        Some(value) => status.insert(name, &seal(name, value)[..])?,
        None => status.remove(name)?,
    };
    if let Some(old) = old {
        standing.status_entries -= 1;
        standing.status_bytes -= rules::status_weight(key, unseal(name, old.value())?) as u64;
    }
    if let Some(value) = value {
        standing.status_entries += 1;
        standing.status_bytes += rules::status_weight(key, value) as u64;
    }
    Ok(())
}

/// Makes an empty store.
pub(super) fn initialise(database: &Database, format: u32) -> Result<(), Fault> {
    let transaction = begin(database)?;
    let each: [Rows; 5] = [RECORDS, REMOVED, COMMITS, BEFORE, STATUS];
    for table in each {
        transaction.open_table(table)?;
    }
    let mut meta = transaction.open_table(META)?;
    put_format(&mut meta, format)?;
    put_standing(&mut meta, &rows::Standing::default())?;
    drop(meta);
    Ok(transaction.commit()?)
}

pub(super) fn put_format(meta: &mut Opening<'_>, format: u32) -> Result<(), Fault> {
    meta.insert(FORMAT_KEY, &seal(FORMAT_KEY, &format.to_be_bytes())[..])?;
    Ok(())
}

pub(super) fn put_standing(meta: &mut Opening<'_>, standing: &rows::Standing) -> Result<(), Fault> {
    meta.insert(STANDING_KEY, &seal(STANDING_KEY, &standing.encode_to_vec())[..])?;
    Ok(())
}

pub(super) fn put_parts(table: &mut Opening<'_>, revision: Revision, parts: &[Bytes]) -> Result<(), Fault> {
    for (number, part) in (0..).zip(parts) {
        let key = part_key(revision, number);
        table.insert(&key[..], &seal(&key, part)[..])?;
    }
    Ok(())
}

/// What a commit writes to.
struct Tables<'transaction> {
    standing: rows::Standing,
    meta: Opening<'transaction>,
    records: Opening<'transaction>,
    removed: Opening<'transaction>,
    commits: Opening<'transaction>,
    before: Opening<'transaction>,
}

impl<'transaction> Tables<'transaction> {
    fn open(transaction: &'transaction WriteTransaction) -> Result<Self, Fault> {
        let meta = transaction.open_table(META)?;
        Ok(Self {
            standing: read::standing(&meta)?,
            meta,
            records: transaction.open_table(RECORDS)?,
            removed: transaction.open_table(REMOVED)?,
            commits: transaction.open_table(COMMITS)?,
            before: transaction.open_table(BEFORE)?,
        })
    }

    fn close(mut self) -> Result<Standing, Fault> {
        put_standing(&mut self.meta, &self.standing)?;
        Ok(read::standing_of(&self.standing))
    }

    /// A refused one leaves the tables as they are.
    fn commit(&mut self, opened: &Opened, commit: &Commit, before: Standing) -> Result<Revision, Refusal> {
        self.check(opened, commit, before)?;
        Ok(self.add(commit)?)
    }

    /// `before`: how the store stood before the commit's group.
    fn check(&self, opened: &Opened, commit: &Commit, before: Standing) -> Result<(), Refusal> {
        let changed = |source: &_, key: &_| {
            self.changed(&encoding::encode_place(source, key)).map_err(|fault| fault.of("read", &opened.path))
        };
        rules::check(commit, before, changed).map_err(|refused| Refusal::Rule(Box::new(refused)))
    }

    fn changed(&self, place: &[u8]) -> Result<Option<Revision>, Fault> {
        let Some(row) = self.records.get(place)? else { return Ok(None) };
        Ok(Some(encoding::decode_row_changed(unseal(place, row.value())?)?))
    }

    fn add(&mut self, commit: &Commit) -> Result<Revision, Fault> {
        let revision = Revision(self.standing.head).next();
        self.standing.head = revision.0;
        let mut before = Vec::with_capacity(commit.changes.len());
        for change in &commit.changes {
            before.push(self.apply(revision, change)?);
        }
        let encoded = encoding::encode_commit(commit, Some(&before));
        put_parts(&mut self.commits, revision, &encoded.parts)?;
        put_parts(&mut self.before, revision, &encoded.before)?;
        self.standing.commits_weight += encoded.weight;
        Ok(revision)
    }

    /// Returns what was there.
    fn apply(&mut self, revision: Revision, change: &Change) -> Result<Option<Stored>, Fault> {
        let place = encoding::encode_place(change.source(), change.key());
        let row = seal(&place, &encoding::encode_row(revision, change));
        let before = self.records.insert(&place[..], &row[..])?;
        let before = before.map(|row| unseal_bytes(&place, row.value())).transpose()?;
        if before.is_none() {
            self.standing.rows += 1;
        }
        if let Change::Remove { .. } = change {
            let key = removed_key(revision, &place);
            self.removed.insert(&key[..], &seal(&key, &[])[..])?;
        }
        Ok(before.map(encoding::decode_row).transpose()?.flatten())
    }

    /// After so many commits, the newest of which was made then.
    fn compact(&mut self, options: &StoreOptions, newest_at: Timestamp, made: u64) -> Result<(), Fault> {
        let mut aged_left = made * rules::AGED_PER_COMMIT_MAX;
        while let Some(excess) = self.retained(options, newest_at, aged_left)?.excess(options) {
            aged_left -= u64::from(excess == Excess::Age);
            self.drop_oldest()?;
        }
        self.forget_removed()
    }

    fn retained(
        &self,
        options: &StoreOptions,
        newest_at: Timestamp,
        aged_left: u64,
    ) -> Result<Retained, Fault> {
        let age = options.commits_age_max.map(|_| self.age(newest_at)).transpose()?;
        let len = self.standing.head - self.standing.compacted;
        Ok(Retained { len, bytes: self.standing.commits_weight, age, aged_left })
    }

    fn age(&self, newest_at: Timestamp) -> Result<Duration, Fault> {
        let mut failed = None;
        let made = (self.standing.compacted + 1..=self.standing.head).map_while(|revision| {
            let header = self.header(Revision(revision)).map_err(|fault| failed = Some(fault)).ok()?;
            Some(Timestamp(header.at))
        });
        let age = rules::age(made, newest_at);
        failed.map_or(Ok(age), Err)
    }

    fn header(&self, revision: Revision) -> Result<rows::CommitHeader, Fault> {
        Ok(encoding::decode_header(&read::part(&self.commits, revision, 0)?)?)
    }

    fn drop_oldest(&mut self) -> Result<(), Fault> {
        let oldest = Revision(self.standing.compacted).next();
        let header = self.header(oldest)?;
        for number in 0..header.parts {
            self.commits.remove(&part_key(oldest, number)[..])?;
        }
        for number in 0..header.before_parts {
            self.before.remove(&part_key(oldest, number)[..])?;
        }
        self.standing.compacted = oldest.0;
        self.standing.commits_weight -= header.weight + header.before_weight;
        Ok(())
    }

    /// Removals of commits that are no longer kept.
    fn forget_removed(&mut self) -> Result<(), Fault> {
        let end = Revision(self.standing.compacted).next().0.to_be_bytes();
        let mut forgotten = Vec::new();
        for row in self.removed.range::<&[u8]>(..&end[..])? {
            forgotten.push(row?.0.value().to_vec());
        }
        for key in forgotten {
            self.removed.remove(&key[..])?;
            self.forget_row(place_of_removed(&key)?)?;
        }
        Ok(())
    }

    /// It may be back since, or have been removed again.
    fn forget_row(&mut self, place: &[u8]) -> Result<(), Fault> {
        let row = self.records.get(place)?.map(|row| unseal_bytes(place, row.value())).transpose()?;
        let Some(row) = row else { return Ok(()) };
        let is_forgotten = encoding::decode_row_changed(&row)?.0 <= self.standing.compacted;
        if is_forgotten && encoding::decode_row(row)?.is_none() {
            self.records.remove(place)?;
            self.standing.rows -= 1;
        }
        Ok(())
    }
}
