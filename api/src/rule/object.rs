//! A resource as an expression sees it: the document from which it was read, in JSON's types.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use cel::{
    Context, Env, Value,
    objects::{Key, Map},
};
use serde_json::Value as Json;

use crate::{codec, resource::Resource};

/// The only variable.
pub(super) const OBJECT: &str = "object";

static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// The resource as the variable of all expressions: made once, because that takes longer than most evaluations.
pub(super) struct Object {
    pub(super) context: Context<'static, 'static>,
    pub(super) size: Size,
}

/// What the time of an evaluation depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    /// Entries of the longest list or map.
    pub(super) longest: u64,
    /// Values in all.
    pub(super) values: u64,
}

impl Object {
    /// A body that does not decode is rejected for that; here it is an object without fields.
    pub(super) fn new(resource: &Resource) -> Self {
        let json = codec::object(resource).unwrap_or_default();
        let mut size = Size::default();
        let mut context = Context::with_env(Arc::clone(&STANDARD));
        context.add_variable_from_value(OBJECT, value(json, &mut size));
        Self { context, size }
    }
}

fn value(json: Json, size: &mut Size) -> Value {
    size.values += 1;
    let mut counted = |len: usize| size.longest = size.longest.max(len as u64);
    match json {
        Json::Null => Value::Null,
        Json::Bool(bool) => Value::Bool(bool),
        // One type for whole numbers: CEL does not compare a signed with an unsigned one everywhere.
        Json::Number(number) => {
            number.as_i64().map_or_else(|| Value::Float(number.as_f64().unwrap_or(f64::NAN)), Value::Int)
        }
        Json::String(text) => Value::String(Arc::new(text)),
        Json::Array(items) => {
            counted(items.len());
            Value::List(Arc::new(items.into_iter().map(|item| value(item, size)).collect()))
        }
        Json::Object(fields) => {
            counted(fields.len());
            let fields: HashMap<Key, Value> = fields
                .into_iter()
                .map(|(name, field)| (Key::String(Arc::new(name)), value(field, size)))
                .collect();
            Value::Map(Map { map: Arc::new(fields) })
        }
    }
}
