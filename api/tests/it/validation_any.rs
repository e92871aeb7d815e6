//! Any message of any kind: what breaks the rules is said, and nothing else happens.
//!
//! `MAINSHEET_ANY=FILE` writes some thousand for another judge, as `validation_rules` does.

use std::{fs, sync::LazyLock};

use mainsheet_api::{
    kind::Kind,
    resource::Resource,
    validate::{self, Options},
};
use proptest::prelude::*;
use prost::Message as _;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind as FieldKind, MapKey, MessageDescriptor,
    ReflectMessage as _, Value,
};

use crate::validation_rules::{Case, cases, for_judge};

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(&include_bytes!("../../src/generated/descriptors.bin")[..]).unwrap()
});

static CASES: LazyLock<Vec<Case>> = LazyLock::new(cases);

/// Every text of every case: what fields hold, right or wrong.
static TEXTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut texts = Vec::new();
    for case in CASES.iter() {
        collect(&Value::Message(message(&case.resource)), &mut texts);
    }
    texts.retain(|text| text.len() < 200);
    texts.sort();
    texts.dedup();
    texts
});

fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Message(message) => message.fields().for_each(|(_, value)| collect(value, texts)),
        Value::List(values) => values.iter().for_each(|value| collect(value, texts)),
        Value::Map(entries) => entries.iter().for_each(|(key, value)| {
            texts.extend(key.as_str().map(str::to_owned));
            collect(value, texts);
        }),
        _ => {}
    }
}

fn message(resource: &Resource) -> DynamicMessage {
    let descriptor = POOL.get_message_by_name(resource.key.kind.info().message).unwrap();
    DynamicMessage::decode(descriptor, resource.body.value.clone()).unwrap()
}

/// A source of choices that a seed decides.
struct Choices(u64);

impl Choices {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    fn one_in(&mut self, chance: usize) -> bool {
        self.below(chance) == 0
    }

    fn of<T: Clone>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())].clone()
    }

    /// Changes a message here and there.
    fn change(&mut self, message: &mut DynamicMessage) {
        for field in message.descriptor().fields().collect::<Vec<_>>() {
            if !message.has_field(&field) {
                if self.one_in(40) {
                    message.set_field(&field, self.any(&field, 3));
                }
            } else if self.one_in(20) {
                message.clear_field(&field);
            } else if self.one_in(12) {
                message.set_field(&field, self.any(&field, 3));
            } else {
                self.change_value(message.get_field_mut(&field));
            }
        }
    }

    fn change_value(&mut self, value: &mut Value) {
        match value {
            Value::Message(message) => self.change(message),
            Value::List(values) => {
                if self.one_in(10) && !values.is_empty() {
                    let again = values[self.below(values.len())].clone();
                    values.push(again);
                }
                values.iter_mut().for_each(|value| self.change_value(value));
            }
            Value::Map(entries) => entries.values_mut().for_each(|value| self.change_value(value)),
            _ => {}
        }
    }

    fn any(&mut self, field: &FieldDescriptor, depth: usize) -> Value {
        if field.is_map() {
            let FieldKind::Message(entry) = field.kind() else { panic!("a map's entry is a message") };
            let count = self.below(3);
            let key = entry.map_entry_key_field();
            let entries = (0..count).filter_map(|_| {
                let key = match self.any_of(&key.kind(), depth)? {
                    Value::String(text) => MapKey::String(text),
                    Value::U32(number) => MapKey::U32(number),
                    _ => return None,
                };
                Some((key, self.any_of(&entry.map_entry_value_field().kind(), depth)?))
            });
            return Value::Map(entries.collect());
        }
        if field.is_list() {
            let count = self.below(3);
            return Value::List((0..count).filter_map(|_| self.any_of(&field.kind(), depth)).collect());
        }
        self.any_of(&field.kind(), depth).unwrap_or_else(|| Value::default_value_for_field(field))
    }

    /// `None`: too deep.
    fn any_of(&mut self, kind: &FieldKind, depth: usize) -> Option<Value> {
        const NUMBERS: [i32; 14] = [0, 1, 2, 3, 4, 7, 80, 100, 101, 200, 503, 65535, 65536, -1];
        let number = self.of(&NUMBERS);
        Some(match kind {
            FieldKind::Double => Value::F64(self.of(&[0.0, 0.00001, 0.5, 100.0, 100.1, -1.0, f64::NAN])),
            FieldKind::Float => Value::F32(1.5),
            FieldKind::Int32 | FieldKind::Sint32 | FieldKind::Sfixed32 => Value::I32(number),
            FieldKind::Int64 | FieldKind::Sint64 | FieldKind::Sfixed64 => Value::I64(number.into()),
            FieldKind::Uint32 | FieldKind::Fixed32 => Value::U32(number.unsigned_abs()),
            FieldKind::Uint64 | FieldKind::Fixed64 => Value::U64(number.unsigned_abs().into()),
            FieldKind::Bool => Value::Bool(self.one_in(2)),
            FieldKind::String => Value::String(self.of(&TEXTS)),
            FieldKind::Bytes => Value::Bytes(self.of(&TEXTS).into_bytes().into()),
            FieldKind::Enum(known) => Value::EnumNumber(self.below(known.values().count() + 1) as i32),
            FieldKind::Message(descriptor) if depth > 0 => {
                Value::Message(self.any_message(descriptor, depth - 1))
            }
            FieldKind::Message(_) => return None,
        })
    }

    fn any_message(&mut self, descriptor: &MessageDescriptor, depth: usize) -> DynamicMessage {
        let mut message = DynamicMessage::new(descriptor.clone());
        for field in descriptor.fields().collect::<Vec<_>>() {
            if self.one_in(3) {
                message.set_field(&field, self.any(&field, depth));
            }
        }
        message
    }

    /// A changed case, or anything of a kind.
    fn resource(&mut self) -> Resource {
        let case = &CASES[self.below(CASES.len())];
        let mut resource = case.resource.clone();
        let mut message = message(&resource);
        if self.one_in(4) {
            message = self.any_message(&message.descriptor(), 6);
        } else {
            self.change(&mut message);
        }
        resource.body.value = message.encode_to_vec().into();
        resource
    }
}

