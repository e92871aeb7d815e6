//! Scalars of a document to values of a field.

use prost_reflect::{EnumDescriptor, Kind};

use super::{
    base64,
    decoder::{Decoder, Form},
    encode::Wire,
    yaml::{Node, Value},
};

/// The largest integer up to which every integer is also a double: what JSON writes as `1e3` or `5.0`.
const EXACT_DOUBLE_MAX: f64 = 9_007_199_254_740_992.0;

impl Decoder {
    /// A value of anything but a message. `None`: refused.
    pub(super) fn scalar<'n>(&mut self, kind: &Kind, node: &'n Node<'_>) -> Option<Wire<'n>> {
        match kind {
            Kind::Bool => self.bool(node),
            Kind::String => self.text(node).map(|text| Wire::Bytes(text.as_bytes().into())),
            Kind::Bytes => self.bytes(node),
            Kind::Float => self.float(node).map(|value| {
                #[allow(
                    clippy::cast_possible_truncation,
                    reason = "range is checked, rounding is what float means"
                )]
                Wire::Fixed32((value as f32).to_le_bytes())
            }),
            Kind::Double => self.double(node).map(|value| Wire::Fixed64(value.to_le_bytes())),
            Kind::Enum(of) => self.enumeration(of, node),
            Kind::Message(_) => None,
            _ => self.integer_field(kind, node),
        }
    }

    fn bool(&mut self, node: &Node<'_>) -> Option<Wire<'static>> {
        if let Value::Bool(value) = node.value {
            return Some(Wire::Varint(u64::from(value)));
        }
        let remedy = match node.text().map(str::to_ascii_lowercase).as_deref() {
            Some("yes" | "y" | "on" | "true") => "write true, without quotes",
            Some("no" | "n" | "off" | "false") => "write false, without quotes",
            _ => "write true or false",
        };
        self.wrong_type("a boolean", node, remedy);
        None
    }

    /// A text; numbers and booleans are to be quoted, as Kubernetes demands too.
    pub(super) fn text<'n>(&mut self, node: &'n Node<'_>) -> Option<&'n str> {
        if let Some(text) = node.text() {
            return Some(text);
        }
        let remedy = match &node.value {
            Value::Number(text) => format!("quote it: \"{text}\""),
            Value::Bool(value) => format!("quote it: \"{value}\""),
            _ => String::new(),
        };
        self.wrong_type("a text", node, remedy);
        None
    }

    fn bytes(&mut self, node: &Node<'_>) -> Option<Wire<'static>> {
        let text = self.text(node)?;
        match base64::decode(text) {
            Some(bytes) => Some(bytes.into()),
            None => {
                self.refuse("bad-base64", "the text is not base64", "write the bytes as base64");
                None
            }
        }
    }

    fn integer_field(&mut self, kind: &Kind, node: &Node<'_>) -> Option<Wire<'static>> {
        let (min, max) = match kind {
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => (i128::from(i32::MIN), i128::from(i32::MAX)),
            Kind::Uint32 | Kind::Fixed32 => (0, i128::from(u32::MAX)),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => (i128::from(i64::MIN), i128::from(i64::MAX)),
            _ => (0, i128::from(u64::MAX)),
        };
        let wide = max > i128::from(u32::MAX);
        let value = self.integer(node, wide)?;
        if !(min..=max).contains(&value) {
            self.refuse("out-of-range", format!("{value} is not between {min} and {max}"), "");
            return None;
        }
        // Signed values are written as the two's complement of 64 bits, or as zigzag where the type says so.
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "in range of 64 bits, see above"
        )]
        Some(match kind {
            Kind::Sint32 | Kind::Sint64 => Wire::Varint(((value << 1) ^ (value >> 127)) as u64),
            Kind::Fixed32 | Kind::Sfixed32 => Wire::Fixed32((value as u32).to_le_bytes()),
            Kind::Fixed64 | Kind::Sfixed64 => Wire::Fixed64((value as u64).to_le_bytes()),
            _ => Wire::Varint(value as u64),
        })
    }

    /// JSON can't hold integers of 64 bits for sure, so those may be texts; protobuf's JSON allows it for all.
    fn integer(&mut self, node: &Node<'_>, wide: bool) -> Option<i128> {
        let text = match &node.value {
            Value::Number(text) => Some(&**text),
            _ => node.text().filter(|_| wide || self.form == Form::Envoy),
        };
        let value = text.and_then(whole);
        if value.is_none() {
            let remedy = match node.text() {
                Some(text) if whole(text).is_some() => "leave the quotes out",
                Some(text) if text.starts_with('0') => "write it in decimal, without leading zeros",
                _ => "",
            };
            self.wrong_type("an integer", node, remedy);
        }
        value
    }

    fn float(&mut self, node: &Node<'_>) -> Option<f64> {
        // Parsed as what it becomes: by way of a double it would be rounded twice.
        let narrow = match &node.value {
            Value::Number(text) => text.parse::<f32>().ok(),
            _ => None,
        };
        let value = self.double(node)?;
        match narrow {
            Some(narrow) if narrow.is_finite() => Some(f64::from(narrow)),
            _ if !value.is_finite() => Some(value),
            _ => {
                self.refuse("out-of-range", format!("{value:e} is too large for a 32-bit float"), "");
                None
            }
        }
    }

    pub(super) fn double(&mut self, node: &Node<'_>) -> Option<f64> {
        let value = match &node.value {
            Value::Number(text) => text.parse::<f64>().ok().filter(|value| value.is_finite()),
            _ => match node.text() {
                Some("NaN") => Some(f64::NAN),
                Some("Infinity") => Some(f64::INFINITY),
                Some("-Infinity") => Some(f64::NEG_INFINITY),
                _ => None,
            },
        };
        match (&node.value, value) {
            (_, Some(value)) => return Some(value),
            (Value::Number(text), None) => {
                self.refuse("out-of-range", format!("{text} is too large for a double"), "");
            }
            _ => self.wrong_type("a number", node, ""),
        }
        None
    }

    fn enumeration(&mut self, of: &EnumDescriptor, node: &Node<'_>) -> Option<Wire<'static>> {
        let number = match &node.value {
            Value::Text(text) | Value::Ambiguous(text) => {
                of.get_value_by_name(text).map(|value| value.number())
            }
            Value::Number(text) => whole(text)
                .and_then(|number| i32::try_from(number).ok())
                .filter(|number| of.get_value(*number).is_some()),
            Value::Null if of.full_name() == "google.protobuf.NullValue" => Some(0),
            _ => {
                self.wrong_type(&format!("a name of {}", of.name()), node, allowed(of, ""));
                return None;
            }
        };
        if number.is_none() {
            let written = node.text().unwrap_or_default();
            let reason = format!("{} is no value of {}", node.describe(), of.name());
            self.refuse("unknown-enum-value", reason, allowed(of, written));
        }
        #[allow(clippy::cast_sign_loss, reason = "negative enum values go out as two's complement")]
        number.map(|number| Wire::Varint(i64::from(number) as u64))
    }
}

/// An integer as JSON may write it.
fn whole(text: &str) -> Option<i128> {
    if let Ok(value) = text.parse::<i128>() {
        // `+5` and `007` are not JSON.
        let canonical =
            !text.starts_with('+') && (value == 0 || !text.trim_start_matches('-').starts_with('0'));
        return canonical.then_some(value);
    }
    let value: f64 = text.parse().ok()?;
    #[allow(clippy::cast_possible_truncation, reason = "whole and within what a double holds exactly")]
    (value.fract() == 0.0 && value.abs() <= EXACT_DOUBLE_MAX).then_some(value as i128)
}

fn allowed(of: &EnumDescriptor, written: &str) -> String {
    let names: Vec<String> = of.values().map(|value| value.name().to_owned()).collect();
    let list = format!("allowed: {}", names.join(", "));
    let hint = super::suggest::remedy(written, names.iter().map(String::as_str));
    if hint.starts_with("did you mean") { format!("{hint} {list}") } else { list }
}
