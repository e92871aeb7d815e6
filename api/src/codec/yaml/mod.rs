//! YAML, and JSON as the part of it that it is, as a tree of nodes that know where they stand.
//!
//! Plain scalars are read by YAML 1.2's core schema as far as it agrees with JSON: `yes`, `off`, `0x1f`, `012` and
//! `1_000` are texts, and known as such that other readers take for something else. What a resource may not hold (tags, merge keys, endless aliases) stays in the tree as a
//! [`Problem`], so that it is reported with its path, and only where somebody reads it.

mod build;
mod parse;
mod scalar;

use std::borrow::Cow;

pub(super) use parse::parse;

use crate::verdict::Position;

/// A value and where it begins.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node<'t> {
    pub(super) position: Position,
    pub(super) value: Value<'t>,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'t> {
    Null,
    Bool(bool),
    /// As it is written, and as JSON would take it.
    Number(Cow<'t, str>),
    Text(Cow<'t, str>),
    /// A text without quotes, which YAML 1.1 reads as a boolean or a number: kubectl, istioctl and Envoy do.
    Ambiguous(Cow<'t, str>),
    List(Vec<Node<'t>>),
    /// In the order of the text; keys may repeat, whoever reads them refuses that.
    Map(Vec<Pair<'t>>),
    /// What can't be part of a resource.
    Problem(Problem),
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pair<'t> {
    pub(super) key: Cow<'t, str>,
    /// Of the key.
    pub(super) position: Position,
    pub(super) value: Node<'t>,
}

/// Why a node has no value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Problem {
    pub(super) code: &'static str,
    pub(super) reason: &'static str,
    pub(super) remedy: &'static str,
}

impl<'t> Node<'t> {
    /// The pairs of a map.
    pub(super) fn pairs(&self) -> Option<&[Pair<'t>]> {
        match &self.value {
            Value::Map(pairs) => Some(pairs),
            _ => None,
        }
    }

    /// The first value under a key of a map.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.pairs()?.iter().find(|pair| pair.key == key).map(|pair| &pair.value)
    }

    /// A text.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) | Value::Ambiguous(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it counts as not written at all.
    pub(super) fn is_null(&self) -> bool {
        self.value == Value::Null
    }

    /// What it is, for a sentence: "the number `3`".
    pub(super) fn describe(&self) -> String {
        /// Long texts would hide what is said of them.
        const SHOWN_CHARS_MAX: usize = 60;
        let shown = |text: &str| match text.char_indices().nth(SHOWN_CHARS_MAX) {
            Some((end, _)) => format!("{}...", &text[..end]),
            None => text.to_owned(),
        };
        match &self.value {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => format!("the boolean `{value}`"),
            Value::Number(text) => format!("the number `{}`", shown(text)),
            Value::Text(text) | Value::Ambiguous(text) => format!("the text `{}`", shown(text)),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
            Value::Problem(problem) => problem.reason.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
