//! Redirects.

use crate::{
    generated::istio::networking::v1alpha3::{
        HttpMatchRequest, HttpRedirect, http_redirect::RedirectPort, string_match::MatchType,
    },
    validate::{code, port, report::Report},
};

/// istiod stops at the first finding of a redirect; all of them are told here.
pub(super) fn check(report: &mut Report<'_>, redirect: &HttpRedirect, matches: &[HttpMatchRequest]) {
    let rewrites_prefix = !redirect.prefix_rewrite.is_empty();
    report.flag_if(!redirect.uri.is_empty() && rewrites_prefix, &code::VS_REDIRECT_URI_TWICE);
    let all_by_prefix = matches
        .iter()
        .filter_map(|request| request.uri.as_ref())
        .all(|uri| matches!(uri.match_type, Some(MatchType::Prefix(_))));
    report.flag_at_if(rewrites_prefix && !all_by_prefix, "prefixRewrite", &code::VS_REDIRECT_PREFIX);
    report.flag_if(changes_nothing(redirect), &code::VS_REDIRECT_EMPTY);
    let code_is_right = |code: &u32| *code == 0 || (300..=399).contains(code);
    report.expect("redirectCode", &redirect.redirect_code, code_is_right, &code::VS_REDIRECT_CODE);
    let scheme_is_right = |scheme: &str| matches!(scheme, "" | "http" | "https");
    report.expect("scheme", redirect.scheme.as_str(), scheme_is_right, &code::VS_REDIRECT_SCHEME);
    if let Some(RedirectPort::Port(number)) = redirect.redirect_port {
        port::number_or_unset(report, "port", number);
    }
}

fn changes_nothing(redirect: &HttpRedirect) -> bool {
    let texts = [&redirect.uri, &redirect.prefix_rewrite, &redirect.authority, &redirect.scheme];
    texts.iter().all(|text| text.is_empty()) && redirect.redirect_port.is_none()
}
