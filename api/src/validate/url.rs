//! URLs of keys and modules, as Go's `net/url` reads them.

use std::net::Ipv6Addr;

/// The parts that rules look at.
struct Url<'a> {
    /// As written; empty where there is none.
    scheme: &'a str,
    /// What follows `//`, without user and password.
    authority: Option<&'a str>,
}

/// What Go's `url.Parse` takes.
fn parse(text: &str) -> Option<Url<'_>> {
    let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
    if text.bytes().any(|byte| byte.is_ascii_control()) || !is_escaped(fragment) {
        return None;
    }
    parse_reference(text, false)
}

/// What Go's `url.ParseRequestURI` takes: an absolute path, or a URL with a scheme.
fn parse_request(text: &str) -> Option<Url<'_>> {
    if text.is_empty() || text.bytes().any(|byte| byte.is_ascii_control()) {
        return None;
    }
    parse_reference(text, true)
}

fn parse_reference(text: &str, request: bool) -> Option<Url<'_>> {
    if text == "*" {
        return Some(Url { scheme: "", authority: None });
    }
    let (scheme, rest) = split_scheme(text)?;
    let rest = rest.split_once('?').map_or(rest, |(path, _)| path);
    if !rest.starts_with('/') {
        if !scheme.is_empty() {
            return Some(Url { scheme, authority: None }); // opaque: `mailto:a`
        }
        // A colon in the first segment would be taken for a scheme.
        if request || rest.split('/').next().is_some_and(|segment| segment.contains(':')) {
            return None;
        }
    }
    let has_authority =
        rest.starts_with("//") && (!scheme.is_empty() || (!request && !rest.starts_with("///")));
    let (authority, path) = match rest.strip_prefix("//").filter(|_| has_authority) {
        Some(rest) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            (Some(without_user(authority)?), path)
        }
        None => (None, rest),
    };
    let right = authority.is_none_or(|authority| is_authority(authority, scheme)) && is_escaped(path);
    right.then_some(Url { scheme, authority })
}

/// The scheme, if the text begins with one, and what follows its colon.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let is_inner = |byte: u8| byte.is_ascii_digit() || b"+-.".contains(&byte);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b':' if at == 0 => return None,
            b':' => return Some((&text[..at], &text[at + 1..])),
            _ if byte.is_ascii_alphabetic() => {}
            _ if is_inner(byte) && at > 0 => {}
            _ => break,
        }
    }
    Some(("", text))
}

fn without_user(authority: &str) -> Option<&str> {
    let Some((user, host)) = authority.rsplit_once('@') else { return Some(authority) };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte);
    (user.bytes().all(allowed) && is_escaped(user)).then_some(host)
}

/// A host, an address in brackets or nothing, and a port in digits or nothing.
fn is_authority(text: &str, scheme: &str) -> bool {
    match text.rfind('[') {
        Some(0) => {
            text[1..].rsplit_once(']').is_some_and(|(address, port)| is_port(port) && is_literal(address))
        }
        Some(_) => false,
        None => {
            // Other schemes may list hosts.
            let is_http = ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
            let colon = if is_http { text.find(':') } else { text.rfind(':') };
            is_port(colon.map_or("", |at| &text[at..])) && is_host(text)
        }
    }
}

/// An address of IPv6, whose zone is escaped.
fn is_literal(text: &str) -> bool {
    let (address, zone) =
        text.split_once("%25").map_or((text, None), |(address, zone)| (address, Some(zone)));
    address.parse::<Ipv6Addr>().is_ok() && zone.is_none_or(|zone| !zone.is_empty() && is_escaped(zone))
}

fn is_port(text: &str) -> bool {
    text.is_empty()
        || text.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Escapes stand for bytes that are no ASCII; signs are those of a name, and some that browsers let pass.
fn is_host(text: &str) -> bool {
    let allowed = |byte: u8| {
        !byte.is_ascii() || byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:[]<>\"%".contains(&byte)
    };
    let mut escapes = text.match_indices('%').map(|(at, _)| &text.as_bytes()[at + 1..]);
    let is_foreign =
        |escape: &[u8]| escape.starts_with(b"25") || escape.first().is_some_and(|first| *first >= b'8');
    text.bytes().all(allowed) && is_escaped(text) && escapes.all(is_foreign)
}

/// Each percent sign begins two hexadecimal digits.
fn is_escaped(text: &str) -> bool {
    text.match_indices('%').all(|(at, _)| {
        text.as_bytes().get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}

/// An HTTP address of keys.
pub(super) fn is_http(text: &str) -> bool {
    parse(text).is_some_and(|url| {
        let known = ["http", "https"].iter().any(|known| url.scheme.eq_ignore_ascii_case(known));
        // The port is read as a number of 64 bits.
        let port =
            url.authority.and_then(|authority| authority.rsplit_once(':')).map_or("", |(_, port)| port);
        known && (port.is_empty() || port.contains(']') || port.parse::<i64>().is_ok())
    })
}

/// Where a Wasm module comes from: a file, HTTP, or an OCI registry, which is the default.
///
/// `host:port/image` reads as a scheme named `host`: istiod refuses it, `oci://` in front helps.
pub(super) fn is_wasm(text: &str) -> bool {
    let known = ["", "file", "http", "https", "oci"];
    let is_known = |url: Url<'_>| known.iter().any(|known| url.scheme.eq_ignore_ascii_case(known));
    if text.is_empty() {
        return false;
    }
    match parse_request(text) {
        Some(url) => is_known(url) && parse(text).is_some(),
        None => {
            let text = format!("http://{text}");
            parse_request(&text).is_some() && parse(&text).is_some()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_come_from_files_http_and_registries() {
        for good in [
            "oci://a/b:1",
            "a.com/b:c",
            "1.2.3.4:5000/a",
            "FILE:///a",
            "/a b",
            "https://a",
            "//a",
            "http://[::1]:80/a",
            "oci:a",
        ] {
            assert!(is_wasm(good), "{good}");
        }
        for bad in ["", "reg.io:5000/a", "localhost:80/x", "a b", "ftp://a", "a%zz", "a#%zz"] {
            assert!(!is_wasm(bad), "{bad}");
        }
    }

    #[test]
    fn keys_come_over_http() {
        for good in [
            "https://",
            "HTTP://a",
            "https://a:99999/k?x=%zz",
            "http:a",
            "https://u:p@a/k",
            "https://[::1]/k",
        ] {
            assert!(is_http(good), "{good}");
        }
        for bad in [
            "ftp://a",
            "a",
            "",
            "https://a:b",
            "https://a b",
            "https://a/%zz",
            ":a",
            "https://[::1",
            "https://a/\n",
        ] {
            assert!(!is_http(bad), "{bad}");
        }
    }
}
