//! Names of HTTP headers.

const PSEUDO: [&str; 5] = [":method", ":scheme", ":authority", ":path", ":status"];
const CLAIMS: &str = "@request.auth.claims";

/// `@request.auth.claims.group` or `@request.auth.claims[group]`: a claim of a validated token, not a header.
pub(super) fn is_jwt_claim(name: &str) -> bool {
    let Some(prefix) = name.get(..CLAIMS.len()) else { return false };
    let rest = &name[CLAIMS.len()..];
    let dotted = rest.starts_with('.') && rest.len() > 1;
    let bracketed = rest.starts_with('[') && rest.ends_with(']') && rest.len() > 2;
    prefix.eq_ignore_ascii_case(CLAIMS) && (dotted || bracketed)
}

/// RFC 9110's token, and a comma, which a range in istiod's pattern lets through.
pub(super) fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+,-.^_`|~".contains(&byte))
}

/// What a route can match on.
pub(super) fn is_match_name(name: &str) -> bool {
    is_jwt_claim(name) || PSEUDO.contains(&name) || is_token(name)
}

/// Letters, digits, dashes and underscores: what a claim may be copied to.
pub(super) fn is_claim_target(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// What a probe may send.
pub(super) fn is_probe_name(name: &str) -> bool {
    is_claim_target(name) && !name.contains('_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_match_on_headers_pseudo_headers_and_claims() {
        for good in [":method", "a~b.c", "x-user", "@request.auth.claims.a", "@Request.Auth.Claims[a]"] {
            assert!(is_match_name(good), "{good}");
        }
        for bad in
            ["", ":foo", "a b", "@request.auth.claims", "@request.auth.claims[]", "@request.auth.claimsä"]
        {
            assert!(!is_match_name(bad), "{bad}");
        }
    }
}
