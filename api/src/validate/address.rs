//! Addresses as Go's `netip` reads them.

use std::net::{IpAddr, Ipv6Addr};

use super::{code, report::Report};

/// IPv4 without leading zeros, or IPv6, which may have a zone.
pub(super) fn is_ip(text: &str) -> bool {
    match text.split_once('%') {
        Some((address, zone)) => !zone.is_empty() && address.parse::<Ipv6Addr>().is_ok(),
        None => text.parse::<IpAddr>().is_ok(),
    }
}

/// A prefix; host bits may be set.
fn is_prefix(text: &str) -> bool {
    let Some((address, length)) = text.rsplit_once('/') else { return false };
    let plain =
        length == "0" || (!length.starts_with('0') && length.bytes().all(|byte| byte.is_ascii_digit()));
    let bits_max = match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    plain && length.parse::<u32>().is_ok_and(|bits| bits <= bits_max)
}

/// An address or a prefix.
pub(super) fn is_ip_or_prefix(text: &str) -> bool {
    if text.contains('/') { is_prefix(text) } else { is_ip(text) }
}

/// What follows `unix://`: an abstract name, or an absolute path of a file.
fn is_unix_path(path: &str) -> bool {
    path.starts_with('@') || (path.starts_with('/') && !path.ends_with('/'))
}

/// What follows `unix://`, if the text begins so.
pub(super) fn unix_path(text: &str) -> Option<&str> {
    text.strip_prefix("unix://")
}

/// A bind address where sockets of the file system are allowed.
pub(super) fn unix_or_ip(report: &mut Report<'_>, name: &str, text: &str) {
    let is_right = |text: &str| unix_path(text).map_or_else(|| is_ip(text), is_unix_path);
    report.expect(name, text, is_right, &code::BIND_INVALID);
}

/// Whether a `unix://` address names a socket.
pub(super) fn is_unix(text: &str) -> bool {
    unix_path(text).is_some_and(is_unix_path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_go_reads_them() {
        for good in ["1.2.3.4", "::1", "fe80::1%eth0", "::ffff:1.2.3.4"] {
            assert!(is_ip(good), "{good}");
        }
        for bad in ["", "010.0.0.1", "1.2.3", "1.2.3.4%eth0", "fe80::1%", "[::1]", "1.2.3.4:80", " 1.2.3.4"] {
            assert!(!is_ip(bad), "{bad}");
        }
    }

    #[test]
    fn prefixes_may_have_host_bits_but_no_zone() {
        for good in ["10.0.0.1/8", "1.2.3.4", "0.0.0.0/0", "::/128", "1.2.3.4/32"] {
            assert!(is_ip_or_prefix(good), "{good}");
        }
        for bad in ["1.2.3.4/33", "1.2.3.4/024", "1.2.3.4/+8", "fe80::1%e/64", "1.2.3.4/8/8", "1.2.3.4/", "*"]
        {
            assert!(!is_ip_or_prefix(bad), "{bad}");
        }
    }

    #[test]
    fn sockets_are_abstract_or_absolute() {
        for good in ["unix:///a", "unix://@a", "unix://@"] {
            assert!(is_unix(good), "{good}");
        }
        for bad in ["unix://", "unix://a/b", "unix:///a/", "/a"] {
            assert!(!is_unix(bad), "{bad}");
        }
    }
}
