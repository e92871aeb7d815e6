//! Maps of a document to messages, by descriptor.

use std::collections::BTreeMap;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor};

use super::{
    decoder::Decoder,
    encode::Wire,
    yaml::{Node, Pair, Value},
};
use crate::verdict::Position;

/// What a message's map has shown so far: few fields, so lists are quicker than maps.
#[derive(Default)]
struct SetFields<'n> {
    /// By their number.
    fields: Vec<(u32, Position)>,
    /// With the member that is set.
    oneofs: Vec<(OneofDescriptor, &'n str)>,
}

impl Decoder {
    /// A message out of a map. Where something is refused, the bytes are incomplete and `findings` says why.
    pub(super) fn message(&mut self, descriptor: &MessageDescriptor, node: &Node<'_>) -> Vec<u8> {
        match node.pairs() {
            Some(pairs) => self.message_fields(descriptor, pairs),
            None => {
                self.wrong_type(&format!("a map ({})", descriptor.name()), node, "");
                Vec::new()
            }
        }
    }

    /// The same out of the pairs alone, in the order of field numbers.
    pub(super) fn message_fields<'n, 't: 'n>(
        &mut self,
        descriptor: &MessageDescriptor,
        pairs: impl IntoIterator<Item = &'n Pair<'t>>,
    ) -> Vec<u8> {
        let pairs = pairs.into_iter();
        let mut seen = SetFields::default();
        let mut fields: Vec<(u32, Vec<u8>)> = Vec::with_capacity(pairs.size_hint().0);
        for pair in pairs {
            let found = descriptor
                .get_field_by_json_name(&pair.key)
                .or_else(|| descriptor.get_field_by_name(&pair.key));
            let Some(field) = found else {
                self.unknown_field(descriptor, pair);
                continue;
            };
            self.field(self.form.name(&field), pair.position, |decoder| {
                if decoder.may_be_set(&field, pair, &mut seen) {
                    fields.push((field.number(), decoder.field_bytes(&field, &pair.value)));
                }
            });
        }
        fields.sort_by_key(|(number, _)| *number);
        let mut message = Vec::with_capacity(fields.iter().map(|(_, bytes)| bytes.len()).sum());
        for (_, bytes) in fields {
            message.extend_from_slice(&bytes);
        }
        message
    }

    fn unknown_field(&mut self, descriptor: &MessageDescriptor, pair: &Pair<'_>) {
        let form = self.form;
        self.field(&pair.key, pair.position, |decoder| {
            let fields: Vec<FieldDescriptor> = descriptor.fields().collect();
            decoder.unknown(&pair.key, &pair.value, fields.iter().map(|field| form.name(field)));
        });
    }

    /// Refuses what stands twice, under whichever spelling, and a second member of a oneof. Null is as good as not
    /// written, except where null is a value.
    fn may_be_set<'n>(
        &mut self,
        field: &FieldDescriptor,
        pair: &'n Pair<'_>,
        seen: &mut SetFields<'n>,
    ) -> bool {
        if let Some((_, first)) = seen.fields.iter().find(|(number, _)| *number == field.number()) {
            self.duplicate(&pair.key, *first);
            return false;
        }
        seen.fields.push((field.number(), pair.position));
        if pair.value.is_null() && (field.is_list() || field.is_map() || !takes_null(&field.kind())) {
            return false;
        }
        let Some(oneof) = field.containing_oneof().filter(|oneof| !oneof.is_synthetic()) else { return true };
        if let Some((_, other)) = seen.oneofs.iter().find(|(set, _)| *set == oneof) {
            let reason = format!("`{}` and `{other}` exclude each other", pair.key);
            let names: Vec<_> = oneof.fields().map(|field| self.form.name(&field).to_owned()).collect();
            self.refuse("two-of-a-oneof", reason, format!("set one of {}", names.join(", ")));
            return false;
        }
        seen.oneofs.push((oneof, &pair.key));
        true
    }

    /// Tag and value of one field; nothing for a default without presence.
    fn field_bytes(&mut self, field: &FieldDescriptor, node: &Node<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        if field.is_map() {
            self.map_bytes(field, node, &mut bytes);
        } else if field.is_list() {
            self.list_bytes(field, node, &mut bytes);
        } else if let Some(wire) = self.value(&field.kind(), node)
            && (field.supports_presence() || !wire.is_default())
        {
            wire.put(field.number(), &mut bytes);
        }
        bytes
    }

    fn list_bytes(&mut self, field: &FieldDescriptor, node: &Node<'_>, bytes: &mut Vec<u8>) {
        let Value::List(items) = &node.value else {
            return self.wrong_type("a list", node, "begin each item with `- `");
        };
        let kind = field.kind();
        let mut packed = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let wire = self.item(index, item.position, |decoder| decoder.value(&kind, item));
            match wire {
                Some(wire) if field.is_packed() => wire.put_bare(&mut packed),
                Some(wire) => wire.put(field.number(), bytes),
                None => {}
            }
        }
        if !packed.is_empty() {
            Wire::from(packed).put(field.number(), bytes);
        }
    }

    fn map_bytes(&mut self, field: &FieldDescriptor, node: &Node<'_>, bytes: &mut Vec<u8>) {
        let Some(pairs) = node.pairs() else { return self.wrong_type("a map", node, "") };
        let Kind::Message(entry) = field.kind() else { return };
        let (key_kind, value_kind) =
            (entry.map_entry_key_field().kind(), entry.map_entry_value_field().kind());
        let mut entries: BTreeMap<MapKey<'_>, Vec<u8>> = BTreeMap::new();
        self.entries(pairs, |decoder, pair| {
            let key = decoder.map_key(&key_kind, &pair.key);
            let value = decoder.nested(1, |decoder| decoder.value(&value_kind, &pair.value));
            if let (Some((key, key_wire)), Some(value)) = (key, value) {
                let mut entry = Vec::new();
                for (number, wire) in [(1, key_wire), (2, value)] {
                    if !wire.is_default() || matches!(value_kind, Kind::Message(_)) && number == 2 {
                        wire.put(number, &mut entry);
                    }
                }
                entries.insert(key, entry);
            }
        });
        for entry in entries.into_values() {
            Wire::from(entry).put(field.number(), bytes);
        }
    }

    fn map_key<'n>(&mut self, kind: &Kind, text: &'n str) -> Option<(MapKey<'n>, Wire<'n>)> {
        if *kind == Kind::String {
            return Some((MapKey::Text(text), Wire::Bytes(text.as_bytes().into())));
        }
        let value = match text {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => Value::Number(text.into()),
        };
        let node = Node { position: Position::default(), value };
        let wire = match self.value(kind, &node)? {
            Wire::Bytes(_) => return None,
            Wire::Varint(value) => Wire::Varint(value),
            Wire::Fixed32(bytes) => Wire::Fixed32(bytes),
            Wire::Fixed64(bytes) => Wire::Fixed64(bytes),
        };
        let order = text.parse().unwrap_or(i128::from(text == "true"));
        Some((MapKey::Number(order), wire))
    }

    /// One value, whatever its type. `None`: refused.
    pub(super) fn value<'n>(&mut self, kind: &Kind, node: &'n Node<'_>) -> Option<Wire<'n>> {
        let Kind::Message(descriptor) = kind else { return self.scalar(kind, node) };
        self.nested(1, |decoder| match descriptor.full_name().strip_prefix("google.protobuf.") {
            Some(name) => decoder.well_known(name, descriptor, node),
            None => Some(decoder.message(descriptor, node).into()),
        })
    }
}

/// Whether null is a value of this type and not the lack of one.
fn takes_null(kind: &Kind) -> bool {
    match kind {
        Kind::Message(message) => message.full_name() == "google.protobuf.Value",
        Kind::Enum(of) => of.full_name() == "google.protobuf.NullValue",
        _ => false,
    }
}

/// Entries of maps go out in the order of their keys.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum MapKey<'n> {
    Number(i128),
    Text(&'n str),
}
