//! Any message of a descriptor, out of a tape of numbers: a shorter tape, a smaller message, so that failures shrink.

use std::sync::LazyLock;

use mainsheet_api::kind::{Family, Kind};
use prost::Message;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind as Type, MessageDescriptor, Value,
};

static ISTIO: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(&include_bytes!("../../../src/generated/descriptors.bin")[..]).unwrap()
});
static ENVOY: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(&include_bytes!("../../../src/generated/envoy.bin")[..]).unwrap()
});

pub(super) fn pool(family: Family) -> &'static DescriptorPool {
    match family {
        Family::Istio => &ISTIO,
        Family::Envoy => &ENVOY,
        Family::Opaque => unreachable!("nothing describes their messages"),
    }
}

pub(super) fn descriptor(kind: Kind) -> MessageDescriptor {
    pool(kind.info().family).get_message_by_name(kind.info().message).unwrap()
}

/// Texts on which writers and readers of YAML have stumbled.
const TEXTS: [&str; 24] = [
    "",
    "a",
    "reviews",
    "yes",
    "null",
    "~",
    "012",
    "1e3",
    "1.5s",
    "*",
    "a: b",
    "- a",
    "#",
    " a",
    "a ",
    "\ta",
    "a\nb\n",
    "\n",
    "a\n\nb",
    "\"'\\",
    "<<",
    "\u{e9}\u{1f600}\u{2028}\u{feff}\u{7f}\0",
    "{a}",
    "a\r\nb",
];

/// Types that Anys of Envoy's hold.
const ANYS: [&str; 4] = [
    "envoy.extensions.filters.http.router.v3.Router",
    "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
    "google.protobuf.Duration",
    "google.protobuf.Struct",
];

pub(super) struct Tape<'t> {
    rest: std::slice::Iter<'t, u32>,
    in_any: bool,
}

impl<'t> Tape<'t> {
    pub(super) fn new(numbers: &'t [u32]) -> Self {
        Self { rest: numbers.iter(), in_any: false }
    }

    /// 0 once the tape is used up.
    fn next(&mut self) -> u32 {
        self.rest.next().copied().unwrap_or(0)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.next() as usize % bound
    }

    fn text(&mut self) -> String {
        let mut text = TEXTS[self.below(TEXTS.len())].to_owned();
        if self.below(4) == 1 {
            text.push_str(TEXTS[self.below(TEXTS.len())]);
            text.extend(char::from_u32(self.next() % 0x11_0000));
        }
        text
    }

    /// Of every order of magnitude, both signs.
    fn integer(&mut self) -> i64 {
        let (high, low) = (u64::from(self.next()), u64::from(self.next()));
        let bits = self.below(64);
        i64::from_ne_bytes((((high << 32) | low) >> bits).to_ne_bytes())
    }

    /// Finite, and no negative zero, which proto3 does not tell from zero.
    #[allow(clippy::cast_precision_loss)]
    fn number(&mut self) -> f64 {
        let number = f64::from_bits(u64::from_ne_bytes(self.integer().to_ne_bytes()));
        let whole = (self.integer() % 100_000) as f64;
        if self.below(2) == 0 && number.is_finite() && number != 0.0 { number } else { whole + 0.0 }
    }

    pub(super) fn message(&mut self, descriptor: &MessageDescriptor, depth: usize) -> DynamicMessage {
        let mut message = DynamicMessage::new(descriptor.clone());
        let well_known = descriptor.full_name().strip_prefix("google.protobuf.");
        if let Some(name) = well_known.filter(|name| !matches!(*name, "Empty")) {
            self.well_known(name, &mut message, depth);
            return message;
        }
        let fields: Vec<FieldDescriptor> = descriptor.fields().collect();
        for _ in 0..if fields.is_empty() { 0 } else { self.below(5) } {
            let field = &fields[self.below(fields.len())];
            let too_deep = depth == 0 && matches!(field.kind(), Type::Message(_));
            // The order of a map's entries within an Any's bytes is the encoder's own.
            let unordered = self.in_any && field.is_map();
            if !too_deep && !unordered {
                let value = self.field(field, depth);
                message.set_field(field, value);
            }
        }
        message
    }

