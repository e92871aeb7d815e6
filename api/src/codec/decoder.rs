//! One document being decoded: where the reader is, what it found, which spelling it expects.

use prost_reflect::FieldDescriptor;

use super::{
    UnknownFields,
    document::cut,
    source_map::{ROOT, SourceMap},
    suggest,
    yaml::{Node, Pair, Problem, Value},
};
use crate::{
    limits::{FINDINGS_MAX, MESSAGE_DEPTH_MAX},
    verdict::{Finding, Position, Severity},
};

/// How a document writes what JSON leaves open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Istio's kinds: lowerCamelCase names, Go's durations (`1m30s`), 32-bit integers as numbers only.
    Kubernetes,
    /// Envoy's: names as in the .proto files, protobuf's JSON durations (`90s`).
    Envoy,
}

impl Form {
    /// A field's name as this form's documentation has it; paths are made of these.
    pub(super) fn name(self, field: &FieldDescriptor) -> &str {
        match self {
            Self::Kubernetes => field.json_name(),
            Self::Envoy => field.name(),
        }
    }
}

/// Decodes one document. What to decode is in the `impl` blocks of `message`, `scalar` and `well_known`.
#[derive(Debug)]
pub(super) struct Decoder {
    pub(super) form: Form,
    unknown_fields: UnknownFields,
    pub(super) errors: Vec<Finding>,
    pub(super) warnings: Vec<Finding>,
    pub(super) map: SourceMap,
    /// Of the reader, in `map`.
    place: usize,
    position: Position,
    /// Messages around what is decoded.
    depth: usize,
}

impl Decoder {
    pub(super) fn new(form: Form, root: Position, unknown_fields: UnknownFields) -> Self {
        let map = SourceMap::of_document(root);
        let (errors, warnings) = (Vec::new(), Vec::new());
        Self { form, unknown_fields, errors, warnings, map, place: ROOT, position: root, depth: 0 }
    }

    /// Of what stands around documents, where an unknown key may be their list misspelt: who left it out would lose not a
    /// field but every resource of the list.
    pub(super) fn of_list(form: Form, root: Position) -> Self {
        Self::new(form, root, UnknownFields::Strict)
    }

    /// Steps into a field: `.name`.
    pub(super) fn field<R>(&mut self, name: &str, at: Position, inner: impl FnOnce(&mut Self) -> R) -> R {
        let dot = if self.place == ROOT { "" } else { "." };
        self.step(&[dot, name], at, inner)
    }

    /// Steps into an item of a list: `[3]`.
    pub(super) fn item<R>(&mut self, index: usize, at: Position, inner: impl FnOnce(&mut Self) -> R) -> R {
        self.step(&["[", &index.to_string(), "]"], at, inner)
    }

    /// Steps into an entry of a map: `[key]`.
    pub(super) fn entry<R>(&mut self, key: &str, at: Position, inner: impl FnOnce(&mut Self) -> R) -> R {
        self.step(&["[", key, "]"], at, inner)
    }

    fn step<R>(&mut self, pieces: &[&str], at: Position, inner: impl FnOnce(&mut Self) -> R) -> R {
        let outer = (self.place, self.position);
        (self.place, self.position) = (self.map.note(self.place, pieces, at), at);
        let result = inner(self);
        (self.place, self.position) = outer;
        result
    }

    /// Steps into messages within the message. `None`: refused, too deep for those who decode it.
    pub(super) fn nested<R>(
        &mut self,
        levels: usize,
        inner: impl FnOnce(&mut Self) -> Option<R>,
    ) -> Option<R> {
        if self.depth + levels >= MESSAGE_DEPTH_MAX {
            let reason =
                format!("messages are nested deeper than {MESSAGE_DEPTH_MAX} levels, which Envoy refuses");
            self.refuse("too-deep", reason, "each level of free-form values counts as three");
            return None;
        }
        self.depth += levels;
        let result = inner(self);
        self.depth -= levels;
        result
    }

    /// Notes an error about where the reader is.
    pub(super) fn refuse(&mut self, code: &str, reason: impl Into<String>, remedy: impl Into<String>) {
        self.note(Severity::Error, code, reason.into(), remedy.into());
    }

