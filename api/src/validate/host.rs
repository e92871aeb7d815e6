//! Host names as Istio takes them: looser than Kubernetes (upper case counts), in one place stricter than DNS (the last
//! label is no number, so that addresses are not hosts).

const LABEL_LEN_MAX: usize = 63;
const NAME_LEN_MAX: usize = 255;

/// Letters, digits and inner dashes, up to 63.
pub(super) fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    text.len() <= LABEL_LEN_MAX
        && text.bytes().all(inner)
        && !text.is_empty()
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// A label, `*`, `*label` or `*-label`.
fn is_wildcard_label(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('*') else { return is_label(text) };
    text.len() <= LABEL_LEN_MAX && (rest.is_empty() || is_label(rest.strip_prefix('-').unwrap_or(rest)))
}

/// Labels between dots; the last one is no number, and may be empty (a trailing dot).
fn are_labels(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let Some((last, others)) = parts.split_last() else { return false };
    last.parse::<i64>().is_err()
        && others.iter().all(|part| is_label(part))
        && (last.is_empty() || is_label(last))
}

/// A name without wildcards; one label is enough.
pub(super) fn is_fqdn(text: &str) -> bool {
    (1..=NAME_LEN_MAX).contains(&text.len()) && are_labels(text)
}

/// A name whose first label may be a wildcard.
pub(super) fn is_wildcard_domain(text: &str) -> bool {
    let (first, rest) = match text.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (text, None),
    };
    (1..=NAME_LEN_MAX).contains(&text.len()) && is_wildcard_label(first) && rest.is_none_or(are_labels)
}

/// `*foo.com`: a wildcard that is no whole label. Some places take whole ones only.
pub(super) fn is_partial_wildcard(text: &str) -> bool {
    text.len() > 1 && text.contains('*') && !text.starts_with("*.")
}

/// `outbound_.80_._.reviews.shop.svc`, which east-west gateways route by, or an ordinary host.
pub(super) fn is_gateway_sni(text: &str) -> bool {
    if !text.starts_with("outbound_") {
        return is_wildcard_domain(text);
    }
    let parts: Vec<&str> = text.split('_').map(|part| part.trim_matches('.')).collect();
    text.len() <= NAME_LEN_MAX
        && parts.len() >= 4
        && parts[1].bytes().any(|byte| byte.is_ascii_digit())
        && parts[3].bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// What a wildcarded host ends in; `None` for a host without.
fn suffix(host: &str) -> Option<&str> {
    host.strip_prefix('*')
}

/// Whether some name is matched by both.
pub(super) fn overlap(one: &str, other: &str) -> bool {
    match (suffix(one), suffix(other)) {
        (Some(one), Some(other)) => one.ends_with(other) || other.ends_with(one),
        (Some(one), None) => other.ends_with(one),
        (None, Some(other)) => one.ends_with(other),
        (None, None) => one == other,
    }
}

/// Whether everything that `host` matches is matched by `all`.
pub(super) fn is_within(host: &str, all: &str) -> bool {
    match (suffix(host), suffix(all)) {
        (Some(host), Some(all)) => host.ends_with(all),
        (Some(_), None) => false,
        (None, Some(all)) => host.ends_with(all),
        (None, None) => host == all,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_may_be_upper_case_and_no_longer_than_63() {
        for good in ["a", "A-b", "0", &"x".repeat(63)] {
            assert!(is_label(good), "{good}");
        }
        for bad in ["", "-a", "a-", "a_b", "a.b", "ä", &"x".repeat(64)] {
            assert!(!is_label(bad), "{bad}");
        }
    }

    #[test]
    fn a_name_without_wildcards_does_not_end_in_a_number() {
        for good in ["foo", "a.b", "a.b.", "a.1.", "a.99999999999999999999"] {
            assert!(is_fqdn(good), "{good}");
        }
        for bad in ["", ".", "a..b", "*", "*.b", "123", "1.2.3", "1.2.3.4", "a.+5"] {
            assert!(!is_fqdn(bad), "{bad}");
        }
    }

    #[test]
    fn only_the_first_label_is_a_wildcard() {
        let long = ["x".repeat(63), "x".repeat(63), "x".repeat(63), "x".repeat(63)].join(".");
        for good in ["*", "*.com", "*foo.com", "*-foo.com", "123", "*.", "a.b.", &long] {
            assert!(is_wildcard_domain(good), "{good}");
        }
        for bad in ["", ".", "*-", "*.1", "a.*.b", "a..b", "1.2.3.4", "a_b", &format!("a{long}")] {
            assert!(!is_wildcard_domain(bad), "{bad}");
        }
    }

    #[test]
    fn hosts_overlap_by_suffix_in_either_direction() {
        assert!(overlap("*.com", "*.foo.com") && overlap("*.foo.com", "*.com"));
        assert!(overlap("*.foo.com", "b.foo.com") && overlap("b.foo.com", "*.foo.com"));
        assert!(overlap("*", "a") && overlap("a", "a"));
        assert!(!overlap("a", "A") && !overlap("*.foo.com", "foo.com"));
    }

    #[test]
    fn a_wildcard_is_not_within_a_name() {
        assert!(is_within("a.b.com", "*.b.com") && is_within("*.a.b.com", "*.b.com") && is_within("a", "a"));
        assert!(!is_within("*.b.com", "a.b.com") && !is_within("*.com", "*.b.com"));
    }

    #[test]
    fn east_west_names_need_a_port_and_a_host() {
        assert!(is_gateway_sni("outbound_.80_._.e.com") && is_gateway_sni("*.com"));
        assert!(!is_gateway_sni(&format!("outbound_.80_._.{}", "x".repeat(240))));
        assert!(!is_gateway_sni("outbound_.80_.e.com") && !is_gateway_sni("outbound_.x_._.e.com"));
    }
}
