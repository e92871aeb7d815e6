//! Ports: numbers, names, protocols.

use super::{code, host, report::Report};

/// 1 to 65535.
pub(super) fn is_number(number: &u32) -> bool {
    (1..=65535).contains(number)
}

/// Flags a number out of range.
pub(super) fn number(report: &mut Report<'_>, name: &str, number: u32) {
    report.expect(name, &number, is_number, &code::PORT_RANGE);
}

/// Where 0 says that there is none.
pub(super) fn number_or_unset(report: &mut Report<'_>, name: &str, number: u32) {
    report.expect(name, &number, |number| *number == 0 || is_number(number), &code::PORT_RANGE);
}

/// Flags a name that is no DNS label; it can't be empty.
pub(super) fn name(report: &mut Report<'_>, name: &str) {
    report.expect("name", name, host::is_label, &code::PORT_NAME);
}

/// What a protocol's name means to a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// HTTP in the clear: HTTP, HTTP2, HTTP_PROXY, GRPC, GRPC-Web.
    Http,
    /// HTTPS, TLS.
    Tls,
    /// TCP, MONGO, REDIS, MYSQL.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// In any case; `None` for what Istio doesn't know.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_uppercase().as_str() {
            "HTTP" | "HTTP2" | "HTTP_PROXY" | "GRPC" | "GRPC-WEB" => Some(Self::Http),
            "HTTPS" | "TLS" => Some(Self::Tls),
            "TCP" | "MONGO" | "REDIS" | "MYSQL" => Some(Self::Tcp),
            "UDP" => Some(Self::Udp),
            _ => None,
        }
    }
}

/// A protocol's name, or nothing.
pub(super) fn protocol_or_unset(report: &mut Report<'_>, protocol: &str) {
    let known = |text: &str| text.is_empty() || Protocol::parse(text).is_some();
    report.expect("protocol", protocol, known, &code::PORT_PROTOCOL);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_read_in_any_case() {
        assert_eq!(Protocol::parse("grpc-web"), Some(Protocol::Http));
        assert_eq!(Protocol::parse("Https"), Some(Protocol::Tls));
        assert_eq!(Protocol::parse("HBONE"), None);
        assert_eq!(Protocol::parse(""), None);
    }
}
