//! What was received and not yet taken in: the newest report of each origin. Receiving goes on while a commit is made;
//! what changes several times meanwhile is kept once.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use mainsheet_api::{
    codec::{Content, Document},
    key::Key,
    limits::{PENDING_BYTES_MAX, PENDING_NAMESPACE_BYTES_MAX},
    planted::{self, Fault},
    resource::SourceName,
    time::Uptime,
};

use super::debounce::Debounce;
use crate::source::{Batch, Completeness, Extent, LastWritten, Report, is_below, is_prefix};

/// Namespaces by origin.
type Namespaces = HashMap<String, BTreeSet<Arc<str>>>;

/// Reports by source and origin, the newest of each.
#[derive(Debug)]
pub(crate) struct Pending {
    quiet: Duration,
    delay_max: Duration,
    sources: BTreeMap<SourceName, OfSource>,
    /// The source that was served last; the next one's turn comes first.
    last: Option<SourceName>,
    /// What was taken and is not published yet.
    taken: Option<(SourceName, Namespaces)>,
    bytes: usize,
}

#[derive(Debug)]
struct OfSource {
    is_whole: bool,
    reports: BTreeMap<String, Waiting>,
    debounce: Debounce,
    bytes_of: HashMap<Arc<str>, usize>,
}

#[derive(Debug)]
struct Waiting {
    report: Report,
    bytes: usize,
    namespaces: BTreeSet<Arc<str>>,
    is_at_once: bool,
}

/// What is to be taken in next, of one source.
#[derive(Debug)]
pub(crate) struct Round {
    pub(crate) source: SourceName,
    /// Whether origins that are not reported are gone.
    pub(crate) is_whole: bool,
    pub(crate) reports: Vec<Report>,
    /// Keys whose removal the shrink guard has let go.
    pub(crate) released: BTreeSet<Key>,
}

impl Pending {
    pub(crate) fn new(quiet: Duration, delay_max: Duration) -> Self {
        Self { quiet, delay_max, sources: BTreeMap::new(), last: None, taken: None, bytes: 0 }
    }

    /// Other times, for what waits already, too.
    pub(crate) fn set_times(&mut self, quiet: Duration, delay_max: Duration) {
        (self.quiet, self.delay_max) = (quiet, delay_max);
        self.sources.values_mut().for_each(|source| source.debounce.set_times(quiet, delay_max));
    }

