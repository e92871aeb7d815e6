//! Operators and functions.

use std::{cmp::Ordering, rc::Rc};

use cel::common::ast::operators::{
    ADD, DIVIDE, EQUALS, GREATER, GREATER_EQUALS, IN, INDEX, LESS, LESS_EQUALS, LOGICAL_NOT, MODULO,
    MULTIPLY, NEGATE, NOT_EQUALS, SUBSTRACT,
};

use super::{Evaluated, Fault, Machine, error, value::Value};

impl<'a> Machine<'a> {
    /// Applies an operator or function to its operands, the target of a method being the first.
    pub(super) fn apply(&mut self, name: &str, operands: &[Value<'a>]) -> Evaluated<'a> {
        match (name, operands) {
            (LOGICAL_NOT, [Value::Bool(value)]) => Ok(Value::Bool(!value)),
            (NEGATE, [Value::Int(value)]) => whole(value.checked_neg()),
            (NEGATE, [Value::Float(value)]) => Ok(Value::Float(-value)),
            (ADD, [one, other]) => self.add(one, other),
            (SUBSTRACT | MULTIPLY | DIVIDE | MODULO, [one, other]) => arithmetic(name, one, other),
            (EQUALS, [one, other]) => Ok(Value::Bool(self.equal(one, other)?)),
            (NOT_EQUALS, [one, other]) => Ok(Value::Bool(!self.equal(one, other)?)),
            (LESS | LESS_EQUALS | GREATER | GREATER_EQUALS, [one, other]) => self.compare(name, one, other),
            (IN, [one, all]) => self.is_in(one, all),
            (INDEX, [all, key]) => self.index(all, key),
            ("size", [of]) => self.size(of),
            ("contains" | "startsWith" | "endsWith", [Value::Text(text), Value::Text(other)]) => {
                self.pay_bytes(text.len() + other.len())?;
                Ok(Value::Bool(match name {
                    "contains" => text.contains(&**other),
                    "startsWith" => text.starts_with(&**other),
                    _ => text.ends_with(&**other),
                }))
            }
            ("matches", [Value::Text(text), Value::Text(pattern)]) => {
                // At worst, each byte is looked at once for each state.
                self.pay(text.len())?;
                match self.regexes.get(&**pattern) {
                    Some(regex) => Ok(Value::Bool(regex.is_match(text))),
                    None => error("a regular expression stands in quotes"),
                }
            }
            ("int" | "uint" | "double" | "string" | "bool" | "bytes" | "dyn", [value]) => {
                self.convert(name, value)
            }
            _ => misapplied(name, operands),
        }
    }

    fn add(&mut self, one: &Value<'a>, other: &Value<'a>) -> Evaluated<'a> {
        if let (Some(items), Some(others)) = (one.items(), other.items()) {
            self.pay(one.len().unwrap_or(0) + other.len().unwrap_or(0))?;
            return Ok(Value::List(Rc::new(items.chain(others).collect())));
        }
        match (one, other) {
            (Value::Text(one), Value::Text(other)) => {
                self.pay_bytes(one.len() + other.len())?;
                Ok(Value::text([&**one, &**other].concat()))
            }
            (Value::Bytes(one), Value::Bytes(other)) => {
                self.pay_bytes(one.len() + other.len())?;
                Ok(Value::Bytes([&**one, &**other].concat().into()))
            }
            _ => arithmetic(ADD, one, other),
        }
    }

    fn compare(&mut self, name: &str, one: &Value<'a>, other: &Value<'a>) -> Evaluated<'a> {
        let is_number = |value: &Value<'_>| matches!(value, Value::Int(_) | Value::Float(_));
        match self.order(one, other)? {
            Some(order) => Ok(Value::Bool(match name {
                LESS => order == Ordering::Less,
                LESS_EQUALS => order != Ordering::Greater,
                GREATER => order == Ordering::Greater,
                _ => order != Ordering::Less,
            })),
            // With what is no number.
            None if is_number(one) && is_number(other) => Ok(Value::Bool(false)),
            None => error(format!("{} can't be compared with {}", one.kind(), other.kind())),
        }
    }