    fn field(&mut self, field: &FieldDescriptor, depth: usize) -> Value {
        if field.is_map() {
            let Type::Message(entry) = field.kind() else { unreachable!() };
            let (key, value) = (entry.map_entry_key_field().kind(), entry.map_entry_value_field().kind());
            let entries = (0..self.below(4)).map(|_| {
                let key = self.value(&key, depth).into_map_key().unwrap();
                (key, self.value(&value, depth))
            });
            return Value::Map(entries.collect());
        }
        if field.is_list() {
            return Value::List((0..self.below(4)).map(|_| self.value(&field.kind(), depth)).collect());
        }
        self.value(&field.kind(), depth)
    }

    #[allow(clippy::cast_possible_truncation)]
    fn value(&mut self, kind: &Type, depth: usize) -> Value {
        match kind {
            Type::Double => Value::F64(self.number()),
            Type::Float => {
                let number = self.number() as f32;
                Value::F32(if number.is_finite() { number + 0.0 } else { 0.5 })
            }
            Type::Int32 | Type::Sint32 | Type::Sfixed32 => Value::I32(self.integer() as i32),
            Type::Int64 | Type::Sint64 | Type::Sfixed64 => Value::I64(self.integer()),
            Type::Uint32 | Type::Fixed32 => Value::U32(self.next()),
            Type::Uint64 | Type::Fixed64 => Value::U64(u64::from_ne_bytes(self.integer().to_ne_bytes())),
            Type::Bool => Value::Bool(self.below(2) == 1),
            Type::String => Value::String(self.text()),
            Type::Bytes => Value::Bytes(self.text().into_bytes().into()),
            Type::Enum(of) => {
                let values: Vec<i32> = of.values().map(|value| value.number()).collect();
                Value::EnumNumber(values[self.below(values.len())])
            }
            Type::Message(message) => Value::Message(self.message(message, depth.saturating_sub(1))),
        }
    }

    #[allow(clippy::cast_possible_truncation)]
    fn well_known(&mut self, name: &str, message: &mut DynamicMessage, depth: usize) {
        let nanos = self.next() % 1_000_000_000;
        match name {
            "Duration" => {
                let seconds = self.integer() % 315_576_000_000;
                message.set_field_by_number(1, Value::I64(seconds));
                message.set_field_by_number(2, Value::I32(nanos as i32 * seconds.signum() as i32));
            }
            "Timestamp" => {
                message.set_field_by_number(1, Value::I64(self.integer().rem_euclid(253_402_300_800)));
                message.set_field_by_number(2, Value::I32(nanos as i32));
            }
            "FieldMask" => {
                message.set_field_by_number(1, Value::List(vec![Value::String("foo_bar.baz".into())]))
            }
            "Any" => self.any(message, depth),
            "Value" => {
                let kinds = if depth == 0 { 4 } else { 6 };
                let field = message.descriptor_field(1 + self.below(kinds) as u32);
                let value = match field.number() {
                    1 => Value::EnumNumber(0),
                    _ => self.field(&field, depth),
                };
                message.set_field(&field, value);
            }
            _ => {
                let field = message.descriptor_field(1);
                if depth > 0 || !matches!(field.kind(), Type::Message(_)) {
                    let value = self.field(&field, depth);
                    message.set_field(&field, value);
                }
            }
        }
    }

    fn any(&mut self, message: &mut DynamicMessage, depth: usize) {
        let name = ANYS[self.below(ANYS.len())];
        let outer = std::mem::replace(&mut self.in_any, true);
        let descriptor = ENVOY.get_message_by_name(name).unwrap();
        let inner = match name {
            "google.protobuf.Struct" => DynamicMessage::new(descriptor),
            _ => self.message(&descriptor, depth.saturating_sub(1)),
        };
        self.in_any = outer;
        message.set_field_by_number(1, Value::String(format!("type.googleapis.com/{name}")));
        message.set_field_by_number(2, Value::Bytes(inner.encode_to_vec().into()));
    }
}

trait DescriptorField {
    fn descriptor_field(&self, number: u32) -> FieldDescriptor;
}

impl DescriptorField for DynamicMessage {
    fn descriptor_field(&self, number: u32) -> FieldDescriptor {
        prost_reflect::ReflectMessage::descriptor(self).get_field(number).unwrap()
    }
}
