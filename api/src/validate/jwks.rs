//! Keys within a RequestAuthentication: a JSON Web Key Set, or one key, as istiod's library reads them. One key that it
//! can't read makes it drop the whole resource.

use serde_json::{Map, Value};

/// What a key is made of, by its type. `d` makes it a private one.
struct KeyType {
    name: &'static str,
    /// Texts in base64 that must be there.
    required: &'static [&'static str],
    /// Texts in base64 that may be there.
    optional: &'static [&'static str],
    /// Whether it says a curve.
    curve: bool,
}

const KEY_TYPES: [KeyType; 4] = [
    KeyType {
        name: "RSA",
        required: &["n", "e"],
        optional: &["d", "p", "q", "dp", "dq", "qi"],
        curve: false,
    },
    KeyType { name: "EC", required: &["x", "y"], optional: &["d"], curve: true },
    KeyType { name: "OKP", required: &["x"], optional: &["d"], curve: true },
    KeyType { name: "oct", required: &["k"], optional: &[], curve: false },
];

/// Fields of every type of key that are texts.
const TEXTS: [&str; 6] = ["alg", "kid", "use", "x5t", "x5t#S256", "x5u"];

/// Whether a key is more than is needed to verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Half {
    Public,
    Private,
}

/// The keys of a set, or the one that stands for it; `None` where one of them is none.
pub(super) fn parse(text: &str) -> Option<Vec<Half>> {
    let Value::Object(set) = serde_json::from_str(text).ok()? else { return None };
    match set.get("keys") {
        Some(Value::Array(keys)) => keys.iter().map(|value| key(value.as_object()?)).collect(),
        Some(Value::Null) => Some(Vec::new()),
        Some(_) => None,
        None => key(&set).map(|half| vec![half]),
    }
}

fn key(fields: &Map<String, Value>) -> Option<Half> {
    let kty = fields.get("kty")?.as_str()?;
    let kind = KEY_TYPES.iter().find(|kind| kind.name == kty)?;
    let is_private = kind.name == "oct" || fields.contains_key("d");
    let required = kind.required.iter().all(|name| fields.get(*name).is_some_and(is_base64));
    let optional = kind.optional.iter().all(|name| fields.get(*name).is_none_or(is_base64));
    let curve = !kind.curve || fields.get("crv").is_some_and(|curve| text(curve).is_some());
    let texts = TEXTS.iter().all(|name| fields.get(*name).is_none_or(|value| text(value).is_some()));
    let operations = fields.get("key_ops").is_none_or(are_texts);
    let certificates = fields.get("x5c").is_none_or(are_certificates);
    let right = required && optional && curve && texts && operations && certificates;
    right.then_some(if is_private { Half::Private } else { Half::Public })
}

/// null counts as an empty text.
fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Null => Some(""),
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn are_texts(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(|list| list.iter().all(|item| text(item).is_some()))
}

fn is_base64(value: &Value) -> bool {
    text(value).is_some_and(|text| decode(text).is_some())
}

/// Certificates are told by their outermost form only: a sequence of as many bytes as it says.
fn are_certificates(value: &Value) -> bool {
    let is_sequence = |bytes: &[u8]| match *bytes {
        [0x30, length, ref rest @ ..] if length < 0x80 => rest.len() == usize::from(length),
        [0x30, 0x81, length, ref rest @ ..] => rest.len() == usize::from(length),
        [0x30, 0x82, high, low, ref rest @ ..] => rest.len() == usize::from(u16::from_be_bytes([high, low])),
        _ => false,
    };
    let is_certificate = |item: &Value| text(item).and_then(decode).is_some_and(|bytes| is_sequence(&bytes));
    value.is_null() || value.as_array().is_some_and(|list| list.iter().all(is_certificate))
}

/// Base64 in either alphabet, not both; with padding where it ends in `=`. Line breaks are skipped.
fn decode(text: &str) -> Option<Vec<u8>> {
    let symbols: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let padding = symbols.iter().rev().take_while(|byte| **byte == b'=').count();
    let symbols_len = symbols.len();
    let symbols = &symbols[..symbols_len - padding];
    let is_standard = text.contains(['+', '/']);
    let right = match padding {
        0 => symbols.len() % 4 != 1,
        1 | 2 => symbols_len.is_multiple_of(4) && symbols.len() % 4 >= 2,
        _ => false,
    };
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' if is_standard => Some(62),
        b'/' if is_standard => Some(63),
        b'-' if !is_standard => Some(62),
        b'_' if !is_standard => Some(63),
        _ => None,
    };
    let values: Vec<u8> = symbols.iter().map(|byte| value(*byte)).collect::<Option<_>>()?;
    let bytes = values.chunks(4).flat_map(|chunk| {
        let bits = chunk.iter().fold(0u32, |bits, value| bits << 6 | u32::from(*value));
        let bits = bits << (6 * (4 - chunk.len()));
        bits.to_be_bytes()[1..].iter().copied().take(chunk.len() - 1).collect::<Vec<u8>>()
    });
    right.then(|| bytes.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_may_be_empty_and_a_key_may_stand_alone() {
        for good in [
            r#"{"keys":[]}"#,
            r#"{"keys":null,"more":1}"#,
            r#"{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"a","other":{}}"#,
            r#"{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA=="}]}"#,
            r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"-_"}]}"#,
        ] {
            assert!(parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "{}",
            "[]",
            "{",
            r#"{"keys":{}}"#,
            r#"{"keys":[{}]}"#,
            r#"{"keys":[{"kty":"rsa","n":"AQAB","e":"AQAB"}]}"#,
            r#"{"kty":"RSA","n":"AQAB"}"#,
            r#"{"kty":"RSA","n":"AQAB","e":"A"}"#,
            r#"{"kty":"RSA","n":"+_AA","e":"AQAB"}"#,
            r#"{"kty":"RSA","n":"AQAB","e":"AQAB","kid":1}"#,
            r#"{"kty":"EC","x":"AA","y":"AA"}"#,
            r#"{"kty":"oct","k":"AA","x5c":["AA"]}"#,
        ] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn private_and_symmetric_keys_are_told() {
        let keys = r#"{"keys":[{"kty":"oct","k":"AA"},{"kty":"RSA","n":"AA","e":"AA"},{"kty":"RSA","n":"AA","e":"AA","d":"AA"}]}"#;
        assert_eq!(parse(keys), Some(vec![Half::Private, Half::Public, Half::Private]));
    }

    #[test]
    fn base64_is_decoded() {
        assert_eq!(decode("MAMBAf8").as_deref(), Some(&[0x30, 3, 1, 1, 0xff][..]));
        assert_eq!(decode("MAMBAf8=\n").as_deref(), Some(&[0x30, 3, 1, 1, 0xff][..]));
    }
}
