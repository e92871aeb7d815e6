//! Protobuf's own messages, which documents write as plain values.

use prost_reflect::{Kind, MessageDescriptor};

use super::{
    decoder::{Decoder, Form},
    encode::Wire,
    moment,
    yaml::{Node, Pair, Value},
};

impl Decoder {
    /// A message of `google.protobuf`, by its name there. `None`: refused.
    pub(super) fn well_known<'n>(
        &mut self,
        name: &str,
        descriptor: &MessageDescriptor,
        node: &'n Node<'_>,
    ) -> Option<Wire<'n>> {
        let bytes = match name {
            "Duration" => self.duration(node)?,
            "Timestamp" => self.timestamp(node)?,
            "Struct" => self.structure(node)?,
            "ListValue" => self.list_value(node)?,
            "Value" => self.any_value(node)?,
            "Any" => self.any(descriptor, node)?,
            "FieldMask" => self.field_mask(node)?,
            _ if name.ends_with("Value") => self.wrapper(descriptor, node)?,
            _ => self.message(descriptor, node),
        };
        Some(bytes.into())
    }

    /// `google.protobuf.UInt32Value` is written as the integer in it, and differs from none by being there.
    fn wrapper(&mut self, descriptor: &MessageDescriptor, node: &Node<'_>) -> Option<Vec<u8>> {
        let inner = self.scalar(&descriptor.get_field(1)?.kind(), node)?;
        let mut bytes = Vec::new();
        if !inner.is_default() {
            inner.put(1, &mut bytes);
        }
        Some(bytes)
    }

    fn duration(&mut self, node: &Node<'_>) -> Option<Vec<u8>> {
        let (parsed, example) = match self.form {
            Form::Kubernetes => {
                (node.text().map(moment::parse_go_duration), "write it as in 10s, 1m30s, 500ms or 1h")
            }
            Form::Envoy => {
                (node.text().map(moment::parse_json_duration), "write seconds, as in 10s or 0.25s")
            }
        };
        match parsed {
            Some(Ok(duration)) => Some(seconds_and_nanos(duration.seconds, duration.nanos)),
            Some(Err(reason)) => {
                self.refuse("bad-duration", format!("{}: {reason}", node.describe()), example);
                None
            }
            None if matches!(node.value, Value::Number(_)) => {
                let reason = format!("{} has no unit", node.describe());
                self.refuse("bad-duration", reason, example);
                None
            }
            None => {
                self.wrong_type("a duration", node, example);
                None
            }
        }
    }

    fn timestamp(&mut self, node: &Node<'_>) -> Option<Vec<u8>> {
        let text = self.text(node)?;
        match moment::parse_timestamp(text) {
            Some(time) => Some(seconds_and_nanos(time.seconds, time.nanos)),
            None => {
                let reason = format!("{} is no time", node.describe());
                self.refuse("bad-timestamp", reason, "write it as in 2026-01-02T03:04:05Z");
                None
            }
        }
    }

    /// Names in camelCase, with commas between, become `paths`.
    fn field_mask(&mut self, node: &Node<'_>) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        for path in self.text(node)?.split(',').filter(|path| !path.is_empty()) {
            let mut snake = String::new();
            for c in path.chars() {
                if c.is_ascii_uppercase() {
                    snake.push('_');
                }
                snake.push(c.to_ascii_lowercase());
            }
            Wire::from(snake.into_bytes()).put(1, &mut bytes);
        }
        Some(bytes)
    }

    fn structure(&mut self, node: &Node<'_>) -> Option<Vec<u8>> {
        match node.pairs() {
            Some(pairs) => Some(self.struct_fields(pairs)),
            None => {
                self.wrong_type("a map", node, "");
                None
            }
        }
    }

    fn struct_fields(&mut self, pairs: &[Pair<'_>]) -> Vec<u8> {
        let mut fields = std::collections::BTreeMap::new();
        // The keys of a Struct are its author's; paths name them like fields, as people do.
        let mut seen = std::collections::HashMap::with_capacity(pairs.len());
        for pair in pairs {
            self.field(&pair.key, pair.position, |decoder| {
                if let Some(first) = seen.insert(&pair.key, pair.position) {
                    return decoder.duplicate(&pair.key, first);
                }
                // Two levels: the entry and the value in it.
                if let Some(value) = decoder.nested(2, |decoder| decoder.any_value(&pair.value)) {
                    fields.insert(&*pair.key, value);
                }
            });
        }
        let mut bytes = Vec::new();
        for (key, value) in fields {
            let mut entry = Vec::new();
            if !key.is_empty() {
                Wire::Bytes(key.as_bytes().into()).put(1, &mut entry);
            }
            Wire::from(value).put(2, &mut entry);
            Wire::from(entry).put(1, &mut bytes);
        }
        bytes
    }

    fn list_value(&mut self, node: &Node<'_>) -> Option<Vec<u8>> {
        let Value::List(items) = &node.value else {
            self.wrong_type("a list", node, "");
            return None;
        };
        let mut bytes = Vec::new();
        for (index, item) in items.iter().enumerate() {
            if let Some(value) = self
                .item(index, item.position, |decoder| decoder.nested(1, |decoder| decoder.any_value(item)))
            {
                Wire::from(value).put(1, &mut bytes);
            }
        }
        Some(bytes)
    }

    /// `google.protobuf.Value`: whatever JSON can say. Its members have presence, so defaults are written.
    fn any_value(&mut self, node: &Node<'_>) -> Option<Vec<u8>> {
        let (number, wire) = match &node.value {
            Value::Null => (1, Wire::Varint(0)),
            Value::Number(_) => (2, Wire::Fixed64(self.double(node)?.to_le_bytes())),
            Value::Text(text) => (3, Wire::Bytes(text.as_bytes().into())),
            Value::Ambiguous(text) => {
                let reason =
                    format!("`{text}` is a text here, and a boolean or a number for readers of YAML 1.1");
                self.refuse("ambiguous-text", reason, "quote it, or write true, false or a decimal number");
                return None;
            }
            Value::Bool(value) => (4, Wire::Varint(u64::from(*value))),
            Value::Map(pairs) => (5, self.nested(1, |decoder| Some(decoder.struct_fields(pairs)))?.into()),
            Value::List(_) => (6, self.nested(1, |decoder| decoder.list_value(node))?.into()),
            Value::Problem(problem) => {
                self.problem(*problem);
                return None;
            }
        };
        let mut bytes = Vec::new();
        wire.put(number, &mut bytes);
        Some(bytes)
    }

    /// `google.protobuf.Any`: a map with `@type`, and the fields of that message beside it; protobuf's own messages
    /// under `value`.
    fn any(&mut self, descriptor: &MessageDescriptor, node: &Node<'_>) -> Option<Vec<u8>> {
        let Some(pairs) = node.pairs() else {
            self.wrong_type("a map with `@type`", node, "");
            return None;
        };
        let Some(url) = node.get("@type").and_then(Node::text) else {
            self.refuse("missing-type", "an Any needs `@type`", "write `\"@type\": type.googleapis.com/...`");
            return None;
        };
        let name = url.rsplit('/').next().unwrap_or(url);
        let Some(message) = descriptor.parent_pool().get_message_by_name(name) else {
            let reason = format!("no message is known as `{url}`");
            self.refuse(
                "unknown-type",
                reason,
                "write the full name of the message after `type.googleapis.com/`",
            );
            return None;
        };
        let (kind, rest) = (Kind::Message(message.clone()), self.beside_type(pairs));
        let value = if name.starts_with("google.protobuf.") && name != "google.protobuf.Empty" {
            self.any_well_known(&kind, rest)?
        } else {
            self.message_fields(&message, rest)
        };
        let mut bytes = Vec::new();
        for (number, wire) in [(1, Wire::Bytes(url.as_bytes().into())), (2, value.into())] {
            if !wire.is_default() {
                wire.put(number, &mut bytes);
            }
        }
        Some(bytes)
    }

    fn any_well_known(&mut self, kind: &Kind, pairs: Vec<&Pair<'_>>) -> Option<Vec<u8>> {
        let (mut bytes, errors) = (None, self.errors.len());
        self.known(pairs, &["value"], |decoder, pair| {
            if let Some(Wire::Bytes(value)) = decoder.value(kind, &pair.value) {
                bytes = Some(value.into_owned());
            }
        });
        if bytes.is_none() && self.errors.len() == errors {
            self.refuse("missing-value", "this type needs `value` beside `@type`", "");
        }
        bytes
    }
}

/// Both `Duration` and `Timestamp`.
#[allow(clippy::cast_sign_loss, reason = "negative numbers go out as two's complement")]
fn seconds_and_nanos(seconds: i64, nanos: i32) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (number, value) in [(1, seconds), (2, i64::from(nanos))] {
        if value != 0 {
            Wire::Varint(value as u64).put(number, &mut bytes);
        }
    }
    bytes
}