    fn is_in(&mut self, one: &Value<'a>, all: &Value<'a>) -> Evaluated<'a> {
        if all.entries().is_some() {
            return Ok(Value::Bool(self.at(all, one)?.is_some()));
        }
        let Some(items) = all.items() else { return error(format!("{} has no elements", all.kind())) };
        for item in items {
            if self.equal(one, &item)? {
                return Ok(Value::Bool(true));
            }
        }
        Ok(Value::Bool(false))
    }

    fn index(&mut self, all: &Value<'a>, key: &Value<'a>) -> Evaluated<'a> {
        if all.entries().is_some() {
            return match self.at(all, key)? {
                Some(value) => Ok(value),
                None => error("there is no such key"),
            };
        }
        let (Some(mut items), Value::Int(index)) = (all.items(), key) else {
            return error(format!("{} has nothing at {}", all.kind(), key.kind()));
        };
        let item = usize::try_from(*index).ok().and_then(|index| items.nth(index));
        item.map_or_else(|| error(format!("there is no element {index}")), Ok)
    }

    fn size(&mut self, of: &Value<'a>) -> Evaluated<'a> {
        let len = match of {
            Value::Text(text) => {
                self.pay_bytes(text.len())?;
                Some(text.chars().count())
            }
            Value::Bytes(bytes) => Some(bytes.len()),
            other => other.len(),
        };
        match len {
            Some(len) => Ok(Value::Int(len as i128)),
            None => error(format!("{} has no size", of.kind())),
        }
    }

    fn convert(&mut self, to: &str, value: &Value<'a>) -> Evaluated<'a> {
        let converted = match (to, value) {
            ("dyn", value) => Some(value.clone()),
            ("int" | "uint", Value::Int(value)) => Some(Value::Int(*value)),
            ("int" | "uint", Value::Float(value)) if value.is_finite() => {
                Some(Value::Int(value.trunc() as i128))
            }
            ("int" | "uint", Value::Text(text)) => text.parse().ok().map(Value::Int),
            ("double", Value::Int(value)) => Some(Value::Float(*value as f64)),
            ("double", Value::Float(value)) => Some(Value::Float(*value)),
            ("double", Value::Text(text)) => text.parse().ok().map(Value::Float),
            ("bool", Value::Bool(value)) => Some(Value::Bool(*value)),
            ("bool", Value::Text(text)) => text.parse().ok().map(Value::Bool),
            ("string", Value::Text(text)) => Some(Value::Text(text.clone())),
            ("string", Value::Int(value)) => Some(Value::text(value.to_string())),
            ("string", Value::Float(value)) => Some(Value::text(value.to_string())),
            ("string", Value::Bool(value)) => Some(Value::text(value.to_string())),
            ("bytes", Value::Text(text)) => {
                self.pay_bytes(text.len())?;
                Some(Value::Bytes(text.as_bytes().into()))
            }
            _ => None,
        };
        match converted {
            Some(Value::Int(value)) => in_range(to, value),
            Some(value) => Ok(value),
            None => error(format!("{} can't be made of {}", to, value.kind())),
        }
    }
}

fn in_range<'a>(to: &str, value: i128) -> Evaluated<'a> {
    match to {
        "uint" if u64::try_from(value).is_err() => error("there is no such unsigned number"),
        _ => whole(Some(value)),
    }
}

fn arithmetic<'a>(name: &str, one: &Value<'a>, other: &Value<'a>) -> Evaluated<'a> {
    match (one, other) {
        (Value::Int(_), Value::Int(0)) if matches!(name, DIVIDE | MODULO) => error("it divides by zero"),
        (Value::Int(one), Value::Int(other)) => whole(match name {
            ADD => one.checked_add(*other),
            SUBSTRACT => one.checked_sub(*other),
            MULTIPLY => one.checked_mul(*other),
            DIVIDE => one.checked_div(*other),
            _ => one.checked_rem(*other),
        }),
        (Value::Float(one), Value::Float(other)) if name != MODULO => Ok(Value::Float(match name {
            ADD => one + other,
            SUBSTRACT => one - other,
            MULTIPLY => one * other,
            _ => one / other,
        })),
        _ => misapplied(name, &[one.clone(), other.clone()]),
    }
}

/// A whole number within 64 bits.
fn whole<'a>(value: Option<i128>) -> Evaluated<'a> {
    let bounds = i128::from(i64::MIN)..=i128::from(u64::MAX);
    match value.filter(|value| bounds.contains(value)) {
        Some(value) => Ok(Value::Int(value)),
        None => error("a number is out of range"),
    }
}

fn misapplied<T>(name: &str, operands: &[Value<'_>]) -> Result<T, Fault> {
    let name = name.trim_matches('_');
    let kinds: Vec<&str> = operands.iter().map(Value::kind).collect();
    error(format!("`{name}` takes no {}", kinds.join(" and ")))
}
