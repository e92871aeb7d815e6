//! PeerAuthentication.

use super::{code, port, report::Report, selector};
use crate::generated::istio::security::v1beta1::PeerAuthentication;

pub(super) fn check(report: &mut Report<'_>, policy: &PeerAuthentication) {
    selector::check(report, "selector", policy.selector.as_ref());
    let selects = policy.selector.as_ref().is_some_and(|selector| !selector.match_labels.is_empty());
    let without = !policy.port_level_mtls.is_empty() && !selects;
    report.flag_at_if(without, "portLevelMtls", &code::PA_PORTS_WITHOUT_SELECTOR);
    for number in policy.port_level_mtls.keys() {
        report.entry("portLevelMtls", number, |report| {
            if !port::is_number(number) {
                report.flag_value(&code::PORT_RANGE, number);
            }
        });
    }
}
