//! SPIFFE ids: `spiffe://TRUST-DOMAIN/PATH`, and what those of Istio say.

use mainsheet_api::access::{Identity, identity::AUTHENTICATED};

/// What every id begins with.
pub(crate) const SCHEME: &str = "spiffe://";

/// Bytes of an id (the standard's own bound).
const BYTES_MAX: usize = 2048;

/// Bytes of a trust domain (the standard's own bound).
const TRUST_DOMAIN_BYTES_MAX: usize = 255;

/// Who an id names. Of this trust domain, `/ns/NAMESPACE/sa/NAME` is a service account; any other id is a user of that name.
///
/// # Errors
/// Where it is no SPIFFE id: what is wrong with it.
pub(crate) fn identity(id: &str, trust_domain: &str) -> Result<Identity, String> {
    let (domain, path) = parts(id).map_err(|wrong| format!("`{id}` is no SPIFFE id: {wrong}"))?;
    let segments: Vec<&str> = path.split('/').collect();
    Ok(match segments[..] {
        ["", "ns", namespace, "sa", name] if domain == trust_domain => {
            Identity::service_account(namespace, name)
        }
        _ => Identity::new(id, [AUTHENTICATED]),
    })
}

/// Whether a text may be a trust domain.
pub(crate) fn is_trust_domain(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_".contains(c);
    !text.is_empty() && text.len() <= TRUST_DOMAIN_BYTES_MAX && text.chars().all(fits)
}

/// Trust domain and path.
fn parts(id: &str) -> Result<(&str, &str), &'static str> {
    if id.len() > BYTES_MAX {
        return Err("it is longer than 2048 bytes");
    }
    let rest = id.strip_prefix(SCHEME).ok_or("it does not begin with spiffe://")?;
    let (domain, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if !is_trust_domain(domain) {
        return Err("its trust domain has other characters than a-z, 0-9, `.`, `-` and `_`");
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    let is_segment = |segment: &str| !matches!(segment, "" | "." | "..") && segment.chars().all(fits);
    match path.strip_prefix('/') {
        Some(segments) if segments.split('/').all(is_segment) => Ok((domain, path)),
        Some(_) => Err(
            "a part of its path is empty, `.`, `..`, or has other characters than letters, digits, `.`, `-` and `_`",
        ),
        None => Err("it has no path, and names all of a trust domain"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn user(id: &str) -> String {
        identity(id, "cluster.local").unwrap().user().to_owned()
    }

    #[test]
    fn service_account_of_this_trust_domain_is_one_of_kubernetes() {
        let account = identity("spiffe://cluster.local/ns/shop/sa/cart", "cluster.local").unwrap();
        assert_eq!(account, Identity::service_account("shop", "cart"));
    }

    #[test]
    fn any_other_id_is_a_user_of_that_name() {
        for id in [
            "spiffe://other.org/ns/shop/sa/cart",
            "spiffe://cluster.local/ns/shop/sa/cart/more",
            "spiffe://cluster.local/ns/shop",
            "spiffe://cluster.local/workload",
        ] {
            assert_eq!(user(id), id);
        }
        assert!(identity("spiffe://a/b", "a").unwrap().groups().eq([AUTHENTICATED]));
    }

    #[test]
    fn what_is_no_id_names_nobody() {
        for wrong in [
            "",
            "https://cluster.local/ns/a/sa/b",
            "SPIFFE://cluster.local/ns/a/sa/b",
            "spiffe://cluster.local",
            "spiffe://cluster.local/",
            "spiffe:///ns/a/sa/b",
            "spiffe://Cluster.local/ns/a/sa/b",
            "spiffe://cluster.local:443/ns/a/sa/b",
            "spiffe://me@cluster.local/ns/a/sa/b",
            "spiffe://cluster.local/ns//sa/b",
            "spiffe://cluster.local/ns/../sa/b",
            "spiffe://cluster.local/ns/a/sa/b?c=d",
            "spiffe://cluster.local/ns/a/sa/b#c",
            "spiffe://cluster.local/ns/a/sa/b%2fc",
            "spiffe://cluster.local/ns/a/sa/b:c",
            "spiffe://cluster.local/ns/a/sa/b/",
        ] {
            let error = identity(wrong, "cluster.local").unwrap_err();
            assert!(error.contains("is no SPIFFE id: "), "{error}");
        }
        assert!(identity(&format!("spiffe://a/{}", "b".repeat(2040)), "a").is_err());
    }

    proptest! {
        /// However an id is made, it does not name another account than the one whose parts it has.
        #[test]
        fn no_id_names_an_account_but_by_its_own_parts(id in "spiffe://[a-c.:]{1,3}(/[a-c:.%/]{0,4}){0,5}") {
            if let Ok(identity) = identity(&id, "a")
                && let Some((namespace, name)) = identity.as_service_account()
            {
                prop_assert_eq!(id, format!("spiffe://a/ns/{namespace}/sa/{name}"));
            }
        }
    }
}
