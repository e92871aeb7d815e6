//! A store out of a backup.

use std::collections::{BTreeMap, BTreeSet};

use mainsheet_api::{change::Change, generated::mainsheet::store::v1 as rows, version::Revision};
use redb::Database;

use super::{
    super::{Backup, backup, encoding, rules},
    fault::Fault,
    table::{BEFORE, COMMITS, META, RECORDS, REMOVED, STATUS, removed_key, seal},
    write::{self, put_parts, put_standing},
};

/// Fills an empty store, in one transaction.
pub(super) fn fill(database: &Database, backup: &Backup) -> Result<(), Fault> {
    let transaction = write::begin(database)?;
    let of = backup.standing();
    let mut standing = rows::Standing {
        head: of.head.0,
        compacted: of.compacted.0,
        lease: of.lease.0,
        unrecorded: of.unrecorded.0,
        ..rows::Standing::default()
    };
    let (mut commits, mut before) = (transaction.open_table(COMMITS)?, transaction.open_table(BEFORE)?);
    for kept in &backup.commits {
        let encoded = backup::encode(kept);
        put_parts(&mut commits, kept.committed.revision, &encoded.parts)?;
        put_parts(&mut before, kept.committed.revision, &encoded.before)?;
        standing.commits_weight += encoded.weight;
    }
    let mut records = transaction.open_table(RECORDS)?;
    let mut places = BTreeSet::new();
    for stored in &backup.state.records {
        let place = encoding::encode_place(&stored.record.source, &stored.record.key);
        let row = encoding::encode_row(stored.changed, &Change::Put(stored.record.clone()));
        records.insert(&place[..], &seal(&place, &row)[..])?;
        places.insert(place);
    }
    let mut removed = transaction.open_table(REMOVED)?;
    let mut forgotten = BTreeMap::new();
    for (revision, place, change) in removals(backup) {
        let key = removed_key(revision, &place);
        removed.insert(&key[..], &seal(&key, &[])[..])?;
        if !places.contains(&place) {
            forgotten.insert(place, encoding::encode_row(revision, change));
        }
    }
    for (place, row) in &forgotten {
        records.insert(&place[..], &seal(place, row)[..])?;
    }
    standing.rows = (places.len() + forgotten.len()) as u64;
    let mut status = transaction.open_table(STATUS)?;
    for (key, value) in &backup.status {
        status.insert(key.as_bytes(), &seal(key.as_bytes(), value)[..])?;
        standing.status_entries += 1;
        standing.status_bytes += rules::status_weight(key, value) as u64;
    }
    drop((commits, before, records, removed, status));
    let mut meta = transaction.open_table(META)?;
    put_standing(&mut meta, &standing)?;
    drop(meta);
    Ok(transaction.commit()?)
}

/// What the commits that are kept removed, the oldest first: a store remembers it as long as them.
fn removals(backup: &Backup) -> impl Iterator<Item = (Revision, Vec<u8>, &Change)> {
    backup.commits.iter().flat_map(|kept| {
        let committed = &kept.committed;
        let removals = committed.changes.iter().filter(|change| matches!(change, Change::Remove { .. }));
        removals
            .map(|change| (committed.revision, encoding::encode_place(change.source(), change.key()), change))
    })
}
