//! Hosts as istiod resolves and matches them.

use super::text::Text;
use crate::validate::{address, host};

pub(super) use crate::validate::host::{is_within, overlap};

/// A host of a VirtualService or a DestinationRule in full: a name without dots is a Service of its own namespace.
pub(super) fn resolved(host: &str, namespace: &str, domain: &str) -> String {
    if is_short(host) { format!("{host}.{namespace}.svc.{domain}") } else { host.to_owned() }
}

/// Whether a host is one of the own namespace. Istiod knows its domain for what it reads from Kubernetes itself; of
/// what comes over a config source it makes `name.namespace`, which is nothing.
pub(super) fn is_short(host: &str) -> bool {
    !host.is_empty() && !host.contains('.') && !is_wildcard(host) && !address::is_ip(host)
}

/// The namespace of a Kubernetes Service's host.
pub(super) fn namespace_of<'h>(host: &'h str, domain: &str) -> Option<&'h str> {
    let (name, namespace) = host.strip_suffix(domain)?.strip_suffix(".svc.")?.rsplit_once('.')?;
    (!name.is_empty() && host::is_label(namespace)).then_some(namespace)
}

pub(super) fn is_wildcard(host: &str) -> bool {
    host.starts_with('*')
}

/// Under what a host is found: itself, or for a wildcard what begins with its first dot. `*foo.com` stands with `*.com`.
pub(super) fn shelf(host: &str) -> String {
    match host.strip_prefix('*') {
        None => host.to_owned(),
        Some(rest) => format!("*{}", rest.find('.').map_or("", |dot| &rest[dot..])),
    }
}

/// The shelves of all hosts that match everything that this one does, the nearest first.
pub(super) fn shelves(host: &str) -> impl Iterator<Item = String> + '_ {
    let own = (!is_wildcard(host)).then(|| host.to_owned());
    let dots = host.match_indices('.').map(|(dot, _)| format!("*{}", &host[dot..]));
    own.into_iter().chain(dots).chain(std::iter::once("*".to_owned()))
}

/// How near a host that matches is: itself, else by length.
pub(super) fn nearness(host: &Text) -> (bool, usize) {
    (!is_wildcard(host), host.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_without_dots_are_services_of_their_namespace() {
        assert_eq!(resolved("reviews", "shop", "cluster.local"), "reviews.shop.svc.cluster.local");
        for full in ["reviews.shop", "*", "*.com", "*foo", "::1", "10.0.0.1"] {
            assert_eq!(resolved(full, "shop", "cluster.local"), full);
        }
    }

    #[test]
    fn only_a_service_has_a_namespace() {
        let of = |host| namespace_of(host, "cluster.local");
        assert_eq!(of("reviews.shop.svc.cluster.local"), Some("shop"));
        for other in ["shop.svc.cluster.local", ".shop.svc.cluster.local", "a.shop.svc.other", "a.b", ""] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn wildcard_of_half_a_label_stands_with_that_of_the_rest() {
        let shelves_of = |host| shelves(host).collect::<Vec<_>>();
        assert_eq!(["*", "*foo", "*.a.b", "*foo.b", "a.b"].map(shelf), ["*", "*", "*.a.b", "*.b", "a.b"]);
        assert_eq!(shelves_of("x.a.b"), ["x.a.b", "*.a.b", "*.b", "*"]);
        assert_eq!(shelves_of("*.a.b"), ["*.a.b", "*.b", "*"]);
    }

    proptest! {
        #[test]
        fn every_host_that_matches_stands_on_one_of_the_shelves(host in "[*]?[ab.]{0,8}", other in "[*]?[ab.]{0,8}") {
            if is_within(&host, &other) {
                prop_assert!(shelves(&host).any(|one| one == shelf(&other)), "{host} {other}");
            }
        }
    }
}
