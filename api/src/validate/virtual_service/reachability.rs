//! Rules that are never reached, because earlier ones take all that they match. Warnings: the rest of the resource works.

use std::collections::{BTreeMap, HashMap};

use prost::Message;

use crate::{
    generated::istio::networking::v1alpha3::{
        HttpMatchRequest, StringMatch, VirtualService, string_match::MatchType,
    },
    validate::{code, report::Report},
};

/// Matches by prefix that are compared with each other, so that a resource of many takes no second.
const COMPARED_MAX: usize = 256;

pub(super) fn check(report: &mut Report<'_>, service: &VirtualService) {
    let http = || service.http.iter().map(|route| route.r#match.as_slice());
    routes(report, "http", http(), |request: &HttpMatchRequest| {
        if request.name.is_empty() {
            request.encode_to_vec()
        } else {
            HttpMatchRequest { name: String::new(), ..request.clone() }.encode_to_vec()
        }
    });
    prefixes(report, http());
    routes(report, "tls", service.tls.iter().map(|route| route.r#match.as_slice()), Message::encode_to_vec);
    routes(report, "tcp", service.tcp.iter().map(|route| route.r#match.as_slice()), Message::encode_to_vec);
}

/// Routes after one that takes everything, and matches that earlier routes have.
fn routes<'a, M: 'a>(
    report: &mut Report<'_>,
    name: &str,
    routes: impl Iterator<Item = &'a [M]>,
    content: impl Fn(&M) -> Vec<u8>,
) {
    let mut seen = HashMap::new();
    let mut all_taken = false;
    for (index, matches) in routes.enumerate() {
        report.element(name, index, |report| {
            if matches.is_empty() {
                report.flag_if(all_taken, &code::VS_UNREACHABLE);
                all_taken = true;
                return;
            }
            let mut duplicates = 0;
            report.each("match", matches, |report, one| {
                if all_taken {
                    report.flag(&code::VS_UNREACHABLE);
                } else if seen.insert(content(one), index).is_some() {
                    duplicates += 1;
                    report.flag(&code::VS_MATCH_DUPLICATE);
                }
            });
            report.flag_if(duplicates == matches.len(), &code::VS_MATCHES_DUPLICATE);
        });
    }
}

/// A match by prefix, as far as istiod compares it.
struct Prefix<'a> {
    prefix: &'a str,
    request: &'a HttpMatchRequest,
}

/// Prefixes that begin with an earlier one which matches no less of the rest.
fn prefixes<'a>(report: &mut Report<'_>, routes: impl Iterator<Item = &'a [HttpMatchRequest]>) {
    let mut earlier: Vec<Prefix<'_>> = Vec::new();
    let mut all_taken = false;
    for (route, matches) in routes.enumerate() {
        all_taken |= matches.is_empty();
        if all_taken {
            return; // told already
        }
        for (index, request) in matches.iter().enumerate() {
            let uri = request.uri.as_ref().and_then(|uri| uri.match_type.as_ref());
            let Some(MatchType::Prefix(prefix)) = uri else { continue };
            if prefix.is_empty() || earlier.len() == COMPARED_MAX {
                continue;
            }
            let this = Prefix { prefix, request };
            if earlier.iter().any(|one| covers(one, &this)) {
                report.element("http", route, |report| {
                    report.element("match", index, |report| report.flag(&code::VS_MATCH_COVERED));
                });
            }
            earlier.push(this);
        }
    }
}

fn covers(one: &Prefix<'_>, later: &Prefix<'_>) -> bool {
    let (a, b) = (one.request, later.request);
    one.prefix != later.prefix
        && later.prefix.starts_with(one.prefix)
        && a.port == b.port
        && is_no_narrower(method(a), method(b))
        && is_no_narrower(text(a.authority.as_ref()), text(b.authority.as_ref()))
        && are_no_narrower(&a.headers, &b.headers)
        && are_no_narrower(&a.query_params, &b.query_params)
        && are_no_narrower(&a.without_headers, &b.without_headers)
}

/// What istiod compares of a match: how, and with what. Regular expressions count as nothing.
fn text(value: Option<&StringMatch>) -> (&str, &str) {
    match value.and_then(|value| value.match_type.as_ref()) {
        Some(MatchType::Exact(text)) if !text.is_empty() => ("exact", text),
        Some(MatchType::Prefix(text)) if !text.is_empty() => ("prefix", text),
        _ => ("", ""),
    }
}

/// GET unless said otherwise.
fn method(request: &HttpMatchRequest) -> (&str, &str) {
    match text(request.method.as_ref()) {
        ("", _) => ("exact", "GET"),
        method => method,
    }
}

/// istiod asks whether the earlier text begins with the later one.
fn is_no_narrower(earlier: (&str, &str), later: (&str, &str)) -> bool {
    (earlier.0 == later.0 && earlier.1.starts_with(later.1)) || later.0.is_empty()
}

fn are_no_narrower(earlier: &BTreeMap<String, StringMatch>, later: &BTreeMap<String, StringMatch>) -> bool {
    earlier.len() == later.len()
        && earlier.iter().all(|(name, value)| {
            later.get(name).is_some_and(|other| is_no_narrower(text(Some(value)), text(Some(other))))
        })
}