    /// Errors and warnings are counted apart: no number of warnings may hide an error.
    fn note(&mut self, severity: Severity, code: &str, reason: String, remedy: String) {
        let noted = match severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        if noted.len() > FINDINGS_MAX {
            return;
        }
        let mut finding = Finding {
            code: code.to_owned(),
            severity,
            path: cut(self.map.path(self.place)),
            position: self.position,
            reason: cut(reason),
            remedy: cut(remedy),
        };
        if noted.len() == FINDINGS_MAX {
            finding.code = "too-many-findings".to_owned();
            finding.reason = format!("more than {FINDINGS_MAX} findings, of which the rest is not listed");
            finding.remedy = String::new();
        }
        noted.push(finding);
    }

    /// Notes that a value is not what the field takes.
    pub(super) fn wrong_type(&mut self, wanted: &str, node: &Node<'_>, remedy: impl Into<String>) {
        match &node.value {
            Value::Problem(problem) => self.problem(*problem),
            _ => self.refuse("wrong-type", format!("wanted {wanted}, found {}", node.describe()), remedy),
        }
    }

    pub(super) fn problem(&mut self, problem: Problem) {
        self.refuse(problem.code, problem.reason, problem.remedy);
    }

    /// Notes that something stands twice; the reader is at the second.
    pub(super) fn duplicate(&mut self, key: &str, first: Position) {
        let reason = format!("`{key}` stands twice, first at {first}");
        self.refuse("duplicate-key", reason, "keep one of them");
    }

    /// Goes through a map whose keys the author chooses. Repeated keys are refused.
    pub(super) fn entries<'n, 't: 'n>(
        &mut self,
        pairs: impl IntoIterator<Item = &'n Pair<'t>>,
        mut each: impl FnMut(&mut Self, &'n Pair<'t>),
    ) {
        let pairs = pairs.into_iter();
        let mut seen = std::collections::HashMap::with_capacity(pairs.size_hint().0);
        for pair in pairs {
            self.entry(&pair.key, pair.position, |decoder| match seen.get(&pair.key) {
                Some(first) => decoder.duplicate(&pair.key, *first),
                None => {
                    seen.insert(&pair.key, pair.position);
                    each(decoder, pair);
                }
            });
        }
    }

    /// Goes through a map whose keys are given: hands each known, non-null value to `each`, in the text's order.
    pub(super) fn known<'n, 't: 'n>(
        &mut self,
        pairs: impl IntoIterator<Item = &'n Pair<'t>>,
        names: &[&str],
        mut each: impl FnMut(&mut Self, &'n Pair<'t>),
    ) {
        let pairs = pairs.into_iter();
        let mut seen = std::collections::HashMap::with_capacity(pairs.size_hint().0);
        for pair in pairs {
            self.field(&pair.key, pair.position, |decoder| {
                if let Some(first) = seen.insert(&pair.key, pair.position) {
                    decoder.duplicate(&pair.key, first);
                } else if !names.contains(&&*pair.key) {
                    decoder.unknown(&pair.key, &pair.value, names.iter().copied());
                } else if !pair.value.is_null() {
                    each(decoder, pair);
                }
            });
        }
    }

    /// Notes a key that nothing here has, as strictly as it is wanted.
    pub(super) fn unknown<'k>(&mut self, key: &str, value: &Node<'_>, known: impl Iterator<Item = &'k str>) {
        if let Value::Problem(problem) = &value.value {
            return self.problem(*problem);
        }
        let severity = match self.unknown_fields {
            UnknownFields::Strict => Severity::Error,
            UnknownFields::Warn => Severity::Warning,
            UnknownFields::Ignore => return,
        };
        let remedy = suggest::remedy(key, known);
        self.note(severity, "unknown-field", format!("no field is named `{key}` here"), remedy);
    }

    /// The pairs of a map beside its `@type`, which says what they are: a second one is no field that could be left out.
    pub(super) fn beside_type<'n, 't>(
        &mut self,
        pairs: impl IntoIterator<Item = &'n Pair<'t>>,
    ) -> Vec<&'n Pair<'t>> {
        let (types, rest): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|pair| pair.key == TYPE);
        if let Some((first, others)) = types.split_first() {
            for other in others {
                self.field(TYPE, other.position, |decoder| decoder.duplicate(TYPE, first.position));
            }
        }
        rest
    }
}

/// The key that says what message a map is.
const TYPE: &str = "@type";
