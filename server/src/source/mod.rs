//! Where configuration comes from. A source watches something outside and tells the intake what it sees; it knows
//! nothing of stores or streams, and decides nothing of what is accepted.
//!
//! What a source tells is about *origins* (a file, a cluster's object, an upstream): "origin X now holds these
//! documents". Which keys have gone is worked out by the intake, against what the source's layer holds from that origin.
//! So a source needs no memory that a restart could lose.

pub mod file;
pub mod upstream;

use std::{sync::Arc, time::Duration};

use mainsheet_api::{
    codec::{Defaults, Document, UnknownFields},
    resource::SourceName,
    time::{Clock, Timestamp},
};
use tokio::sync::{mpsc, watch::Receiver};

use crate::source_health::SourceHealth;

/// How a source reads documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentOptions {
    /// The namespace of those that name none.
    pub default_namespace: String,
    /// What becomes of those with fields that their kind does not have.
    pub unknown_fields: UnknownFields,
    /// How long those live that do not say so themselves, unless they are written again.
    pub ttl: Option<Duration>,
}

impl Default for DocumentOptions {
    fn default() -> Self {
        Self { default_namespace: "default".to_owned(), unknown_fields: UnknownFields::default(), ttl: None }
    }
}

impl DocumentOptions {
    pub(crate) fn defaults(&self) -> Defaults<'_> {
        Defaults { namespace: &self.default_namespace, scope: "", unknown_fields: self.unknown_fields }
    }
}

/// What a source is connected to.
#[derive(Clone)]
pub struct SourceParts {
    /// To the intake.
    pub batches: mpsc::Sender<Batch>,
    /// For whoever inspects.
    pub health: SourceHealth,
    /// Changes when everything is to be told again.
    pub retell: Receiver<()>,
    /// For what takes its time.
    pub clock: Arc<dyn Clock>,
}

/// Reports that are to be taken in together.
#[derive(Debug)]
pub struct Batch {
    /// Which source.
    pub source: SourceName,
    /// How far they go.
    pub extent: Extent,
    /// At most one for each origin.
    pub reports: Vec<Report>,
}

/// How far a batch goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All that the source has: origins that are not mentioned are gone. The first batch of a source is one; later
    /// ones are resyncs (a remount, a folder that came back). Commits whole; the shrink guard looks at it.
    Whole,
    /// These origins, known to have changed at one instant (a symlink swap). Commits whole and at once.
    Atomic,
    /// These origins, seen to change one by one. Debounced for each namespace. Removals are explicit and never guarded.
    Loose,
}

/// What one origin holds now.
#[derive(Debug)]
pub struct Report {
    /// A path below the source, for files. One that is empty or ends in `/` stands for all origins that begin with it,
    /// in a partial report of a [`Extent::Whole`] batch: a folder that could not be looked at.
    pub origin: String,
    /// What it holds; empty for one that is gone.
    pub documents: Vec<Document>,
    /// Whether `documents` is all. Where it could not be read whole (a half-written file), what the layer holds from
    /// this origin stays until it can.
    pub completeness: Completeness,
    /// When it was last written, of sources that can tell: what is written again renews its leases.
    pub written: Option<LastWritten>,
}

/// When an origin was last written, whether its content changed or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastWritten {
    /// Since it was last told of.
    SinceTold,
    /// At this moment of the calendar.
    At(Timestamp),
}

impl LastWritten {
    /// Whether it was written after a moment that is past. Who says that it will be written has another clock, or one
    /// that was set: that is not known to be after anything.
    pub(crate) fn is_after(self, moment: Timestamp, now: Timestamp) -> bool {
        match self {
            Self::SinceTold => true,
            Self::At(at) => moment < at && at <= now,
        }
    }
}

/// Whether a report tells all of its origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// Keys that it does not mention are gone.
    Whole,
    /// Keys that it does not mention stay.
    Partial,
}

/// Whether an origin is one that a prefix (`shop/`, or the empty one) or an origin (`a.yaml`) names.
pub(crate) fn is_below(origin: &str, prefix: &str) -> bool {
    origin == prefix || is_prefix(prefix) && origin.starts_with(prefix)
}

/// Whether a report's origin stands for all origins that begin with it.
pub(crate) fn is_prefix(origin: &str) -> bool {
    origin.is_empty() || origin.ends_with('/')
}
