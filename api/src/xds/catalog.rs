//! What a session reads from: one immutable state of everything that is served.

use std::{ops::Range, sync::Arc};

use bytes::{Bytes, BytesMut};

use crate::{
    kind::Kind,
    limits::DELTA_RESPONSE_BYTES_MAX,
    time::Timestamp,
    version::{Revision, VersionSum},
    view::View,
    wire::{Entry, put_delta_resource},
};

/// One immutable state. Cloning shares it.
///
/// Names are unique within (kind, view): what a client sees holds no duplicates (rule 45).
pub trait Catalog: Clone {
    /// Its identity.
    fn revision(&self) -> Revision;

    /// When its newest commit was begun, where that is known.
    fn committed(&self) -> Option<Timestamp> {
        None
    }

    /// The version of a kind as this view sees it: changes exactly when what is seen changes.
    fn version(&self, kind: Kind, view: &View) -> VersionSum;

    /// Everything of a kind that the view sees, as `resources` of a SotW response, ready to send.
    fn full(&self, kind: Kind, view: &View) -> Shared;

    /// One entry by the name that clients use, where the view sees it.
    fn get(&self, kind: Kind, view: &View, name: &str) -> Option<Entry>;

    /// Every entry of a kind that the view sees, in an order that is the same on every server.
    fn for_each(&self, kind: Kind, view: &View, visit: &mut dyn FnMut(Entry));

    /// The entries of a kind that the view sees and that have a time to live, in the same order; none of most kinds.
    fn timed(&self, kind: Kind, view: &View) -> Option<Arc<Vec<Entry>>> {
        let mut timed = Vec::new();
        self.for_each(kind, view, &mut |entry| timed.extend(Some(entry).filter(|entry| entry.ttl.is_some())));
        (!timed.is_empty()).then(|| Arc::new(timed))
    }

    /// What somebody who holds `from` (nothing, where it is `None`) lacks to hold this state. Worked out once for each
    /// step and shared by every stream that makes it.
    fn difference(&self, kind: Kind, view: &View, from: Option<(&Self, &View)>) -> Arc<Difference>;

    /// Whether this state is old enough that holding on to it costs memory that nobody else needs: a session then
    /// keeps names and versions instead.
    fn is_outdated(&self) -> bool;

    /// Bytes of resources after which a session cuts the differences that it makes itself.
    fn page_bytes_max(&self) -> usize {
        DELTA_RESPONSE_BYTES_MAX
    }
}

/// Encoded fields of a response that many streams send.
#[derive(Clone, Debug, Default)]
pub struct Shared {
    /// In order.
    pub pieces: Vec<Bytes>,
    /// Bytes in all pieces.
    pub len: usize,
    /// Entries in all pieces.
    pub count: usize,
}

impl Shared {
    /// Adds the fields of another.
    pub fn append(&mut self, other: Self) {
        self.pieces.extend(other.pieces);
        self.len += other.len;
        self.count += other.count;
    }
}

/// The step from one state to another, for one kind.
#[derive(Debug, Default)]
pub struct Difference {
    /// New, or with another version than before.
    pub changed: Vec<Entry>,
    /// Gone.
    pub removed: Vec<Arc<str>>,
    /// `changed` as `resources` of delta responses, cut where a response gets too large for many clients.
    pub pages: Vec<Page>,
}

/// The part of a difference that fits one delta response.
#[derive(Debug)]
pub struct Page {
    /// Which of [`Difference::changed`].
    pub range: Range<usize>,
    /// Their bytes.
    pub bytes: Shared,
    /// The same with times to live, where one of them has one: for clients that understand them.
    pub timed: Option<Shared>,
}

impl Page {
    /// Its bytes for a client that understands times to live, or for one that does not.
    #[must_use]
    pub fn bytes_with(&self, carries_ttl: bool) -> &Shared {
        self.timed.as_ref().filter(|_| carries_ttl).unwrap_or(&self.bytes)
    }
}

impl Difference {
    /// Of entries and names, cut into pages of at most [`DELTA_RESPONSE_BYTES_MAX`] (an entry larger than that has a
    /// page of its own).
    #[must_use]
    pub fn new(changed: Vec<Entry>, removed: Vec<Arc<str>>) -> Self {
        Self::with_page_bytes(changed, removed, DELTA_RESPONSE_BYTES_MAX)
    }

    /// As [`Difference::new`], with another bound for its pages.
    #[must_use]
    pub fn with_page_bytes(changed: Vec<Entry>, removed: Vec<Arc<str>>, page_bytes_max: usize) -> Self {
        let pages = pages(&changed, page_bytes_max);
        Self { changed, removed, pages }
    }

    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.removed.is_empty()
    }
}

fn pages(changed: &[Entry], bytes_max: usize) -> Vec<Page> {
    let mut pages: Vec<Page> = Vec::new();
    for (index, entry) in changed.iter().enumerate() {
        let mut head = BytesMut::new();
        put_delta_resource(&mut head, entry, None);
        let len = head.len() + entry.any.len();
        let fits = pages.last().is_some_and(|page| page.bytes.len + len <= bytes_max);
        if !fits {
            pages.push(Page { range: index..index, bytes: Shared::default(), timed: None });
        }
        if let Some(page) = pages.last_mut() {
            page.range.end = index + 1;
            page.bytes.pieces.extend([head.freeze(), entry.any.clone()]);
            page.bytes.len += len;
            page.bytes.count += 1;
        }
    }
    for page in &mut pages {
        page.timed = timed(&changed[page.range.clone()]);
    }
    pages
}

/// These entries with their times to live; none where they have none.
fn timed(changed: &[Entry]) -> Option<Shared> {
    changed.iter().find(|entry| entry.ttl.is_some())?;
    let mut shared = Shared::default();
    for entry in changed {
        let mut head = BytesMut::new();
        put_delta_resource(&mut head, entry, entry.ttl);
        shared.len += head.len() + entry.any.len();
        shared.count += 1;
        shared.pieces.extend([head.freeze(), entry.any.clone()]);
    }
    Some(shared)
}
