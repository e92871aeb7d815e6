//! RequestAuthentication.

use super::{
    code, duration, header,
    jwks::{self, Half},
    report::Report,
    selector, url,
};
use crate::generated::istio::security::v1beta1::{JwtRule, RequestAuthentication};

pub(super) fn check(report: &mut Report<'_>, policy: &RequestAuthentication) {
    let targets = (policy.selector.as_ref(), policy.target_ref.as_ref());
    selector::target(report, targets.0, targets.1, &policy.target_refs);
    report.each("jwtRules", &policy.jwt_rules, rule);
}

fn rule(report: &mut Report<'_>, rule: &JwtRule) {
    report.flag_if(rule.issuer.is_empty() && rule.jwks_uri.is_empty(), &code::RA_NO_ISSUER);
    let is_uri = |uri: &str| uri.is_empty() || url::is_http(uri);
    report.expect("jwksUri", rule.jwks_uri.as_str(), is_uri, &code::RA_JWKS_URI);
    if !rule.jwks.is_empty() {
        report.field("jwks", |report| keys(report, &rule.jwks));
    }
    let not_empty = |text: &str| !text.is_empty();
    report.expect_each("audiences", &rule.audiences, not_empty, &code::TEXT_EMPTY);
    report.expect_each("fromParams", &rule.from_params, not_empty, &code::TEXT_EMPTY);
    report.expect_each("fromCookies", &rule.from_cookies, not_empty, &code::TEXT_EMPTY);
    report.each("fromHeaders", &rule.from_headers, |report, header| {
        report.flag_at_if(header.name.is_empty(), "name", &code::TEXT_EMPTY);
    });
    report.each("outputClaimToHeaders", &rule.output_claim_to_headers, |report, output| {
        let right = !output.claim.is_empty() && header::is_claim_target(&output.header);
        report.flag_if(!right, &code::RA_CLAIM_HEADER);
    });
    duration::positive(report, "timeout", rule.timeout.as_ref());
}

fn keys(report: &mut Report<'_>, text: &str) {
    let Some(keys) = jwks::parse(text) else { return report.flag(&code::RA_JWKS) };
    for (index, _) in keys.iter().enumerate().filter(|(_, half)| **half == Half::Private) {
        report.flag_value(&code::RA_JWKS_PRIVATE, format_args!("keys[{index}]"));
    }
}
