//! What HTTP routes match on.

use crate::{
    generated::istio::networking::v1alpha3::{HttpMatchRequest, StringMatch, string_match::MatchType},
    validate::{
        code, header, host, label, port,
        reference::{self, Legacy, Semantics},
        regex,
        report::Report,
    },
};

pub(super) fn check(report: &mut Report<'_>, request: &HttpMatchRequest) {
    if let Some(MatchType::Regex(expression)) = request.uri.as_ref().and_then(|uri| uri.match_type.as_ref()) {
        report.field("uri", |report| regex::required(report, "regex", expression));
    }
    report.some("scheme", request.scheme.as_ref(), text);
    report.some("method", request.method.as_ref(), text);
    report.some("authority", request.authority.as_ref(), text);
    report.entries("queryParams", &request.query_params, |report, _, value| text(report, value));
    report.entries("headers", &request.headers, |report, name, value| {
        header_name(report, name);
        text(report, value);
    });
    report.entries("withoutHeaders", &request.without_headers, |report, name, value| {
        header_name(report, name);
        if !is_any(value) {
            text(report, value);
        }
    });
    port::number_or_unset(report, "port", request.port);
    label::check(report, "sourceLabels", &request.source_labels);
    reference::gateways(report, &request.gateways, Semantics::Istio, Legacy::Untold);
    namespace(report, &request.source_namespace);
}

fn namespace(report: &mut Report<'_>, namespace: &str) {
    let is_right = |namespace: &str| namespace.is_empty() || host::is_label(namespace);
    report.expect("sourceNamespace", namespace, is_right, &code::VS_SOURCE_NAMESPACE);
}

fn header_name(report: &mut Report<'_>, name: &str) {
    if !header::is_match_name(name) {
        report.flag_value(&code::VS_HEADER_NAME, name);
    }
}

/// `*` as a regular expression: absence of the header, in `withoutHeaders` alone.
fn is_any(value: &StringMatch) -> bool {
    matches!(&value.match_type, Some(MatchType::Regex(expression)) if expression == "*")
}

/// Nothing set means presence; an empty exact value is a value.
fn text(report: &mut Report<'_>, value: &StringMatch) {
    match &value.match_type {
        Some(MatchType::Prefix(prefix)) => {
            report.flag_at_if(prefix.is_empty(), "prefix", &code::PREFIX_EMPTY)
        }
        Some(MatchType::Regex(expression)) => regex::required(report, "regex", expression),
        Some(MatchType::Exact(_)) | None => {}
    }
}
