//! The tables of the file, and rows that tell when they were damaged.
//!
//! The database checks its pages after a crash only. So each row is sealed: a checksum over its key and its value goes
//! before the value. Bytes that came back different are found when they are read, and never served.

use bytes::Bytes;
use mainsheet_api::version::Revision;
use redb::TableDefinition;

use super::fault::Fault;

/// Bytes to sealed bytes: no type of the database's own, which panics where bytes do not fit it.
pub(super) type Rows = TableDefinition<'static, &'static [u8], &'static [u8]>;

/// [`FORMAT`](super::FORMAT) and [`STANDING`]. This table, its name and the format's row are the same in every format.
pub(super) const META: Rows = TableDefinition::new("meta");
/// What each source says of each key: `Row` by `encode_place`.
pub(super) const RECORDS: Rows = TableDefinition::new("records");
/// Rows of `RECORDS` that say that a record was removed: nothing, by revision and place.
pub(super) const REMOVED: Rows = TableDefinition::new("removed");
/// `CommitPart` by revision and part.
pub(super) const COMMITS: Rows = TableDefinition::new("commits");
/// What the commits of `COMMITS` replaced: `BeforePart` by revision and part. From format 2 on.
pub(super) const BEFORE: Rows = TableDefinition::new("before");
/// The status area: values as they are, by key.
pub(super) const STATUS: Rows = TableDefinition::new("status");

/// Key of the row of `META` with the format's number, as 4 bytes, the highest first.
pub(super) const FORMAT_KEY: &[u8] = b"format";
/// Key of the row of `META` with where the store stands.
pub(super) const STANDING_KEY: &[u8] = b"standing";

const SEAL_LEN: usize = 8;

fn checksum(key: &[u8], value: &[u8]) -> [u8; SEAL_LEN] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(key.len() as u64).to_le_bytes()).update(key).update(value);
    let mut seal = [0; SEAL_LEN];
    hasher.finalize_xof().fill(&mut seal);
    seal
}

/// A value as it is written.
pub(super) fn seal(key: &[u8], value: &[u8]) -> Vec<u8> {
    [&checksum(key, value)[..], value].concat()
}

/// A value as it was given to [`seal`].
pub(super) fn unseal<'row>(key: &[u8], sealed: &'row [u8]) -> Result<&'row [u8], Fault> {
    match sealed.split_at_checked(SEAL_LEN) {
        Some((seal, value)) if seal == checksum(key, value) => Ok(value),
        _ => Err(Fault::damaged(format!("row `{}` does not match its checksum", key.escape_ascii()))),
    }
}

/// [`unseal`], copied once into bytes that what is decoded from it shares.
pub(super) fn unseal_bytes(key: &[u8], sealed: &[u8]) -> Result<Bytes, Fault> {
    unseal(key, sealed).map(Bytes::copy_from_slice)
}

/// Key of a part of a commit; in order of revisions, then parts.
pub(super) fn part_key(revision: Revision, part: u32) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&revision.0.to_be_bytes());
    key[8..].copy_from_slice(&part.to_be_bytes());
    key
}

/// Key of a row of [`REMOVED`]; in order of revisions.
pub(super) fn removed_key(revision: Revision, place: &[u8]) -> Vec<u8> {
    [&revision.0.to_be_bytes()[..], place].concat()
}

/// The place in a key of [`REMOVED`].
pub(super) fn place_of_removed(key: &[u8]) -> Result<&[u8], Fault> {
    key.get(8..).ok_or_else(|| Fault::damaged("row of a removal is too short"))
}
