//! Constraints that are more than a bound: forms of texts, and what CEL says of several fields.

use std::borrow::Cow;

use prost_reflect::{MapKey, ReflectMessage as _, Value};

use crate::validate::{
    code::{self, Code},
    host, url,
};

/// A constraint by name.
#[derive(Debug)]
pub(super) struct Named {
    name: &'static str,
    pub(super) code: &'static Code,
    /// What it asks.
    pub(super) what: &'static str,
    pub(super) holds: fn(&Value) -> bool,
}

/// The constraint of this name.
pub(super) fn find(name: &str) -> Option<&'static Named> {
    NAMED.iter().find(|named| named.name == name)
}

macro_rules! named {
    ($($name:literal $code:ident $what:literal $holds:expr;)*) => {
        static NAMED: &[Named] = &[$(Named { name: $name, code: &code::$code, what: $what, holds: $holds }),*];
    };
}

named! {
    "at-least-1ms" CRD_DURATION "too short" |value| millis(value).is_none_or(|millis| millis >= 1.0);
    "empty" CRD_TEXT "leave it out" |value| text(value).is_empty();
    "not-all" CRD_TEXT "`*` alone" |value| text(value) != "*";
    "no-wildcard" CRD_TEXT "no `*`" |value| !text(value).contains('*');
    "socket-path" CRD_TEXT "unix:///path or unix://@name" |value| is_socket_or_other(text(value));
    "kind-name" CRD_TEXT "letters, digits and inner dashes, a letter first" |value| is_kind(text(value));
    "group-name" CRD_TEXT "a DNS name in lower case" |value| is_group(text(value));
    "header-name" CRD_TEXT "letters, digits, `-` and `_`" |value| is_header(text(value));
    "sha256" CRD_TEXT "64 lower case hexadecimal digits" |value| is_digest(text(value));
    "url-of-keys" CRD_TEXT "http:// or https://" |value| url::is_http(text(value));
    "url-of-module" CRD_TEXT "oci://, http://, https:// or file://" |value| url::is_wasm(text(value));
    "keys-not-empty" CRD_TEXT "an empty key" |value| keys(value).iter().all(|key| !key.is_empty());
    "keys-no-wildcard" CRD_TEXT "no `*` in keys" |value| keys(value).iter().all(|key| !key.contains('*'));
    "keys-port-names" CRD_TEXT "names of up to 62 letters, digits and inner dashes"
        |value| keys(value).iter().all(|key| key.len() < 63 && host::is_label(key));
    "keys-ports" CRD_NUMBER "1 to 65535" |value| ports(value).iter().all(|port| (1..=65535).contains(port));
    "numbers-unique" CRD_COMBINATION "a port number twice" |value| are_numbers_unique(value);
    "socket-without-ports" CRD_COMBINATION "a socket has no ports"
        |value| !(text(&field(value, "address")).starts_with("unix://") && has(value, "ports"));
    "host-without-value" CRD_COMBINATION "a value that comes from the host" |value| !(is(value, "valueFrom", 1) && has(value, "value"));
    "remove-without-value" CRD_COMBINATION "a value that is removed" |value| !(is(value, "operation", 1) && has(value, "value"));
    "waypoint-match" CRD_COMBINATION "context WAYPOINT and match.waypoint go together"
        |value| is(value, "context", 4) == has(value, "waypoint");
    "ports-with-selector" CRD_COMBINATION "portLevelMtls needs a selector with labels"
        |value| !has(value, "portLevelMtls") || has(&field(value, "selector"), "matchLabels");
    "service-accounts-alone" CRD_COMBINATION "serviceAccounts exclude principals and namespaces"
        |value| !any(value, &["serviceAccounts", "notServiceAccounts"])
            || !any(value, &["principals", "notPrincipals", "namespaces", "notNamespaces"]);
    "none-without-endpoints" CRD_COMBINATION "resolution NONE has no endpoints"
        |value| has(value, "resolution") || !has(value, "endpoints");
    "one-endpoint-round-robin" CRD_COMBINATION "DNS_ROUND_ROBIN has one endpoint at most"
        |value| !is(value, "resolution", 3) || field(value, "endpoints").as_list().is_none_or(|list| list.len() <= 1);
    "single-addresses" CRD_COMBINATION "prefixes need resolution NONE or STATIC"
        |value| !has(value, "resolution") || is(value, "resolution", 1)
            || field(value, "addresses").as_list().is_none_or(|list| list.iter().all(|it| !text(it).contains('/')));
}

/// Whether a field of a message is there.
pub(super) fn has(value: &Value, name: &str) -> bool {
    let Value::Message(message) = value else { return false };
    message.descriptor().get_field_by_json_name(name).is_some_and(|field| message.has_field(&field))
}

fn any(value: &Value, names: &[&str]) -> bool {
    names.iter().any(|name| has(value, name))
}

/// A field of a message; false where there is none.
fn field<'v>(value: &'v Value, name: &str) -> Cow<'v, Value> {
    let Value::Message(message) = value else { return Cow::Owned(Value::Bool(false)) };
    match message.descriptor().get_field_by_json_name(name) {
        Some(field) => message.get_field(&field),
        None => Cow::Owned(Value::Bool(false)),
    }
}

fn is(value: &Value, name: &str, number: i32) -> bool {
    field(value, name).as_enum_number() == Some(number)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Of a duration.
#[allow(clippy::cast_precision_loss)] // compared with 1
fn millis(value: &Value) -> Option<f64> {
    let (seconds, nanos) = (field(value, "seconds").as_i64()?, field(value, "nanos").as_i32()?);
    Some(seconds as f64 * 1e3 + f64::from(nanos) / 1e6)
}

fn keys(value: &Value) -> Vec<&str> {
    let entries = value.as_map().into_iter().flatten();
    entries.filter_map(|(key, _)| key.as_str()).collect()
}

fn ports(value: &Value) -> Vec<u32> {
    let entries = value.as_map().into_iter().flatten();
    entries.filter_map(|(key, _)| MapKey::as_u32(key)).collect()
}

fn are_numbers_unique(value: &Value) -> bool {
    let numbers: Vec<_> =
        value.as_list().into_iter().flatten().map(|port| field(port, "number").as_u32()).collect();
    numbers.iter().enumerate().all(|(index, number)| !numbers[..index].contains(number))
}

fn is_socket_or_other(text: &str) -> bool {
    text.strip_prefix("unix://").is_none_or(|path| path.starts_with(['/', '@']) && !text.ends_with('/'))
}

fn is_kind(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && !text.ends_with('-')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_group(text: &str) -> bool {
    let is_lower = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    text.is_empty() || text.split('.').all(is_lower)
}

fn is_header(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn is_digest(text: &str) -> bool {
    text.is_empty()
        || (text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
}