    /// Takes in a batch. `known` tells the namespaces of what is served from an origin: a report that says it is gone
    /// concerns those.
    pub(crate) fn receive<'a>(
        &mut self,
        batch: Batch,
        now: Uptime,
        known: impl Fn(&str) -> BTreeSet<Arc<str>> + 'a,
    ) {
        let (quiet, delay_max) = (self.quiet, self.delay_max);
        let taken = self.taken.as_ref().filter(|(of, _)| *of == batch.source).map(|(_, taken)| taken);
        let source = self.sources.entry(batch.source).or_insert_with(|| OfSource {
            is_whole: false,
            reports: BTreeMap::new(),
            debounce: Debounce::new(quiet, delay_max),
            bytes_of: HashMap::new(),
        });
        let mut reports = batch.reports;
        if batch.extent == Extent::Whole {
            let kept = source.take_untold(&reports);
            self.bytes -= source.clear();
            source.is_whole = true;
            // What waits of an origin of which this batch can't tell is the newest that there is of it.
            let known: HashSet<&str> = kept.iter().map(|waiting| waiting.report.origin.as_str()).collect();
            reports.retain(|report| !known.contains(report.origin.as_str()));
            for waiting in kept {
                source.insert(waiting, now);
            }
        }
        for report in reports {
            let mut namespaces = known(&report.origin);
            let in_flight = taken.and_then(|taken| taken.get(&report.origin));
            namespaces.extend(in_flight.into_iter().flatten().cloned());
            namespaces.extend(report.documents.iter().filter_map(namespace_of));
            if namespaces.is_empty() {
                namespaces.insert(Arc::from(""));
            }
            let bytes = bytes_of(&report);
            let is_at_once = batch.extent != Extent::Loose && !planted::is(Fault::AtomicInPieces);
            self.bytes -= source.insert(Waiting { report, bytes, namespaces, is_at_once }, now);
            self.bytes += bytes;
        }
    }

    /// Whether nothing more is to be received for now.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= PENDING_BYTES_MAX
    }

    /// Bytes and origins that wait.
    pub(crate) fn depth(&self) -> (usize, usize) {
        (self.bytes, self.sources.values().map(|source| source.reports.len()).sum())
    }

    /// When the next round is due; `Some` of the past where one is due now.
    pub(crate) fn next(&self) -> Option<Uptime> {
        self.sources.values().filter_map(OfSource::next).min()
    }

    /// Takes what is due of one source, the sources in turn.
    pub(crate) fn take(&mut self, now: Uptime) -> Option<Round> {
        let is_full = self.is_full();
        let is_due =
            |(_, source): &(&SourceName, &OfSource)| is_full || source.next().is_some_and(|due| due <= now);
        let due: Vec<SourceName> = self.sources.iter().filter(is_due).map(|(name, _)| name.clone()).collect();
        let after_last = due.iter().find(|name| self.last.as_ref().is_none_or(|last| *name > last));
        let name = after_last.or(due.first())?.clone();
        let round = self.take_of(&name, if is_full { Take::Everything } else { Take::Due(now) });
        self.last = Some(name);
        Some(round)
    }

    /// What was taken last is published: `known` tells of it from here on.
    pub(crate) fn published(&mut self) {
        self.taken = None;
    }

    /// Takes all that waits of one source, due or not.
    pub(crate) fn take_all(&mut self, name: &SourceName) -> Round {
        self.take_of(name, Take::Everything)
    }

    fn take_of(&mut self, name: &SourceName, take: Take) -> Round {
        let empty =
            Round { source: name.clone(), is_whole: false, reports: Vec::new(), released: BTreeSet::new() };
        let Some(source) = self.sources.get_mut(name) else { return empty };
        let is_whole = std::mem::take(&mut source.is_whole);
        let taken = source.take(if is_whole { Take::Everything } else { take });
        self.bytes -= taken.iter().map(|waiting| waiting.bytes).sum::<usize>();
        let (reports, namespaces): (Vec<_>, Namespaces) = taken.into_iter().map(Waiting::split).unzip();
        self.taken = Some((name.clone(), namespaces));
        Round { is_whole, reports, ..empty }
    }
}

impl Waiting {
    fn split(self) -> (Report, (String, BTreeSet<Arc<str>>)) {
        let origin = self.report.origin.clone();
        (self.report, (origin, self.namespaces))
    }
}

#[derive(Clone, Copy)]
enum Take {
    Everything,
    Due(Uptime),
}

impl OfSource {
    /// Returns the bytes that this sets free.
    fn insert(&mut self, waiting: Waiting, now: Uptime) -> usize {
        for namespace in &waiting.namespaces {
            let bytes = self.bytes_of.entry(Arc::clone(namespace)).or_default();
            *bytes += waiting.bytes;
            if !waiting.is_at_once {
                self.debounce.touch(namespace, now);
                if *bytes > PENDING_NAMESPACE_BYTES_MAX {
                    self.debounce.cut_short(namespace);
                }
            }
        }
        let replaced = self.reports.remove(&waiting.report.origin);
        let mut waiting = waiting;
        if let Some(replaced) = &replaced {
            waiting.is_at_once |= replaced.is_at_once;
            if replaced.report.written == Some(LastWritten::SinceTold) {
                waiting.report.written = replaced.report.written;
            }
            self.forget(replaced);
        }
        self.reports.insert(waiting.report.origin.clone(), waiting);
        replaced.map_or(0, |replaced| replaced.bytes)
    }

