//! HTTP routes: what they do, and what excludes what.

use super::{Scope, cors, fault, headers, http_match, redirect, retry};
use crate::{
    generated::istio::networking::v1alpha3::{
        HttpDirectResponse, HttpMirrorPolicy, HttpRewrite, HttpRoute, HttpRouteDestination, Percent,
        http_body::Specifier,
    },
    validate::{
        code, code::Code, destination, duration, percent, reference::Semantics, regex, report::Report,
    },
};

const RESPONSE_LEN_MAX: usize = 1 << 20;
const RESPONSE_LEN_WARN: usize = 100 << 10;

pub(super) fn check(report: &mut Report<'_>, route: &HttpRoute, scope: Scope<'_>) {
    if route.delegate.is_some() && !scope.is_delegate() {
        exclude(report, &[(route.redirect.is_some(), "redirect", &code::VS_ROOT_REDIRECT)]);
        exclude(report, &[(!route.route.is_empty(), "route", &code::VS_ROOT_ROUTE)]);
    } else {
        exclude(report, &[(route.delegate.is_some(), "delegate", &code::VS_NESTED_DELEGATE)]);
        exclude(
            report,
            &[(route.mirror.is_some() && !route.mirrors.is_empty(), "mirrors", &code::VS_MIRROR_TWICE)],
        );
        action(report, route);
    }
    report.each("match", &route.r#match, http_match::check);
    report
        .some("redirect", route.redirect.as_ref(), |report, it| redirect::check(report, it, &route.r#match));
    report.some("directResponse", route.direct_response.as_ref(), direct_response);
    report.some("rewrite", route.rewrite.as_ref(), rewrite);
    report.some("headers", route.headers.as_ref(), headers::check);
    headers::authority(report, route.rewrite.as_ref(), route.headers.as_ref());
    report.some("corsPolicy", route.cors_policy.as_ref(), cors::check);
    report.some("fault", route.fault.as_ref(), fault::check);
    report.some("retries", route.retries.as_ref(), retry::check);
    duration::positive(report, "timeout", route.timeout.as_ref());
    mirrors(report, route);
    report.each("route", &route.route, |report, target| to(report, target, scope.semantics));
    destination::weights(report, route.route.iter().map(|target| target.weight));
}

fn exclude(report: &mut Report<'_>, exclusions: &[(bool, &str, &Code)]) {
    for (wrong, field, code) in exclusions {
        report.flag_at_if(*wrong, field, code);
    }
}

/// A route sends on, redirects or answers: one of them, and only the first has a fault or a rewrite.
fn action(report: &mut Report<'_>, route: &HttpRoute) {
    let (routes, fault, rewrite) = (!route.route.is_empty(), route.fault.is_some(), route.rewrite.is_some());
    let response = route.direct_response.is_some();
    if route.redirect.is_some() {
        exclude(
            report,
            &[
                (routes, "redirect", &code::VS_REDIRECT_AND_ROUTE),
                (fault, "redirect", &code::VS_REDIRECT_AND_FAULT),
                (rewrite, "redirect", &code::VS_REDIRECT_AND_REWRITE),
                (response, "redirect", &code::VS_REDIRECT_AND_RESPONSE),
            ],
        );
    } else if response {
        exclude(
            report,
            &[
                (routes, "directResponse", &code::VS_RESPONSE_AND_ROUTE),
                (fault, "directResponse", &code::VS_RESPONSE_AND_FAULT),
                (rewrite, "directResponse", &code::VS_RESPONSE_AND_REWRITE),
            ],
        );
    } else {
        report.flag_if(!routes, &code::VS_NO_ACTION);
    }
}

fn direct_response(report: &mut Report<'_>, response: &HttpDirectResponse) {
    report.expect("status", &response.status, |status| (200..=600).contains(status), &code::VS_HTTP_STATUS);
    let length = match response.body.as_ref().and_then(|body| body.specifier.as_ref()) {
        Some(Specifier::String(text)) => text.len(),
        Some(Specifier::Bytes(bytes)) => bytes.len(),
        None => 0,
    };
    if length > RESPONSE_LEN_MAX {
        report.flag_at("body", &code::VS_RESPONSE_SIZE);
    } else {
        report.flag_at_if(length > RESPONSE_LEN_WARN, "body", &code::VS_RESPONSE_LARGE);
    }
}

fn rewrite(report: &mut Report<'_>, rewrite: &HttpRewrite) {
    let regex = rewrite.uri_regex_rewrite.as_ref();
    report.flag_if(!rewrite.uri.is_empty() && regex.is_some(), &code::VS_REWRITE_URI_TWICE);
    let empty = rewrite.uri.is_empty() && regex.is_none() && rewrite.authority.is_empty();
    report.flag_if(empty, &code::VS_REWRITE_EMPTY);
    report.some("uriRegexRewrite", regex, |report, regex| {
        report.flag_if(regex.r#match.is_empty() || regex.rewrite.is_empty(), &code::VS_REWRITE_REGEX_EMPTY);
        regex::check(report, "match", &regex.r#match);
    });
}

fn mirrors(report: &mut Report<'_>, route: &HttpRoute) {
    report.some("mirror", route.mirror.as_ref(), destination::check);
    #[allow(deprecated)] // what is deprecated is still validated
    report.some("mirrorPercent", route.mirror_percent.as_ref(), |report, percent| {
        report.flag_if(percent.value > 100, &code::PERCENT);
        report.flag(&code::VS_MIRROR_PERCENT);
    });
    report.some("mirrorPercentage", route.mirror_percentage.as_ref(), percentage);
    report.each("mirrors", &route.mirrors, |report, mirror: &HttpMirrorPolicy| {
        report.flag_if(mirror.destination.is_none(), &code::DESTINATION_MISSING);
        report.some("destination", mirror.destination.as_ref(), destination::check);
        report.some("percentage", mirror.percentage.as_ref(), percentage);
    });
}

fn percentage(report: &mut Report<'_>, percent: &Percent) {
    percent::check(report, "value", percent.value);
}

fn to(report: &mut Report<'_>, target: &HttpRouteDestination, semantics: Semantics) {
    report.flag_if(target.destination.is_none(), &code::DESTINATION_MISSING);
    if semantics == Semantics::Istio {
        report.some("destination", target.destination.as_ref(), destination::check);
    }
    report.some("headers", target.headers.as_ref(), headers::check);
}
