//! CORS: which pages of other origins may call.

use crate::{
    generated::istio::networking::v1alpha3::{CorsPolicy, StringMatch, string_match::MatchType},
    validate::{code, duration, header, regex, report::Report},
};

const METHODS: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "*"];

pub(super) fn check(report: &mut Report<'_>, policy: &CorsPolicy) {
    report.each("allowOrigins", &policy.allow_origins, origin);
    report.expect_each(
        "allowMethods",
        &policy.allow_methods,
        |method| METHODS.contains(&method),
        &code::VS_CORS_METHOD,
    );
    report.expect_each("allowHeaders", &policy.allow_headers, header::is_token, &code::VS_CORS_HEADER);
    report.expect_each("exposeHeaders", &policy.expose_headers, header::is_token, &code::VS_CORS_HEADER);
    report.some("maxAge", policy.max_age.as_ref(), |report, age| {
        duration::check(report, age);
        report.flag_if(age.nanos > 0, &code::VS_CORS_MAX_AGE);
    });
}

fn origin(report: &mut Report<'_>, origin: &StringMatch) {
    match &origin.match_type {
        Some(MatchType::Exact(text) | MatchType::Prefix(text)) if !text.is_empty() => {}
        Some(MatchType::Regex(expression)) if !expression.is_empty() => {
            regex::check(report, "regex", expression);
        }
        _ => report.flag(&code::VS_CORS_ORIGIN),
    }
}
