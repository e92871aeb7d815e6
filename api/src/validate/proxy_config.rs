//! ProxyConfig.

use super::{code, report::Report, selector};
use crate::generated::istio::networking::v1beta1::ProxyConfig;

pub(super) fn check(report: &mut Report<'_>, config: &ProxyConfig) {
    selector::check(report, "selector", config.selector.as_ref());
    let negative = config.concurrency.as_ref().is_some_and(|concurrency| concurrency.value < 0);
    report.flag_at_if(negative, "concurrency", &code::NEGATIVE);
}
