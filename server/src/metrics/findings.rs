//! Of how many resources and documents something is said, by what it is. Counted when somebody asks.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use mainsheet_api::verdict::{Finding, Severity};
use mainsheet_cache::snapshot::SnapshotCatalog;
use prometheus::{
    core::{Collector, Desc},
    proto::MetricFamily,
};
use tokio::sync::watch;

use super::{OTHER, table};
use crate::{intake::Verdicts, verdicts::AcrossVerdicts};

/// Codes that get a label of their own. There are some 200; those of a store that another version wrote may be others.
const CODES_MAX: usize = 300;

/// Where findings are read from.
pub(crate) struct FindingsRead {
    /// What is served, with what was remarked of each resource by itself.
    pub(crate) newest: watch::Receiver<SnapshotCatalog>,
    /// And in view of others.
    pub(crate) across: watch::Receiver<AcrossVerdicts>,
    /// What is rejected.
    pub(crate) rejected: Verdicts,
}

/// Collects them.
pub(super) struct Findings {
    pub(super) read: FindingsRead,
    pub(super) identity: Desc,
}

impl Findings {
    pub(super) fn new(read: FindingsRead) -> Option<Self> {
        let row = &table::FINDINGS;
        let labels = row.labels.iter().map(ToString::to_string).collect();
        let identity = Desc::new(row.name.into(), row.help.into(), labels, HashMap::new()).ok()?;
        Some(Self { read, identity })
    }
}

impl Collector for Findings {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.identity]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut counts = Counts::default();
        for candidate in self.read.rejected.rejected() {
            counts.add(candidate.findings.iter());
        }
        let (snapshot, across) = (self.read.newest.borrow().clone(), self.read.across.borrow().clone());
        for held in snapshot.0.all_served() {
            counts.add(held.warnings.iter().chain(across.of(&held.key)));
        }
        let gauge = table::gauge_vec(&table::FINDINGS);
        for ((severity, code), count) in counts.0 {
            gauge.with_label_values(&[severity.as_str(), &code]).set(count);
        }
        gauge.collect()
    }
}

/// Resources by severity and code.
#[derive(Default)]
struct Counts(BTreeMap<(Severity, String), i64>);

impl Counts {
    /// Those of one resource, of which each code counts once.
    fn add<'f>(&mut self, findings: impl Iterator<Item = &'f Finding>) {
        let codes: BTreeSet<_> = findings.map(|finding| (finding.severity, &*finding.code)).collect();
        for (severity, code) in codes {
            let key = (severity, code.to_owned());
            let is_known = self.0.len() < CODES_MAX || self.0.contains_key(&key);
            *self.0.entry(if is_known { key } else { (severity, OTHER.to_owned()) }).or_default() += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use mainsheet_api::verdict::Position;

    use super::*;

    fn finding(severity: Severity, code: &str) -> Finding {
        Finding {
            code: code.to_owned(),
            severity,
            path: String::new(),
            position: Position::default(),
            reason: String::new(),
            remedy: String::new(),
        }
    }

    #[test]
    fn resource_counts_once_for_each_code() {
        let mut counts = Counts::default();
        let (one, other) = (finding(Severity::Warning, "one"), finding(Severity::Error, "other"));
        counts.add([&one, &one, &other].into_iter());
        counts.add([&one].into_iter());
        let counts: Vec<_> = counts.0.into_iter().collect();
        let of = |severity, code: &str, count| ((severity, code.to_owned()), count);
        assert_eq!(counts, [of(Severity::Warning, "one", 2), of(Severity::Error, "other", 1)]);
    }

    #[test]
    fn codes_that_nobody_knows_make_no_labels_without_end() {
        let mut counts = Counts::default();
        for number in 0..CODES_MAX + 10 {
            counts.add([&finding(Severity::Warning, &number.to_string())].into_iter());
        }
        assert_eq!(counts.0.len(), CODES_MAX + 1);
        assert_eq!(counts.0[&(Severity::Warning, OTHER.to_owned())], 10);
    }
}
