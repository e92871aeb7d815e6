//! What of an interface is no longer as clients know it.

use std::collections::BTreeMap;

use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet, MethodDescriptorProto,
};

/// A sentence for each thing that a client of `before` would stumble over.
pub(super) fn broken(before: &FileDescriptorSet, after: &FileDescriptorSet) -> Vec<String> {
    let (before, after) = (Interface::of(before), Interface::of(after));
    let mut broken = Vec::new();
    for (name, message) in &before.messages {
        match after.messages.get(name) {
            Some(now) => fields(name, message, now, &mut broken),
            None => broken.push(format!("message {name} is gone")),
        }
    }
    for (name, values) in &before.enums {
        match after.enums.get(name) {
            Some(now) => self::values(name, values, now, &mut broken),
            None => broken.push(format!("enum {name} is gone")),
        }
    }
    for (name, method) in &before.methods {
        match after.methods.get(name) {
            Some(now) => self::method(name, method, now, &mut broken),
            None => broken.push(format!("method {name} is gone")),
        }
    }
    broken
}

/// Everything by its full name.
#[derive(Default)]
struct Interface<'a> {
    messages: BTreeMap<String, &'a DescriptorProto>,
    enums: BTreeMap<String, &'a EnumDescriptorProto>,
    methods: BTreeMap<String, &'a MethodDescriptorProto>,
}

impl<'a> Interface<'a> {
    fn of(set: &'a FileDescriptorSet) -> Self {
        let mut interface = Self::default();
        for file in &set.file {
            let package = file.package();
            file.message_type.iter().for_each(|message| interface.add(package, message));
            interface.add_enums(package, &file.enum_type);
            for service in &file.service {
                let name = format!("{package}.{}", service.name());
                let methods =
                    service.method.iter().map(|method| (format!("{name}/{}", method.name()), method));
                interface.methods.extend(methods);
            }
        }
        interface
    }

    fn add(&mut self, place: &str, message: &'a DescriptorProto) {
        let name = format!("{place}.{}", message.name());
        message.nested_type.iter().for_each(|nested| self.add(&name, nested));
        self.add_enums(&name, &message.enum_type);
        self.messages.insert(name, message);
    }

    fn add_enums(&mut self, place: &str, enums: &'a [EnumDescriptorProto]) {
        self.enums.extend(enums.iter().map(|one| (format!("{place}.{}", one.name()), one)));
    }
}

fn fields(message: &str, before: &DescriptorProto, after: &DescriptorProto, broken: &mut Vec<String>) {
    for field in &before.field {
        let (number, name) = (field.number(), field.name());
        let Some(now) = after.field.iter().find(|now| now.number() == number) else {
            if !is_reserved(after, field) {
                broken.push(format!("{message}.{name} ({number}) is gone, and number or name not reserved"));
            }
            continue;
        };
        if now.name() != name {
            broken.push(format!("{message}: number {number} was {name} and is {}", now.name()));
        }
        let kind = |field: &FieldDescriptorProto| {
            (field.r#type, field.label, field.type_name.clone(), field.proto3_optional)
        };
        if kind(now) != kind(field) {
            broken.push(format!("{message}.{name} ({number}) is of another type"));
        }
        let (was, is) = (one_of(before, field), one_of(after, now));
        if was != is {
            broken.push(format!("{message}.{name} ({number}) moved from oneof {was:?} to {is:?}"));
        }
    }
    // What was reserved was released once, by something older.
    for range in &before.reserved_range {
        let reused = after.field.iter().filter(|now| (range.start()..range.end()).contains(&now.number()));
        broken.extend(reused.map(|now| format!("{message}.{} reuses number {}", now.name(), now.number())));
    }
}

/// Number and name: old binaries send the one, old JSON the other.
fn is_reserved(message: &DescriptorProto, field: &FieldDescriptorProto) -> bool {
    let number =
        message.reserved_range.iter().any(|range| (range.start()..range.end()).contains(&field.number()));
    number && message.reserved_name.iter().any(|name| name == field.name())
}

fn one_of<'a>(message: &'a DescriptorProto, field: &FieldDescriptorProto) -> Option<&'a str> {
    let index = usize::try_from(field.oneof_index?).ok()?;
    message.oneof_decl.get(index).map(|one_of| one_of.name())
}

fn values(name: &str, before: &EnumDescriptorProto, after: &EnumDescriptorProto, broken: &mut Vec<String>) {
    for value in &before.value {
        match after.value.iter().find(|now| now.number() == value.number()) {
            Some(now) if now.name() == value.name() => {}
            Some(now) => {
                broken.push(format!("{name}: {} was {} and is {}", value.number(), value.name(), now.name()));
            }
            None => broken.push(format!("{name}.{} is gone", value.name())),
        }
    }
}

fn method(
    name: &str,
    before: &MethodDescriptorProto,
    after: &MethodDescriptorProto,
    broken: &mut Vec<String>,
) {
    let types = |method: &MethodDescriptorProto| (method.input_type.clone(), method.output_type.clone());
    if types(before) != types(after) {
        broken.push(format!("{name} takes or gives another message"));
    }
    let streams = |method: &MethodDescriptorProto| (method.client_streaming(), method.server_streaming());
    if streams(before) != streams(after) {
        broken.push(format!("{name} streams otherwise"));
    }
}
