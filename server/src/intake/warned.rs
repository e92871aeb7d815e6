//! Warnings of documents that are served: each is logged once, and again when it comes back.

use std::{
    collections::{BTreeMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
};

use mainsheet_api::{key::Key, resource::SourceName, verdict::Finding};

use super::{judge::Judged, plan::JudgedRound, verdicts::log};

/// What was logged, by source and origin: hashes, because warnings are long and only their being known counts.
#[derive(Debug, Default)]
pub(super) struct Warned(BTreeMap<(SourceName, String), HashSet<u64>>);

impl Warned {
    /// Takes over what a round says of its origins, and returns how many warnings are new.
    pub(super) fn take_in(&mut self, round: &JudgedRound) -> usize {
        if round.is_whole {
            let told: HashSet<&str> = round.reports.iter().map(|report| report.origin.as_str()).collect();
            self.0.retain(|(source, origin), _| *source != round.source || told.contains(origin.as_str()));
        }
        round.reports.iter().map(|report| self.set(&round.source, report)).sum()
    }

    fn set(&mut self, source: &SourceName, report: &Judged) -> usize {
        let origin = (source.clone(), report.origin.clone());
        let before = self.0.remove(&origin).unwrap_or_default();
        let (mut now, mut new) = (HashSet::new(), 0);
        for accepted in &report.accepted {
            let key = &accepted.resource.key;
            for warning in &accepted.warnings {
                let hash = hash(key, warning);
                if now.insert(hash) && !before.contains(&hash) {
                    log(source, &report.origin, accepted.line, Some(key), warning);
                    new += 1;
                }
            }
        }
        if !now.is_empty() {
            self.0.insert(origin, now);
        }
        new
    }
}

/// Without the line: lines above come and go.
fn hash(key: &Key, warning: &Finding) -> u64 {
    let mut hasher = DefaultHasher::new();
    (key, warning.to_string()).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use mainsheet_api::codec::{self, Defaults, UnknownFields};

    use super::*;
    use crate::{
        intake::{criteria::Criteria, judge::judge},
        source::{Completeness, Report},
    };

    fn round(is_whole: bool, texts: &[(&str, &str)]) -> JudgedRound {
        let defaults = Defaults { namespace: "shop", scope: "", unknown_fields: UnknownFields::Warn };
        let report = |(origin, spec): &(&str, &str)| {
            let text = format!(
                "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: a}}\nspec: {{host: h{spec}}}\n"
            );
            let documents = codec::read(&text, defaults);
            let origin = (*origin).to_owned();
            let report = Report { origin, documents, completeness: Completeness::Whole, written: None };
            judge(report, &Criteria::default())
        };
        let (released, named, withheld) = Default::default();
        let source = SourceName("files".into());
        let reports = texts.iter().map(report).collect();
        JudgedRound { source, is_whole, reports, released, named, withheld }
    }

    #[test]
    fn warning_is_new_once_and_again_when_it_comes_back() {
        let mut warned = Warned::default();
        let mut take_in = |is_whole, texts: &[_]| warned.take_in(&round(is_whole, texts));
        assert_eq!(take_in(true, &[("a", ", b: 1"), ("b", "")]), 1);
        assert_eq!(take_in(false, &[("a", ", b: 2")]), 0);
        assert_eq!(take_in(false, &[("a", ", b: 2, c: 1")]), 1);
        assert_eq!(take_in(false, &[("a", "")]), 0);
        assert_eq!(take_in(false, &[("a", ", b: 1")]), 1);
        assert_eq!(take_in(true, &[("b", "")]), 0);
        assert_eq!(take_in(true, &[("a", ", b: 1")]), 1);
    }
}
