//! Headers that routes and destinations set, add and remove.

use std::collections::BTreeMap;

use crate::{
    generated::istio::networking::v1alpha3::{Headers, HttpRewrite, headers::HeaderOperations},
    validate::{code, header_value, report::Report},
};

/// What may be done to a header.
type IsRight = fn(&str) -> bool;

pub(super) fn check(report: &mut Report<'_>, headers: &Headers) {
    report.some("request", headers.request.as_ref(), |report, request| {
        operations(report, request, is_settable)
    });
    report.some("response", headers.response.as_ref(), |report, response| {
        operations(report, response, is_removable)
    });
}

fn operations(report: &mut Report<'_>, operations: &HeaderOperations, is_right: IsRight) {
    values(report, "set", &operations.set, is_right);
    values(report, "add", &operations.add, is_right);
    report.expect_each("remove", &operations.remove, is_removable, &code::VS_SET_HEADER);
}

fn values(report: &mut Report<'_>, name: &str, headers: &BTreeMap<String, String>, is_right: IsRight) {
    report.entries(name, headers, |report, header, value| {
        report.flag_if(!is_right(header), &code::VS_SET_HEADER);
        report.flag_if(!header_value::is_value(value), &code::VS_HEADER_VALUE);
    });
}

fn is_authority(header: &str) -> bool {
    header.eq_ignore_ascii_case("host") || header.eq_ignore_ascii_case(":authority")
}

/// What a request may be given. Other characters are left to Envoy.
fn is_settable(header: &str) -> bool {
    is_removable(header) || is_authority(header)
}

/// What may be taken from a request, and given to or taken from a response.
fn is_removable(header: &str) -> bool {
    !header.is_empty() && !header.starts_with(':') && !header.eq_ignore_ascii_case("host")
}

/// The authority is set in one place: the rewrite, or one header of the route. Destinations don't count.
///
/// istiod walks over headers in no order and forgets an empty value, so what any order refuses is refused.
pub(super) fn authority(report: &mut Report<'_>, rewrite: Option<&HttpRewrite>, headers: Option<&Headers>) {
    let request = headers.and_then(|headers| headers.request.as_ref());
    let mut set = rewrite.is_some_and(|rewrite| !rewrite.authority.is_empty());
    for headers in request.iter().flat_map(|request| [&request.set, &request.add]) {
        let values: Vec<_> =
            headers.iter().filter(|(header, _)| is_authority(header)).map(|(_, value)| value).collect();
        let any = values.iter().any(|value| !value.is_empty());
        if (set && !values.is_empty()) || (any && values.len() > 1) {
            return report.flag_at("headers", &code::VS_AUTHORITY_TWICE);
        }
        set = if values.is_empty() { set } else { any };
    }
}
