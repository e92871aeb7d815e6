//! Messages to trees, by descriptor: what `message`, `scalar` and `well_known` read, written.

use std::collections::BTreeMap;

use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, ReflectMessage, Value, prost_types::Duration,
};
use serde_json::Number;

use super::tree::Tree;
use crate::{
    codec::{base64, decoder::Form, moment},
    limits::MESSAGE_DEPTH_MAX,
};

/// The fields that are set, in the order in which their .proto file declares them.
pub(super) fn fields(form: Form, message: &DynamicMessage, depth: usize) -> Vec<(String, Tree)> {
    let descriptor = message.descriptor();
    let declared = &descriptor.descriptor_proto().field;
    declared
        .iter()
        .filter_map(|field| descriptor.get_field(u32::try_from(field.number()).ok()?))
        .filter(|field| message.has_field(field))
        .map(|field| {
            (form.name(&field).to_owned(), Writer { form, depth }.field(&field, &message.get_field(&field)))
        })
        .collect()
}

#[derive(Clone, Copy)]
struct Writer {
    form: Form,
    /// Messages around this one. A decoder bounds those of one Any only, and Anys may nest.
    depth: usize,
}

impl Writer {
    fn field(self, field: &FieldDescriptor, value: &Value) -> Tree {
        match (value, field.kind()) {
            (Value::Map(entries), Kind::Message(entry)) => {
                let kind = entry.map_entry_value_field().kind();
                let sorted: BTreeMap<String, Tree> =
                    entries.iter().map(|(key, value)| (key_text(key), self.value(&kind, value))).collect();
                Tree::Map(sorted.into_iter().collect())
            }
            (Value::List(items), kind) => {
                Tree::List(items.iter().map(|item| self.value(&kind, item)).collect())
            }
            (value, kind) => self.value(&kind, value),
        }
    }

    fn value(self, kind: &Kind, value: &Value) -> Tree {
        match value {
            Value::Bool(value) => Tree::Bool(*value),
            Value::I32(value) => Tree::Number((*value).into()),
            Value::U32(value) => Tree::Number((*value).into()),
            // JSON's readers may hold numbers as doubles, so protobuf's JSON writes 64 bits as texts.
            Value::I64(value) => Tree::Text(value.to_string()),
            Value::U64(value) => Tree::Text(value.to_string()),
            // The shortest decimal that is this float, not all the digits of the double that equals it.
            Value::F32(value) => number(value.to_string().parse().unwrap_or(f64::from(*value))),
            Value::F64(value) => number(*value),
            Value::String(text) => Tree::from(text.as_str()),
            Value::Bytes(bytes) => base64::encode(bytes).into(),
            Value::EnumNumber(number) => enumeration(kind, *number),
            Value::Message(message) => self.message(message),
            // Neither occurs below a list or a map.
            Value::List(_) | Value::Map(_) => Tree::Null,
        }
    }

    fn message(mut self, message: &DynamicMessage) -> Tree {
        self.depth += 1;
        let descriptor = message.descriptor();
        let Some(name) = descriptor.full_name().strip_prefix("google.protobuf.") else {
            return Tree::Map(fields(self.form, message, self.depth));
        };
        match name {
            "Duration" => {
                let (seconds, nanos) = seconds_and_nanos(message);
                moment::duration_text(&Duration { seconds, nanos }).into()
            }
            "Timestamp" => {
                let (seconds, nanos) = seconds_and_nanos(message);
                moment::timestamp_text(seconds, nanos).into()
            }
            "FieldMask" => field_mask(message).into(),
            "Any" => self.any(message),
            "Value" => self.any_value(message),
            "Struct" | "ListValue" => self.first(message),
            _ if name.ends_with("Value") => self.first(message),
            _ => Tree::Map(fields(self.form, message, self.depth)),
        }
    }

    /// The only field of wrappers, structs and lists.
    fn first(self, message: &DynamicMessage) -> Tree {
        match message.descriptor().get_field(1) {
            Some(field) => self.field(&field, &message.get_field(&field)),
            None => Tree::Null,
        }
    }

    fn any_value(self, message: &DynamicMessage) -> Tree {
        match message.fields().next() {
            Some((field, value)) => self.field(&field, value),
            None => Tree::Null,
        }
    }

    /// What can't be decoded stays base64.
    fn any(self, message: &DynamicMessage) -> Tree {
        let text =
            |number| message.get_field_by_number(number).and_then(|value| value.as_str().map(str::to_owned));
        let url = text(1).unwrap_or_default();
        let bytes =
            message.get_field_by_number(2).and_then(|value| value.as_bytes().cloned()).unwrap_or_default();
        let name = url.rsplit('/').next().unwrap_or_default();
        let pool = message.descriptor().parent_pool().clone();
        let decoded = pool
            .get_message_by_name(name)
            .filter(|_| self.depth < MESSAGE_DEPTH_MAX)
            .and_then(|inner| DynamicMessage::decode(inner, bytes.clone()).ok());
        let mut written = vec![("@type".to_owned(), Tree::from(url.as_str()))];
        match decoded {
            None => written.push(("value".to_owned(), base64::encode(&bytes).into())),
            Some(message) if name.starts_with("google.protobuf.") && name != "google.protobuf.Empty" => {
                written.push(("value".to_owned(), self.message(&message)));
            }
            Some(message) => written.extend(fields(self.form, &message, self.depth)),
        }
        Tree::Map(written)
    }
}

fn key_text(key: &MapKey) -> String {
    match key {
        MapKey::Bool(value) => value.to_string(),
        MapKey::I32(value) => value.to_string(),
        MapKey::I64(value) => value.to_string(),
        MapKey::U32(value) => value.to_string(),
        MapKey::U64(value) => value.to_string(),
        MapKey::String(text) => text.clone(),
    }
}

/// Whole numbers without `.0`, as Go writes them; what JSON has no number for, as protobuf's JSON names it.
fn number(value: f64) -> Tree {
    #[allow(clippy::cast_possible_truncation, reason = "whole, and small enough to be exact")]
    if value.fract() == 0.0 && value.abs() < 1e15 && (value != 0.0 || value.is_sign_positive()) {
        return Tree::Number((value as i64).into());
    }
    match Number::from_f64(value) {
        Some(number) => Tree::Number(number),
        None if value.is_nan() => Tree::from("NaN"),
        None => Tree::from(if value > 0.0 { "Infinity" } else { "-Infinity" }),
    }
}

/// By its name; by its number where a newer peer knows more names.
fn enumeration(kind: &Kind, number: i32) -> Tree {
    let Kind::Enum(of) = kind else { return Tree::Number(number.into()) };
    match of.get_value(number) {
        _ if of.full_name() == "google.protobuf.NullValue" => Tree::Null,
        Some(value) => Tree::from(value.name()),
        None => Tree::Number(number.into()),
    }
}

fn seconds_and_nanos(message: &DynamicMessage) -> (i64, i32) {
    let seconds = message.get_field_by_number(1).and_then(|value| value.as_i64());
    let nanos = message.get_field_by_number(2).and_then(|value| value.as_i32());
    (seconds.unwrap_or_default(), nanos.unwrap_or_default())
}

fn field_mask(message: &DynamicMessage) -> String {
    let paths = message.get_field_by_number(1);
    let paths = paths.as_ref().and_then(|value| value.as_list()).unwrap_or_default();
    let camel = |path: &str| {
        let mut words = path.split('_');
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |mut camel, word| {
            let mut letters = word.chars();
            camel.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
            camel.extend(letters);
            camel
        })
    };
    paths.iter().filter_map(Value::as_str).map(camel).collect::<Vec<_>>().join(",")
}
