//! What an expression may be.

use std::{cmp::Ordering, ops::Deref, rc::Rc};

use serde_json::Value as Json;

use super::{Fault, Machine, error};

/// A value. What is part of the object is borrowed from it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    /// A list or a map of the object.
    Json(&'a Json),
    Null,
    Bool(bool),
    /// Signed or not: there is no telling in a document.
    Int(i128),
    Float(f64),
    Text(Text<'a>),
    Bytes(Rc<[u8]>),
    List(Rc<Vec<Value<'a>>>),
    Map(Rc<Vec<(Value<'a>, Value<'a>)>>),
}

/// Text of the object or of the expression, or one that was made.
#[derive(Clone, Debug)]
pub(super) enum Text<'a> {
    Borrowed(&'a str),
    Made(Rc<str>),
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Made(text) => text,
        }
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<'a> Value<'a> {
    pub(super) fn of_json(json: &'a Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::String(text) => Self::Text(Text::Borrowed(text)),
            Json::Number(number) => {
                let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
                whole.map_or_else(|| Self::Float(number.as_f64().unwrap_or(f64::NAN)), Self::Int)
            }
            Json::Array(_) | Json::Object(_) => Self::Json(json),
        }
    }

    pub(super) fn text(text: String) -> Self {
        Self::Text(Text::Made(text.into()))
    }

    /// What it is, for people.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a truth value",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::Bytes(_) => "bytes",
            Self::List(_) | Self::Json(Json::Array(_)) => "a list",
            Self::Map(_) | Self::Json(_) => "a map",
        }
    }

    /// Entries of a list or map.
    pub(super) fn len(&self) -> Option<usize> {
        match self {
            Self::List(items) => Some(items.len()),
            Self::Map(entries) => Some(entries.len()),
            Self::Json(Json::Array(items)) => Some(items.len()),
            Self::Json(Json::Object(fields)) => Some(fields.len()),
            _ => None,
        }
    }

    /// Items of a list.
    pub(super) fn items(&self) -> Option<Box<dyn Iterator<Item = Self> + '_>> {
        match self {
            Self::List(items) => Some(Box::new(items.iter().cloned())),
            Self::Json(Json::Array(items)) => Some(Box::new(items.iter().map(Self::of_json))),
            _ => None,
        }
    }

    /// Entries of a map.
    pub(super) fn entries(&self) -> Option<Box<dyn Iterator<Item = (Self, Self)> + '_>> {
        match self {
            Self::Map(entries) => Some(Box::new(entries.iter().cloned())),
            Self::Json(Json::Object(fields)) => Some(Box::new(
                fields.iter().map(|(key, value)| (Self::Text(Text::Borrowed(key)), Self::of_json(value))),
            )),
            _ => None,
        }
    }

    /// What a macro sees of it, one turn after the other: items of a list, keys of a map; with two variables index and
    /// item, key and value.
    pub(super) fn turns(&self, with_two: bool) -> Result<Vec<(Self, Option<Self>)>, Fault> {
        if let Some(items) = self.items() {
            let numbered = items.enumerate();
            return Ok(numbered
                .map(|(index, item)| match with_two {
                    true => (Self::Int(index as i128), Some(item)),
                    false => (item, None),
                })
                .collect());
        }
        match self.entries() {
            Some(entries) => Ok(entries.map(|(key, value)| (key, with_two.then_some(value))).collect()),
            None => error(format!("{} has no elements", self.kind())),
        }
    }
}

impl<'a> Machine<'a> {
    /// Whether two values are the same. Numbers are compared by what they stand for.
    pub(super) fn equal(&mut self, one: &Value<'a>, other: &Value<'a>) -> Result<bool, Fault> {
        self.pay(1)?;
        if one.len() != other.len() {
            return Ok(false);
        }
        if let (Some(items), Some(others)) = (one.items(), other.items()) {
            for (item, other) in items.zip(others) {
                if !self.equal(&item, &other)? {
                    return Ok(false);
                }
            }
            return Ok(true);
        }
        if let (Some(entries), Some(_)) = (one.entries(), other.entries()) {
            for (key, value) in entries {
                match self.at(other, &key)? {
                    Some(found) if self.equal(&value, &found)? => {}
                    _ => return Ok(false),
                }
            }
            return Ok(true);
        }
        Ok(match (one, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(one), Value::Bool(other)) => one == other,
            _ => self.order(one, other)? == Some(Ordering::Equal),
        })
    }

    /// How two values stand to each other; `None` where they can't be compared.
    pub(super) fn order(&mut self, one: &Value<'a>, other: &Value<'a>) -> Result<Option<Ordering>, Fault> {
        Ok(match (one, other) {
            (Value::Int(one), Value::Int(other)) => Some(one.cmp(other)),
            (Value::Float(one), Value::Float(other)) => one.partial_cmp(other),
            (Value::Int(one), Value::Float(other)) => (*one as f64).partial_cmp(other),
            (Value::Float(one), Value::Int(other)) => one.partial_cmp(&(*other as f64)),
            (Value::Text(one), Value::Text(other)) => {
                self.pay_bytes(one.len().min(other.len()))?;
                Some((**one).cmp(&**other))
            }
            (Value::Bytes(one), Value::Bytes(other)) => {
                self.pay_bytes(one.len().min(other.len()))?;
                Some(one.cmp(other))
            }
            (Value::Bool(one), Value::Bool(other)) => Some(one.cmp(other)),
            _ => None,
        })
    }

    /// The value at a key of a map.
    pub(super) fn at(&mut self, map: &Value<'a>, key: &Value<'a>) -> Result<Option<Value<'a>>, Fault> {
        if let (Value::Json(Json::Object(fields)), Value::Text(key)) = (map, key) {
            self.pay(1)?;
            return Ok(fields.get(&**key).map(Value::of_json));
        }
        for (candidate, value) in map.entries().into_iter().flatten() {
            if self.equal(&candidate, key)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }
}
