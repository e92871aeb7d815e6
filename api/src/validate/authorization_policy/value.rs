//! Values of an AuthorizationPolicy that have a form: service accounts, trust domains, templates of paths.

use crate::validate::{code, report::Report};

const SERVICE_ACCOUNTS_MAX: usize = 16;
const SERVICE_ACCOUNT_LEN_MAX: usize = 320;

/// A bounded list of `name` or `namespace/name`.
pub(super) fn service_accounts(report: &mut Report<'_>, name: &str, values: &[String]) {
    report.flag_at_if(values.len() > SERVICE_ACCOUNTS_MAX, name, &code::AP_SERVICE_ACCOUNT);
    report.expect_each(name, values, is_service_account, &code::AP_SERVICE_ACCOUNT);
}

fn is_service_account(text: &str) -> bool {
    let mut parts = text.split('/');
    let named = |part: Option<&str>| part.is_some_and(|part| !part.is_empty());
    let first = named(parts.next());
    let second = parts.next().is_none_or(|part| !part.is_empty());
    first && second && parts.next().is_none() && !text.contains('*') && text.len() <= SERVICE_ACCOUNT_LEN_MAX
}

/// One `*` at most, at either end.
pub(super) fn has_outer_wildcard(text: &str) -> bool {
    match text.matches('*').count() {
        0 => !text.is_empty(),
        1 => text.starts_with('*') || text.ends_with('*'),
        _ => false,
    }
}

/// A domain, or the beginning or end of one.
pub(super) fn is_trust_domain(text: &str) -> bool {
    has_outer_wildcard(text) && !text.contains('/')
}

/// A path, or a template: `{*}` stands for a segment, `{**}` for the rest, and nothing else has braces. Beside a template
/// all segments are what RFC 3986 calls pchar.
pub(super) fn is_path(text: &str) -> bool {
    let is_template = text.contains("{*}") || text.contains("{**}");
    let mut ended = false;
    text.trim_matches('/').split('/').all(|segment| match segment {
        "{*}" => !ended,
        "{**}" => !std::mem::replace(&mut ended, true),
        _ => !segment.contains(['{', '}']) && (!is_template || is_literal(segment)),
    })
}

fn is_literal(segment: &str) -> bool {
    let is_pchar = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()+,;:@=".contains(&byte);
    !segment.is_empty() && segment.bytes().all(is_pchar)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_whole_segments_of_which_the_rest_is_last() {
        for good in ["/a", "/a*b", "", "/{*}", "/{*}/a/{**}", "/{**}/b", "/{*}/", "//a"] {
            assert!(is_path(good), "{good}");
        }
        for bad in ["/{x}", "/a{*}", "/{**}/{*}", "/{**}/{**}", "/{*}/*", "/a//{*}", "/}", "/{*}/a b"] {
            assert!(!is_path(bad), "{bad}");
        }
    }

    #[test]
    fn service_accounts_have_one_namespace_at_most_and_no_wildcards() {
        for good in ["a", "b/a", &"x".repeat(320)] {
            assert!(is_service_account(good), "{good}");
        }
        for bad in ["", "/a", "b/", "c/b/a", "a*", &"x".repeat(321)] {
            assert!(!is_service_account(bad), "{bad}");
        }
    }

    #[test]
    fn wildcards_of_trust_domains_are_at_an_end() {
        for good in ["a", "*", "*.a", "a.*"] {
            assert!(is_trust_domain(good), "{good}");
        }
        for bad in ["", "a*b", "*a*", "a/b"] {
            assert!(!is_trust_domain(bad), "{bad}");
        }
        assert!(has_outer_wildcard("a/b*"));
    }
}
