//! ValidationRule: a rule that could not be asked must not be taken for one that finds nothing.

use super::{code, report::Report};
use crate::{
    generated::mainsheet::v1::ValidationRule,
    kind::Kind,
    rule::{Expression, is_namespace_pattern},
};

pub(super) fn check(report: &mut Report<'_>, rule: &ValidationRule) {
    if let Err(error) = Expression::parse(&rule.expression) {
        report.field("expression", |report| report.flag_value(&code::VR_EXPRESSION, error));
    }
    report.flag_at_if(rule.message.trim().is_empty(), "message", &code::VR_MESSAGE);
    report.expect_each("kinds", &rule.kinds, |kind| Kind::of_argument(kind).is_some(), &code::VR_KIND);
    report.expect_each("namespaces", &rule.namespaces, is_namespace_pattern, &code::VR_NAMESPACE);
}
