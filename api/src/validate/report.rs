//! Collects findings and knows the path of the field that is being looked at.

use std::{collections::BTreeMap, fmt::Display, fmt::Write as _};

use prost::Message;

use super::{
    CrdRules, Options,
    code::{self, Code, Origin},
};
use crate::{
    codec::cut,
    limits::FINDINGS_MAX,
    resource::Resource,
    verdict::{Finding, Position, Severity},
};

/// The findings of one resource so far, and where in it the check stands.
///
/// Checks descend with [`field`](Self::field), [`some`](Self::some), [`each`](Self::each) and [`entries`](Self::entries); what they flag gets
/// the path that leads there.
pub(super) struct Report<'a> {
    resource: &'a Resource,
    options: Options,
    path: String,
    findings: Vec<Finding>,
    /// What only the CRD refuses.
    crd_findings: Vec<Finding>,
}

impl<'a> Report<'a> {
    pub(super) fn new(resource: &'a Resource, options: Options) -> Self {
        Self { resource, options, path: String::new(), findings: Vec::new(), crd_findings: Vec::new() }
    }

    /// All of them. Where istiod refuses a field, what the CRD says of it is the same thing again.
    pub(super) fn into_findings(self) -> Vec<Finding> {
        let Self { mut findings, mut crd_findings, .. } = self;
        let is_told = |finding: &Finding| {
            let errors = findings.iter().filter(|told| told.severity == Severity::Error);
            errors
                .into_iter()
                .any(|told| finding.path.starts_with(&told.path) || told.path.starts_with(&finding.path))
        };
        crd_findings.retain(|finding| !is_told(finding));
        findings.append(&mut crd_findings);
        findings
    }

    pub(super) fn resource(&self) -> &'a Resource {
        self.resource
    }

    pub(super) fn options(&self) -> Options {
        self.options
    }

    /// The namespace that `.` stands for.
    pub(super) fn namespace(&self) -> &'a str {
        &self.resource.key.namespace
    }

    pub(super) fn annotation(&self, name: &str) -> Option<&'a str> {
        self.resource.annotations.get(name).map(String::as_str)
    }

    pub(super) fn label(&self, name: &str) -> Option<&'a str> {
        self.resource.labels.get(name).map(String::as_str)
    }

    /// Decodes the body and checks it; a body that isn't its kind's message is a finding.
    pub(super) fn decoded<M: Message + Default>(&mut self, check: fn(&mut Self, &M)) {
        match M::decode(self.resource.body.value.clone()) {
            Ok(body) => check(self, &body),
            Err(error) => self.flag_value(&code::BODY_UNDECODABLE, error),
        }
    }

    // Saying that something is wrong.

    /// This field.
    pub(super) fn flag(&mut self, code: &Code) {
        self.push(code, code.reason.to_owned());
    }

    /// This field, whose value is so and so.
    pub(super) fn flag_value(&mut self, code: &Code, value: impl Display) {
        self.push(code, format!("{}: `{value}`", code.reason));
    }

    /// This field, with more about what is wrong.
    pub(super) fn flag_with(&mut self, code: &Code, detail: impl Display) {
        self.push(code, format!("{}: {detail}", code.reason));
    }

    /// A field that stands elsewhere in the document, by its whole path.
    pub(super) fn flag_outside(&mut self, path: &str, code: &Code, value: &str) {
        let here = std::mem::replace(&mut self.path, path.to_owned());
        self.flag_value(code, value);
        self.path = here;
    }

    pub(super) fn flag_if(&mut self, wrong: bool, code: &Code) {
        if wrong {
            self.flag(code);
        }
    }

    /// A field of this message.
    pub(super) fn flag_at(&mut self, name: &str, code: &Code) {
        self.field(name, |report| report.flag(code));
    }

    pub(super) fn flag_at_if(&mut self, wrong: bool, name: &str, code: &Code) {
        if wrong {
            self.flag_at(name, code);
        }
    }

    /// Flags the field's value unless it is as it should be.
    pub(super) fn expect<T: ?Sized + Display>(
        &mut self,
        name: &str,
        value: &T,
        is_right: impl Fn(&T) -> bool,
        code: &Code,
    ) {
        if !is_right(value) {
            self.field(name, |report| report.flag_value(code, value));
        }
    }

    /// [`expect`](Self::expect) for every text of a list.
    pub(super) fn expect_each(
        &mut self,
        name: &str,
        values: &[String],
        is_right: impl Fn(&str) -> bool,
        code: &Code,
    ) {
        self.each(name, values, |report, value| {
            if !is_right(value) {
                report.flag_value(code, value);
            }
        });
    }

    /// Errors are listed up to a bound, and warnings up to the same one, so that they push no error out.
    fn push(&mut self, code: &Code, reason: String) {
        let severity = match (code.origin, self.options.crd_rules) {
            (Origin::Crd, CrdRules::Deny) => Severity::Error,
            _ => code.severity,
        };
        let list = if code.origin == Origin::Crd { &mut self.crd_findings } else { &mut self.findings };
        if list.iter().filter(|finding| finding.severity == severity).count() < FINDINGS_MAX {
            list.push(Finding {
                code: code.id.to_owned(),
                severity,
                path: cut(self.path.clone()),
                position: Position::default(),
                reason: cut(reason),
                remedy: code.remedy.to_owned(),
            });
        }
    }

    /// How many errors there are, to see whether a check found any.
    pub(super) fn errors(&self) -> usize {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error).count()
    }

    // Descending.

    /// Into a field, by its JSON name.
    pub(super) fn field(&mut self, name: &str, check: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(name);
        check(self);
        self.path.truncate(length);
    }

    /// Into a message that may be unset.
    pub(super) fn some<T>(&mut self, name: &str, value: Option<&T>, check: impl FnOnce(&mut Self, &T)) {
        if let Some(value) = value {
            self.field(name, |report| check(report, value));
        }
    }

    /// Into each element of a list.
    pub(super) fn each<T>(&mut self, name: &str, values: &[T], mut check: impl FnMut(&mut Self, &T)) {
        for (index, value) in values.iter().enumerate() {
            self.element(name, index, |report| check(report, value));
        }
    }

    /// Into one element of a list.
    pub(super) fn element(&mut self, name: &str, index: usize, check: impl FnOnce(&mut Self)) {
        self.bracketed(name, index, check);
    }

    /// Into each value of a map.
    pub(super) fn entries<V>(
        &mut self,
        name: &str,
        map: &BTreeMap<String, V>,
        mut check: impl FnMut(&mut Self, &str, &V),
    ) {
        for (key, value) in map {
            self.entry(name, key, |report| check(report, key, value));
        }
    }

    /// Into one value of a map.
    pub(super) fn entry(&mut self, name: &str, key: impl Display, check: impl FnOnce(&mut Self)) {
        self.bracketed(name, key, check);
    }

    /// Into an item or value of the list or map where the check stands.
    pub(super) fn here(&mut self, inside: impl Display, check: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        let _ = write!(self.path, "[{inside}]"); // a String takes everything
        check(self);
        self.path.truncate(length);
    }

    fn bracketed(&mut self, name: &str, inside: impl Display, check: impl FnOnce(&mut Self)) {
        self.field(name, |report| report.here(inside, check));
    }
}
