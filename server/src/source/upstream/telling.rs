//! What is told of a server: updates in, batches out. No I/O.
//!
//! The first batch is whole: it waits until every kind was answered to its end. From then on what is put is told at once, by
//! response. What is gone is told by response, too, as long as a stream lasts. After a new stream it is told once every kind
//! was answered to its end, as a whole batch: a server that came back empty is no order to delete, and the intake's shrink
//! guard looks at it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use mainsheet_api::{
    kind::Kind,
    resource::SourceName,
    version::{ResourceVersion, VersionSum},
};

use super::read::{Told, origin};
use crate::source::{Batch, Completeness, Extent, Report};

/// What is told of one server.
#[derive(Debug)]
pub(super) struct Telling {
    source: SourceName,
    kinds: BTreeMap<Kind, OfKind>,
    /// Until the first whole batch: what will be in it, by origin.
    gathered: Option<BTreeMap<String, Report>>,
}

/// One kind.
#[derive(Debug, Default)]
struct OfKind {
    /// All that the server has, as far as it has said: names and versions, refused ones included.
    offered: BTreeMap<Arc<str>, ResourceVersion>,
    /// Of `offered`.
    sum: VersionSum,
    /// What was refused, with what is held of it.
    refused: BTreeMap<Arc<str>, Option<ResourceVersion>>,
    /// What the server no longer has, and is not told yet.
    gone: BTreeSet<Arc<str>>,
    /// What was refused on an earlier stream and not offered on this one so far.
    doubtful: BTreeSet<Arc<str>>,
    /// Whether this stream has answered it to the end.
    is_answered: bool,
}

/// A response of one kind that was read.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) kind: Kind,
    pub(super) told: Vec<Told>,
    pub(super) removed: Vec<Arc<str>>,
    pub(super) end: End,
}

/// How it is known whether a response ends the answer to a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It does.
    Here,
    /// It does where the server's set has this version: mainsheet cuts long delta answers, and gives each part the version of
    /// the whole set.
    At(String),
}

impl Telling {
    /// `held` is in the store already, at these versions.
    pub(super) fn new(
        source: SourceName,
        kinds: &[Kind],
        held: impl IntoIterator<Item = (Kind, Arc<str>, ResourceVersion)>,
    ) -> Self {
        let kinds = kinds.iter().map(|kind| (*kind, OfKind::default())).collect();
        let mut telling = Self { source, kinds, gathered: Some(BTreeMap::new()) };
        for (kind, name, version) in held {
            if let Some(of) = telling.kinds.get_mut(&kind) {
                of.offer(name, version);
            }
        }
        telling
    }

    /// A stream is open: every kind will be answered anew. Of what was refused, the server is not told that it is known.
    pub(super) fn on_connected(&mut self) {
        for of in self.kinds.values_mut() {
            of.is_answered = false;
            for (name, held) in std::mem::take(&mut of.refused) {
                match held {
                    Some(version) => of.offer(name, version),
                    None => {
                        of.withdraw(&name);
                        of.doubtful.insert(name);
                    }
                }
            }
        }
    }

    /// Takes a response in; returns what is to be told.
    pub(super) fn on_response(&mut self, response: Response) -> Option<Batch> {
        let Response { kind, told, removed, end } = response;
        let is_resync = !self.is_answered();
        let of = self.kinds.get_mut(&kind)?;
        let mut reports = Vec::new();
        for Told { received, report, refusal } in told {
            of.take(&received.name, received.version, refusal.is_some());
            reports.push(report);
        }
        for name in removed {
            of.withdraw(&name);
            match is_resync {
                true => drop(of.gone.insert(name)),
                false => reports.push(gone(kind, &name)),
            }
        }
        if !of.is_answered && of.is_at(&end) {
            of.is_answered = true;
            of.gone.append(&mut of.doubtful);
        }
        let ends_resync = is_resync && self.is_answered();
        if let Some(gathered) = &mut self.gathered {
            gathered.extend(reports.into_iter().map(|report| (report.origin.clone(), report)));
            return ends_resync.then(|| self.first());
        }
        let is_less = self.kinds.values().any(|of| !of.gone.is_empty());
        match ends_resync && is_less {
            true => Some(self.resync(reports)),
            false if reports.is_empty() => None,
            false => Some(self.batch(Extent::Atomic, reports)),
        }
    }

    /// Says that nothing is known for now, and that nothing is to be waited for: what the store has stays.
    pub(super) fn nothing_known(&self) -> Batch {
        let everything = unchanged(String::new());
        self.batch(Extent::Whole, vec![everything])
    }

    /// How many resources the server has, as far as it has said.
    pub(super) fn len(&self) -> usize {
        self.kinds.values().map(|of| of.offered.len()).sum()
    }

    /// Whether this stream has answered every kind to its end.
    fn is_answered(&self) -> bool {
        self.kinds.values().all(|of| of.is_answered)
    }

    /// Everything, as told for the first time. What was held and is not mentioned is gone.
    fn first(&mut self) -> Batch {
        let gathered = self.gathered.take().unwrap_or_default();
        self.whole(gathered)
    }

    /// Everything, as it is after a new stream. What was put on it before was told before, and stays.
    fn resync(&mut self, reports: Vec<Report>) -> Batch {
        self.whole(reports.into_iter().map(|report| (report.origin.clone(), report)).collect())
    }

    fn whole(&mut self, mut reports: BTreeMap<String, Report>) -> Batch {
        for (kind, of) in &mut self.kinds {
            for name in std::mem::take(&mut of.gone) {
                reports.remove(&origin(*kind, &name));
            }
            for name in of.offered.keys() {
                let origin = origin(*kind, name);
                reports.entry(origin).or_insert_with_key(|origin| unchanged(origin.clone()));
            }
        }
        self.batch(Extent::Whole, reports.into_values().collect())
    }

    fn batch(&self, extent: Extent, reports: Vec<Report>) -> Batch {
        Batch { source: self.source.clone(), extent, reports }
    }
}

impl OfKind {
    fn take(&mut self, name: &Arc<str>, version: ResourceVersion, is_refused: bool) {
        if is_refused {
            // Refused again, it still is the version before the first refusal that is held.
            let held = self.offered.get(name).cloned();
            self.refused.entry(Arc::clone(name)).or_insert(held);
        } else {
            self.refused.remove(name);
        }
        self.gone.remove(name);
        self.doubtful.remove(name);
        self.offer(Arc::clone(name), version);
    }

    fn offer(&mut self, name: Arc<str>, version: ResourceVersion) {
        self.withdraw_offer(&name);
        self.sum = self.sum.plus(VersionSum::of_entry(&name, &version));
        self.offered.insert(name, version);
    }

    fn withdraw(&mut self, name: &Arc<str>) {
        self.withdraw_offer(name);
        self.refused.remove(name);
    }

    fn withdraw_offer(&mut self, name: &Arc<str>) {
        if let Some(version) = self.offered.remove(name) {
            self.sum = self.sum.minus(VersionSum::of_entry(name, &version));
        }
    }

    fn is_at(&self, end: &End) -> bool {
        match end {
            End::Here => true,
            End::At(version) => self.sum.to_string() == *version,
        }
    }
}

/// Of a resource that the server no longer has.
fn gone(kind: Kind, name: &str) -> Report {
    Report { completeness: Completeness::Whole, ..unchanged(origin(kind, name)) }
}

/// Of a resource that is as it was when it was told.
fn unchanged(origin: String) -> Report {
    Report { origin, documents: Vec::new(), completeness: Completeness::Partial, written: None }
}

#[cfg(test)]
mod tests;
