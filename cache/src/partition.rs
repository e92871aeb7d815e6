//! Partitions: the entries of one (kind, namespace, audience), in chunks. What a view sees is a set of them.

use std::{cmp::Ordering, iter::Peekable, sync::Arc};

use bytes::Bytes;
use mainsheet_api::{version::VersionSum, view::Audience};

use crate::chunk::{CHUNK_BYTES_MIN, Chunk, Item, cut, len_of};

/// Where a partition is within its kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PartitionKey {
    pub(crate) namespace: Arc<str>,
    pub(crate) audience: Audience,
}

/// The entries of one (kind, namespace, audience). Never changed; a changed one shares the chunks that are the same.
#[derive(Debug, Default)]
pub(crate) struct Partition {
    /// In order of names.
    pub(crate) chunks: Vec<Arc<Chunk>>,
    /// Entries in all chunks.
    pub(crate) len: usize,
    /// The version of all of them together.
    pub(crate) sum: VersionSum,
}

/// By identity: a partition is changed exactly when it is another one.
impl PartialEq for Partition {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

/// What becomes of one name in a partition.
#[derive(Debug)]
pub(crate) enum Edit {
    Put(Item),
    Remove(Arc<str>),
}

impl Edit {
    pub(crate) fn name(&self) -> &Arc<str> {
        match self {
            Self::Put(item) => &item.name,
            Self::Remove(name) => name,
        }
    }
}

impl Partition {
    pub(crate) fn get(&self, name: &str) -> Option<&Item> {
        self.chunk_of(name)?.get(name)
    }

    /// One entry as a `resources` field, in shared bytes.
    pub(crate) fn field_of(&self, name: &str) -> Option<Bytes> {
        self.chunk_of(name)?.field_of(name)
    }

    /// The only chunk that may have it.
    fn chunk_of(&self, name: &str) -> Option<&Chunk> {
        let after = self.chunks.partition_point(|chunk| chunk.first() <= name);
        Some(&self.chunks[after.checked_sub(1)?])
    }

    /// Its entries in order of names, from behind a name on.
    pub(crate) fn items_after<'a>(&'a self, name: Option<&str>) -> impl Iterator<Item = &'a Item> + use<'a> {
        let name = name.unwrap_or_default();
        let first = self.chunks.partition_point(|chunk| chunk.last() <= name);
        let rest = &self.chunks[first..];
        let skipped = rest.first().map_or(0, |chunk| chunk.items.partition_point(|item| *item.name <= *name));
        rest.iter().flat_map(|chunk| &chunk.items).skip(skipped)
    }

    /// This partition with edits made, which are in order of names, one each.
    pub(crate) fn edited(&self, edits: Vec<Edit>) -> Self {
        let mut builder = Builder::default();
        let mut edits = edits.into_iter().peekable();
        if self.chunks.is_empty() {
            builder.edit(&[], edits);
            return builder.finish(self.sum);
        }
        for (index, chunk) in self.chunks.iter().enumerate() {
            let next = self.chunks.get(index + 1).map(|chunk| chunk.first());
            let mut own = Vec::new();
            while let Some(edit) = edits.next_if(|edit| next.is_none_or(|next| **edit.name() < *next)) {
                own.push(edit);
            }
            if own.is_empty() {
                builder.keep(chunk)
            } else {
                builder.edit(&chunk.items, own.into_iter().peekable())
            }
        }
        builder.finish(self.sum)
    }
}

/// Collects chunks from left to right: whole ones that stay, and a run of entries that is still to be cut.
#[derive(Default)]
struct Builder {
    chunks: Vec<Arc<Chunk>>,
    run: Vec<Item>,
    added: VersionSum,
    removed: VersionSum,
}

impl Builder {
    fn keep(&mut self, chunk: &Arc<Chunk>) {
        if self.run.is_empty() || len_of(&self.run) >= CHUNK_BYTES_MIN {
            self.cut_run();
            self.chunks.push(chunk.clone());
        } else {
            self.run.extend(chunk.items.iter().cloned());
        }
    }

    fn edit(&mut self, items: &[Item], mut edits: Peekable<impl Iterator<Item = Edit>>) {
        for item in items {
            while let Some(edit) = edits.next_if(|edit| edit.name() < &item.name) {
                self.apply(edit);
            }
            match edits.next_if(|edit| edit.name().cmp(&item.name) == Ordering::Equal) {
                Some(edit) => {
                    self.removed = self.removed.plus(item.sum());
                    self.apply(edit);
                }
                None => self.run.push(item.clone()),
            }
        }
        edits.for_each(|edit| self.apply(edit));
    }

    fn apply(&mut self, edit: Edit) {
        if let Edit::Put(item) = edit {
            self.added = self.added.plus(item.sum());
            self.run.push(item);
        }
    }

    fn cut_run(&mut self) {
        self.chunks.extend(cut(&self.run).map(Arc::new));
        self.run.clear();
    }

    fn finish(mut self, before: VersionSum) -> Partition {
        let is_crumb = !self.run.is_empty() && len_of(&self.run) < CHUNK_BYTES_MIN;
        if let Some(last) = self.chunks.pop_if(|_| is_crumb) {
            self.run.splice(0..0, last.items.iter().cloned());
        }
        self.cut_run();
        let len = self.chunks.iter().map(|chunk| chunk.items.len()).sum();
        Partition { chunks: self.chunks, len, sum: before.plus(self.added).minus(self.removed) }
    }
}
