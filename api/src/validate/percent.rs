//! Percentages, as fractions of Envoy's filters or of requests.

use super::{code, report::Report};

/// Envoy counts faults in millionths.
const FRACTION_MIN: f64 = 0.0001;

/// istiod's comparisons let NaN through, so these do.
fn is_outside(value: f64) -> bool {
    !value.is_nan() && !(0.0..=100.0).contains(&value)
}

/// Flags what is not 0 to 100.
pub(super) fn check(report: &mut Report<'_>, name: &str, value: f64) {
    report.flag_at_if(is_outside(value), name, &code::PERCENT);
}

/// As [`check`], where anything above 0 is at least a millionth.
pub(super) fn check_fraction(report: &mut Report<'_>, name: &str, value: f64) {
    let too_small = value > 0.0 && value < FRACTION_MIN;
    report.flag_at_if(is_outside(value) || too_small, name, &code::PERCENT);
}
