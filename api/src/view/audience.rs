//! Which sinks a resource is meant for.

use std::{
    cmp::Ordering,
    fmt, hash,
    sync::{Arc, LazyLock},
};

use crate::{
    node::{ISTIO_REVISION, Node},
    resource::Resource,
    selector::LabelSelector,
};

/// The annotation that says which sinks a resource is meant for: a label selector over what a node says of itself.
pub const SINK_SELECTOR: &str = "mainsheet.io/sink-selector";

/// Istio's label for the revision of the control plane that a resource is meant for.
pub const REVISION_LABEL: &str = "istio.io/rev";

/// Which sinks a resource is meant for, of those that may see it. Part of a partition's key, so that sinks with
/// different answers never share one. It narrows what a sink is sent; it protects nothing, since a node is what a client says
/// of itself.
#[derive(Clone)]
pub struct Audience(Arc<Inner>);

struct Inner {
    text: Box<str>,
    test: Test,
}

enum Test {
    Everyone,
    Some {
        revision: Option<String>,
        selector: LabelSelector,
    },
    /// Its text is none that is known here.
    Unknown,
}

/// Most resources are meant for everyone.
static EVERYONE: LazyLock<Audience> =
    LazyLock::new(|| Audience(Arc::new(Inner { text: "".into(), test: Test::Everyone })));

/// Beginnings of the parts of its text; between the parts stands `;`, which is in no label and in no selector.
const REVISION: &str = "revision=";
const SINKS: &str = "sinks=";

impl Audience {
    /// Whoever may see the resource.
    #[must_use]
    pub fn everyone() -> Self {
        EVERYONE.clone()
    }

    /// The sinks that a resource's annotation and revision label are about. An annotation that is no selector, which
    /// validation refuses, is about none.
    #[must_use]
    pub fn of(resource: &Resource) -> Self {
        let revision = resource.labels.get(REVISION_LABEL).filter(|revision| !revision.is_empty());
        let selector = resource.annotations.get(SINK_SELECTOR).map(|text| {
            text.parse().map_or_else(|_| text.clone(), |selector: LabelSelector| selector.to_string())
        });
        if revision.is_none() && selector.is_none() {
            return Self::everyone();
        }
        let revision_part = revision.map(|revision| format!("{REVISION}{revision}"));
        let selector_part = selector.filter(|selector| !selector.is_empty());
        let selector_part = selector_part.map(|selector| format!("{SINKS}{selector}"));
        let parts: Vec<String> = revision_part.into_iter().chain(selector_part).collect();
        Self::from_text(parts.join(";"))
    }

    /// From its stored text. One that can't be read is meant for nobody.
    pub fn from_text(text: impl Into<Box<str>>) -> Self {
        let text = text.into();
        if text.is_empty() {
            return Self::everyone();
        }
        let test = read(&text).unwrap_or(Test::Unknown);
        Self(Arc::new(Inner { text, test }))
    }

    /// Its stored text; empty for everyone.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// Whether it is meant for this node. A node without a revision takes what is of any, as an istiod without one does.
    #[must_use]
    pub fn includes(&self, node: &Node) -> bool {
        match &self.0.test {
            Test::Everyone => true,
            Test::Some { revision, selector } => {
                let own = node.label(ISTIO_REVISION).filter(|own| !own.is_empty());
                let is_of_revision = match (revision, own) {
                    (Some(revision), Some(own)) => revision == own,
                    _ => true,
                };
                is_of_revision && selector.matches(|key| node.label(key))
            }
            Test::Unknown => false,
        }
    }

    /// What of a node it depends on.
    pub fn mentions(&self) -> impl Iterator<Item = &str> {
        let (revision, selector) = match &self.0.test {
            Test::Some { revision, selector } => (revision.as_ref().map(|_| ISTIO_REVISION), Some(selector)),
            Test::Everyone | Test::Unknown => (None, None),
        };
        revision.into_iter().chain(selector.into_iter().flat_map(LabelSelector::keys))
    }
}

fn read(text: &str) -> Option<Test> {
    let (mut revision, mut selector) = (None, LabelSelector::default());
    for part in text.split(';') {
        if let Some(value) = part.strip_prefix(REVISION) {
            revision = Some(value.to_owned());
        } else {
            selector = part.strip_prefix(SINKS)?.parse().ok()?;
        }
    }
    Some(Test::Some { revision, selector })
}

impl Default for Audience {
    fn default() -> Self {
        Self::everyone()
    }
}

impl PartialEq for Audience {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Audience {}

impl PartialOrd for Audience {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Audience {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl hash::Hash for Audience {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Audience({})", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{key::Key, kind::Kind, wire::Any};

    fn said(revision: Option<&str>, selector: Option<&str>) -> Audience {
        let pair = |key: &str, value: Option<&str>| {
            value.map(|value| (key.to_owned(), value.to_owned())).into_iter().collect()
        };
        Audience::of(&Resource {
            key: Key::new(Kind::CLUSTER, "a", "x"),
            labels: pair(REVISION_LABEL, revision),
            annotations: pair(SINK_SELECTOR, selector),
            body: Any::default(),
            upstream_version: None,
        })
    }

    fn node(metadata: &[(&str, &str)]) -> Node {
        let pairs = metadata.iter().map(|(key, value)| (key.to_string(), value.to_string()));
        Node { id: "me".into(), metadata: pairs.collect(), ..Node::default() }
    }

    #[test]
    fn revision_is_taken_as_istiod_takes_it() {
        let canary = said(Some("canary"), None);
        assert_eq!(canary.as_str(), "revision=canary");
        assert!(canary.includes(&node(&[(ISTIO_REVISION, "canary")])));
        assert!(!canary.includes(&node(&[(ISTIO_REVISION, "stable")])));
        assert!(canary.includes(&node(&[])) && canary.includes(&node(&[(ISTIO_REVISION, "")])));
        let all = said(Some(""), None);
        assert_eq!(all, Audience::everyone());
        assert!(all.includes(&node(&[(ISTIO_REVISION, "stable")])));
    }

    #[test]
    fn selector_is_over_what_a_node_says_of_itself() {
        let both = said(Some("canary"), Some(" CLUSTER_ID in (west, east), !TEST "));
        assert_eq!(both.as_str(), "revision=canary;sinks=CLUSTER_ID in (east,west),!TEST");
        assert!(both.includes(&node(&[("CLUSTER_ID", "east"), (ISTIO_REVISION, "canary")])));
        assert!(!both.includes(&node(&[("CLUSTER_ID", "east"), (ISTIO_REVISION, "x")])));
        assert!(!both.includes(&node(&[("CLUSTER_ID", "north")])));
        assert!(!both.includes(&node(&[("CLUSTER_ID", "east"), ("TEST", "1")])));
        assert!(both.mentions().eq([ISTIO_REVISION, "CLUSTER_ID", "TEST"]));
        assert_eq!(Audience::from_text(both.as_str()), both);
        assert!(!Audience::from_text(both.as_str()).includes(&node(&[])));
        assert_eq!(said(None, Some(" ")), Audience::everyone());
        assert!(!said(None, Some("a in (")).includes(&node(&[("a", "(")])), "for nobody");
    }

    #[test]
    fn text_that_cannot_be_read_is_for_nobody() {
        for text in ["canary", "sinks=a in", "revision=a;more=b"] {
            let audience = Audience::from_text(text);
            assert!(!audience.includes(&node(&[("canary", "1")])), "{text}");
            assert_eq!(audience.as_str(), text);
        }
    }
}