    fn forget(&mut self, waiting: &Waiting) {
        for namespace in &waiting.namespaces {
            if let Some(bytes) = self.bytes_of.get_mut(namespace) {
                *bytes -= waiting.bytes;
                if *bytes == 0 {
                    self.bytes_of.remove(namespace);
                }
            }
        }
    }

    /// Returns the bytes that this sets free.
    fn clear(&mut self) -> usize {
        self.take(Take::Everything).iter().map(|waiting| waiting.bytes).sum()
    }

    /// Takes what waits of origins of which these reports say nothing but that they are there, or may be.
    fn take_untold(&mut self, reports: &[Report]) -> Vec<Waiting> {
        let says_nothing =
            |report: &&Report| report.completeness == Completeness::Partial && report.documents.is_empty();
        let origins = reports.iter().filter(says_nothing).map(|report| report.origin.as_str());
        let (prefixes, origins): (Vec<&str>, Vec<&str>) = origins.partition(|origin| is_prefix(origin));
        let origins: HashSet<&str> = origins.into_iter().collect();
        let is_untold =
            |origin: &str| origins.contains(origin) || prefixes.iter().any(|prefix| is_below(origin, prefix));
        let untold: Vec<_> = self.reports.extract_if(.., |origin, _| is_untold(origin)).collect();
        untold.iter().for_each(|(_, waiting)| self.forget(waiting));
        untold.into_iter().map(|(_, waiting)| waiting).collect()
    }

    fn take(&mut self, take: Take) -> Vec<Waiting> {
        let is_taken: Box<dyn Fn(&Waiting) -> bool> = match take {
            Take::Everything => {
                self.debounce.clear();
                Box::new(|_| true)
            }
            Take::Due(now) => {
                let due = self.take_due(now);
                Box::new(move |waiting| waiting.is_at_once || !waiting.namespaces.is_disjoint(&due))
            }
        };
        let taken: Vec<_> =
            self.reports.extract_if(.., |_, waiting| is_taken(waiting)).map(|(_, waiting)| waiting).collect();
        for waiting in &taken {
            self.forget(waiting);
        }
        taken
    }

    /// Takes the namespaces that are due, and those that loose reports tie to them: a key that moves between two reports
    /// must not be removed with the one before it comes with the other.
    fn take_due(&mut self, now: Uptime) -> BTreeSet<Arc<str>> {
        let mut due: BTreeSet<_> = self.debounce.take_due(now).into_iter().collect();
        let mut apart: Vec<&Waiting> = self.reports.values().collect();
        while !due.is_empty() {
            let tied = apart.extract_if(.., |waiting| !waiting.namespaces.is_disjoint(&due));
            let tied: Vec<_> = tied.flat_map(|waiting| waiting.namespaces.iter().cloned()).collect();
            if tied.is_empty() {
                break;
            }
            due.extend(tied);
        }
        due.iter().for_each(|namespace| self.debounce.forget(namespace));
        due
    }

    fn next(&self) -> Option<Uptime> {
        let is_at_once = self.is_whole || self.reports.values().any(|waiting| waiting.is_at_once);
        if is_at_once { Some(Uptime::default()) } else { self.debounce.next() }
    }
}

fn namespace_of(document: &Document) -> Option<Arc<str>> {
    match &document.content {
        Content::Resource { resource, .. } => Some(Arc::clone(&resource.key.namespace)),
        Content::Rejected { key, .. } => key.as_ref().map(|key| Arc::clone(&key.namespace)),
        Content::Ignored { .. } => None,
    }
}

/// About what a report takes up: bodies, and about as much as a document's maps and positions do beside them.
fn bytes_of(report: &Report) -> usize {
    const DOCUMENT: usize = 1024;
    let of_document = |document: &Document| match &document.content {
        Content::Resource { resource, .. } => DOCUMENT + resource.body.value.len(),
        Content::Rejected { .. } | Content::Ignored { .. } => DOCUMENT,
    };
    report.origin.len() + report.documents.iter().map(of_document).sum::<usize>()
}

#[cfg(test)]
mod tests;
