//! Chunks: neighbouring entries in one run of bytes, shared by every answer that holds them.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use mainsheet_api::{
    limits::CHUNK_BYTES_TARGET,
    version::VersionSum,
    wire::{Entry, put_sotw_resource},
};
use prost::encoding::{encoded_len_varint, key_len};

use crate::snapshot::Held;

/// Bytes below which a chunk is joined with a neighbour: without it, removals would leave crumbs, and a full answer
/// would go out in ever more and ever smaller pieces.
pub(crate) const CHUNK_BYTES_MIN: usize = CHUNK_BYTES_TARGET / 4;

/// An entry that is served, with what is known of it.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) held: Arc<Held>,
    /// As clients know it.
    pub(crate) name: Arc<str>,
    /// The encoded Any; a slice of the chunk's bytes once it is in one.
    pub(crate) any: Bytes,
    /// How long a client may use it after it heard of it.
    pub(crate) ttl: Option<Duration>,
}

impl Item {
    pub(crate) fn entry(&self) -> Entry {
        Entry {
            name: self.name.clone(),
            version: self.held.version.clone(),
            any: self.any.clone(),
            ttl: self.ttl,
        }
    }

    /// What it adds to the version of all that it is among.
    pub(crate) fn sum(&self) -> VersionSum {
        VersionSum::of_entry(&self.name, &self.held.version)
    }

    /// Bytes that it takes as a `resources` field.
    fn field_len(&self) -> usize {
        // All fields that a response has are numbered below 16, so their tags are one byte.
        key_len(1) + encoded_len_varint(self.any.len() as u64) + self.any.len()
    }
}

/// A run of neighbouring entries, encoded as `resources` of a SotW response. Never empty, never changed.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// All entries, ready to send. The only copy of their bytes.
    pub(crate) bytes: Bytes,
    /// In order of names.
    pub(crate) items: Vec<Item>,
}

impl Chunk {
    fn of(items: &[Item]) -> Self {
        let len = items.iter().map(Item::field_len).sum();
        let mut buffer = BytesMut::with_capacity(len);
        let ends: Vec<usize> = items
            .iter()
            .map(|item| {
                put_sotw_resource(&mut buffer, &item.any);
                buffer.len()
            })
            .collect();
        let bytes = buffer.freeze();
        let items = items
            .iter()
            .zip(ends)
            .map(|(item, end)| Item { any: bytes.slice(end - item.any.len()..end), ..item.clone() })
            .collect();
        Self { bytes, items }
    }

    pub(crate) fn first(&self) -> &str {
        &self.items[0].name
    }

    pub(crate) fn last(&self) -> &str {
        &self.items[self.items.len() - 1].name
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Item> {
        self.place_of(name).map(|place| &self.items[place])
    }

    /// One entry as a `resources` field: a slice of the chunk's bytes.
    pub(crate) fn field_of(&self, name: &str) -> Option<Bytes> {
        let place = self.place_of(name)?;
        let start: usize = self.items[..place].iter().map(Item::field_len).sum();
        Some(self.bytes.slice(start..start + self.items[place].field_len()))
    }

    fn place_of(&self, name: &str) -> Option<usize> {
        self.items.binary_search_by(|item| (*item.name).cmp(name)).ok()
    }
}

/// Cuts entries into chunks of about [`CHUNK_BYTES_TARGET`], none below [`CHUNK_BYTES_MIN`] unless all of them together are.
pub(crate) fn cut(items: &[Item]) -> impl Iterator<Item = Chunk> {
    let lens: Vec<usize> = items.iter().map(Item::field_len).collect();
    ends(&lens).into_iter().scan(0, |start, end| {
        let chunk = Chunk::of(&items[*start..end]);
        *start = end;
        Some(chunk)
    })
}

/// Bytes that entries take as `resources` fields.
pub(crate) fn len_of(items: &[Item]) -> usize {
    items.iter().map(Item::field_len).sum()
}

/// Where to cut: parts of even size, so that what is inserted in the middle next does not split at once again.
fn ends(lens: &[usize]) -> Vec<usize> {
    let whole: usize = lens.iter().sum();
    let parts = ((whole + CHUNK_BYTES_TARGET / 2) / CHUNK_BYTES_TARGET).max(1);
    let goal = whole.div_ceil(parts);
    let (mut ends, mut part) = (Vec::new(), 0);
    for (index, len) in lens.iter().enumerate() {
        part += len;
        if part >= goal {
            ends.push(index + 1);
            part = 0;
        }
    }
    if part > 0 {
        if part < CHUNK_BYTES_MIN {
            ends.pop();
        }
        ends.push(lens.len());
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_are_even_and_leave_no_crumbs() {
        assert_eq!(ends(&[]), [0; 0]);
        assert_eq!(ends(&[10]), [1]);
        assert_eq!(ends(&[CHUNK_BYTES_TARGET; 3]), [1, 2, 3]);
        assert_eq!(ends(&[1024; 96]), [48, 96]);
        assert_eq!(ends(&[CHUNK_BYTES_TARGET, 10]), [2]);
        assert_eq!(ends(&[10, 40 * CHUNK_BYTES_TARGET, 10]), [3]);
    }
}
