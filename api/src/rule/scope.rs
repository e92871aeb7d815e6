//! Which resources a rule is about.

use crate::{generated::mainsheet::v1::ValidationRule, key::Key, kind::Kind};

#[derive(Clone, Debug)]
pub(super) struct Scope {
    /// None where the rule names none: all. Kinds that this version does not know are none of those that it does.
    kinds: Option<Vec<Kind>>,
    /// None: all.
    namespaces: Vec<String>,
    /// The only namespace of which the rule may say something.
    confined_to: Option<String>,
}

impl Scope {
    pub(super) fn new(key: &Key, rule: &ValidationRule, root_namespace: &str) -> Self {
        Self {
            kinds: (!rule.kinds.is_empty())
                .then(|| rule.kinds.iter().filter_map(|kind| Kind::of_argument(kind)).collect()),
            namespaces: rule.namespaces.clone(),
            confined_to: (&*key.namespace != root_namespace).then(|| key.namespace.to_string()),
        }
    }

    /// Whether it is about one namespace only, that of the rule.
    pub(super) fn is_confined(&self) -> bool {
        self.confined_to.is_some()
    }

    pub(super) fn contains(&self, key: &Key) -> bool {
        let may = self.confined_to.as_deref().is_none_or(|only| only == &*key.namespace);
        let is_kind = self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&key.kind));
        let is_named = self.namespaces.is_empty()
            || self.namespaces.iter().any(|pattern| matches(pattern, &key.namespace));
        may && is_kind && is_named
    }
}

fn matches(pattern: &str, namespace: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => namespace.starts_with(prefix),
        None => namespace == pattern,
    }
}

/// Whether a text is the name of a namespace, or the beginning of one and a `*`.
pub(crate) fn is_namespace_pattern(text: &str) -> bool {
    let name = text.strip_suffix('*').unwrap_or(text);
    let is_right = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.len() <= 63 && name.bytes().all(is_right) && !name.starts_with('-')
}
