//! URLs of keys and modules.

/// The scheme before the first colon, if the text begins with one as RFC 3986 has it.
fn scheme(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once(':')?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_scheme.then_some(scheme)
}

/// An HTTP address of keys.
pub(super) fn is_http(text: &str) -> bool {
    scheme(text)
        .is_some_and(|scheme| ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)))
        && !text.bytes().any(|byte| byte.is_ascii_control())
}

/// Where a Wasm module comes from: a file, HTTP, or an OCI registry, which is the default.
///
/// `host:port/image` reads as a scheme named `host`: istiod refuses it, `oci://` in front helps.
pub(super) fn is_wasm(text: &str) -> bool {
    let known = ["file", "http", "https", "oci"];
    let scheme = scheme(text);
    let rest = scheme.map_or(Some(text), |scheme| text[scheme.len()..].strip_prefix("://"));
    let host = rest.and_then(|rest| rest.split('/').next()).unwrap_or_default();
    !text.is_empty()
        && !text.bytes().any(|byte| byte.is_ascii_control())
        && !host.contains(' ')
        && scheme.is_none_or(|scheme| known.iter().any(|known| scheme.eq_ignore_ascii_case(known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_come_from_files_http_and_registries() {
        for good in ["oci://a/b:1", "a.com/b:c", "1.2.3.4:5000/a", "FILE:///a", "/a b", "https://a"] {
            assert!(is_wasm(good), "{good}");
        }
        for bad in ["", "reg.io:5000/a", "localhost:80/x", "a b", "ftp://a"] {
            assert!(!is_wasm(bad), "{bad}");
        }
    }

    #[test]
    fn keys_come_over_http() {
        assert!(is_http("https://") && is_http("HTTP://a"));
        assert!(!is_http("ftp://a") && !is_http("a") && !is_http(""));
    }
}
