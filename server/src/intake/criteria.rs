//! What documents are judged by, beside what holds everywhere: the rules that are served.

use std::{collections::BTreeMap, sync::Arc};

use mainsheet_api::{
    codec::{Content, Document, decode_entry},
    key::Key,
    kind::Kind,
    resource::{Resource, SourceName},
    rule::RuleSet,
    validate::{self, AccessDocuments, Options},
    verdict::{Finding, Severity},
    version::VersionSum,
    view::View,
    wire::Any,
    xds::catalog::Catalog,
};
use mainsheet_cache::snapshot::SnapshotCatalog;
use prost::Message as _;

use crate::contain::contain;

/// What documents are judged by. Cloning shares it.
#[derive(Clone, Debug)]
pub(crate) struct Criteria {
    root_namespace: Arc<str>,
    /// Rules that are served, and what they compile to.
    rules: Arc<BTreeMap<Key, Resource>>,
    compiled: Arc<RuleSet>,
    /// Of the served rules.
    version: VersionSum,
    options: Options,
    /// Sources whose documents of access count.
    authorities: Arc<[SourceName]>,
}

impl Criteria {
    /// By these rules. Those of the root namespace are about every namespace.
    pub(crate) fn new(rules: impl IntoIterator<Item = Resource>, root_namespace: &str) -> Self {
        let rules: BTreeMap<Key, Resource> = rules.into_iter().map(|rule| (rule.key.clone(), rule)).collect();
        let compiled = RuleSet::compile(rules.values(), root_namespace);
        let (rules, compiled) = (Arc::new(rules), Arc::new(compiled));
        Self {
            root_namespace: root_namespace.into(),
            rules,
            compiled,
            version: VersionSum::EMPTY,
            options: Options::default(),
            authorities: Arc::default(),
        }
    }

    /// The same, where what holds everywhere weighs so.
    pub(crate) fn weighing(self, options: Options) -> Self {
        Self { options, ..self }
    }

    /// The same, where documents of access of these sources count.
    pub(crate) fn with_authorities(self, authorities: Arc<[SourceName]>) -> Self {
        Self { authorities, ..self }
    }

    /// For what comes from this source.
    pub(crate) fn of_source(&self, source: &SourceName) -> Self {
        let is_authority = self.authorities.contains(source);
        let access = if is_authority { AccessDocuments::Count } else { AccessDocuments::GrantNothing };
        Self { options: Options { access, ..self.options }, ..self.clone() }
    }

    /// What weighs how, of what holds everywhere.
    pub(crate) fn options(&self) -> Options {
        self.options
    }

    /// By the rules of a snapshot.
    pub(crate) fn of_snapshot(snapshot: &SnapshotCatalog, root_namespace: &str) -> Self {
        let mut rules = Vec::new();
        let kind = Kind::VALIDATION_RULE;
        snapshot.for_each(kind, &View::everything(), &mut |entry| {
            // What can't be decoded was not made by this version: without it, less is refused and nothing lost.
            let decoded = Any::decode(entry.any).ok().and_then(|any| decode_entry(kind, &any).ok());
            match decoded {
                Some(received) => rules.push(received.resource),
                None => tracing::error!(rule = %entry.name, "rule can't be decoded and is not asked"),
            }
        });
        Self { version: snapshot.0.version(kind), ..Self::new(rules, root_namespace) }
    }

    /// By the rules of another snapshot.
    pub(crate) fn renewed(&self, snapshot: &SnapshotCatalog) -> Self {
        let renewed = Self::of_snapshot(snapshot, &self.root_namespace).weighing(self.options);
        renewed.with_authorities(Arc::clone(&self.authorities))
    }

    /// The version of the served rules.
    pub(crate) fn version(&self) -> VersionSum {
        self.version
    }

    /// With the rules among these documents, which count for what comes together with them. Beside the ones that they may
    /// replace, not instead: a weaker source's rule does not win against the one that is served, and must not open a gap
    /// before that is known.
    pub(crate) fn with_rules_among<'d>(&self, documents: impl IntoIterator<Item = &'d Document>) -> Self {
        let added: Vec<Resource> = documents
            .into_iter()
            .filter_map(|document| match &document.content {
                Content::Resource { resource, .. } if self.is_sound_rule(resource) => {
                    Some((**resource).clone())
                }
                _ => None,
            })
            .collect();
        if added.is_empty() {
            return self.clone();
        }
        let is_new =
            |rule: &&Resource| self.rules.get(&rule.key).is_none_or(|served| served.body != rule.body);
        let all = self.rules.values().chain(added.iter().filter(is_new));
        let compiled = Arc::new(RuleSet::compile(all, &self.root_namespace));
        Self { compiled, ..self.clone() }
    }

    /// A rule that is rejected itself is not asked.
    fn is_sound_rule(&self, resource: &Resource) -> bool {
        let weighs_little = |finding: &Finding| finding.severity == Severity::Warning;
        let is_sound = || validate::check(resource, self.options).iter().all(weighs_little);
        resource.key.kind == Kind::VALIDATION_RULE
            && contain("validation", &resource.key.to_string(), is_sound).unwrap_or(false)
    }

    /// The rules, compiled.
    pub(crate) fn rules(&self) -> &RuleSet {
        &self.compiled
    }
}

impl Default for Criteria {
    fn default() -> Self {
        Self::new([], "istio-system")
    }
}