proptest! {
    #[test]
    fn no_message_makes_the_check_panic_and_its_encoding_does_not_matter(seed in any::<u64>()) {
        let resource = Choices(seed).resource();
        let findings = validate::check(&resource, Options::default());
        // A message may come in pieces, which add up.
        let whole = message(&resource);
        let mut pieces = Vec::new();
        for (field, value) in whole.fields().collect::<Vec<_>>().into_iter().rev() {
            let mut piece = DynamicMessage::new(whole.descriptor());
            piece.set_field(&field, value.clone());
            pieces.extend(piece.encode_to_vec());
        }
        let mut again = resource.clone();
        again.body.value = pieces.into();
        prop_assert_eq!(validate::check(&again, Options::default()), findings);
    }

    #[test]
    fn no_envoy_filter_makes_the_check_panic(seed in any::<u64>(), apply_to in 0..13i32) {
        let mut choices = Choices(seed);
        let mut resource = CASES.iter().find(|case| case.resource.key.kind.info().name == "EnvoyFilter").unwrap().resource.clone();
        let descriptor = POOL.get_message_by_name(resource.key.kind.info().message).unwrap();
        let mut message = DynamicMessage::new(descriptor.clone());
        let patches = descriptor.get_field_by_json_name("configPatches").unwrap();
        let FieldKind::Message(patch) = patches.kind() else { panic!() };
        let mut patch = choices.any_message(&patch, 8);
        patch.set_field_by_name("apply_to", Value::EnumNumber(apply_to));
        message.set_field(&patches, Value::List(vec![Value::Message(patch)]));
        resource.body.value = message.encode_to_vec().into();
        let _ = validate::check(&resource, Options::default());
    }
}

#[test]
fn every_kind_has_cases_to_change() {
    for kind in
        Kind::all().filter(|kind| kind.info().message.starts_with("istio.") && kind.info().from_documents)
    {
        assert!(CASES.iter().any(|case| case.resource.key.kind == kind), "{kind}");
    }
}

#[test]
fn changed_cases_are_written_for_another_judge() {
    let Ok(target) = std::env::var("MAINSHEET_ANY") else { return };
    let lines = (0..30_000).map(|seed| for_judge(&seed.to_string(), &Choices(seed).resource()));
    fs::write(target, lines.collect::<String>()).unwrap();
}
