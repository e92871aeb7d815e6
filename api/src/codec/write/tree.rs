//! A document to be written: JSON's values, with fields in the order in which people expect them.

use serde_json::{Number, Value};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tree {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Tree>),
    Map(Vec<(String, Tree)>),
}

impl From<&str> for Tree {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Tree {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl Tree {
    pub(super) fn map(fields: impl IntoIterator<Item = (&'static str, Self)>) -> Self {
        Self::Map(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// As serde_json has it, which orders fields by name.
    pub(super) fn into_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Number(number) => Value::Number(number),
            Self::Text(text) => Value::String(text),
            Self::List(items) => Value::Array(items.into_iter().map(Self::into_value).collect()),
            Self::Map(fields) => {
                Value::Object(fields.into_iter().map(|(name, value)| (name, value.into_value())).collect())
            }
        }
    }

    /// Text with kubectl's indentation, four spaces a level.
    pub(super) fn json(&self) -> String {
        let mut text = String::new();
        self.put_json(0, &mut text);
        text.push('\n');
        text
    }

    fn put_json(&self, level: usize, text: &mut String) {
        match self {
            Self::Null => text.push_str("null"),
            Self::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
            Self::Number(number) => text.push_str(&number.to_string()),
            Self::Text(value) => text.push_str(&quoted(value)),
            Self::List(items) if items.is_empty() => text.push_str("[]"),
            Self::Map(fields) if fields.is_empty() => text.push_str("{}"),
            Self::List(items) => {
                text.push('[');
                for (index, item) in items.iter().enumerate() {
                    new_line(index, level + 1, text);
                    item.put_json(level + 1, text);
                }
                new_line(0, level, text);
                text.push(']');
            }
            Self::Map(fields) => {
                text.push('{');
                for (index, (name, value)) in fields.iter().enumerate() {
                    new_line(index, level + 1, text);
                    text.push_str(&quoted(name));
                    text.push_str(": ");
                    value.put_json(level + 1, text);
                }
                new_line(0, level, text);
                text.push('}');
            }
        }
    }
}

fn new_line(index: usize, level: usize, text: &mut String) {
    text.push_str(if index > 0 { ",\n" } else { "\n" });
    text.extend(std::iter::repeat_n("    ", level));
}

/// In double quotes, as both JSON and YAML read them. What YAML takes for no text or for the end of a line is escaped.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => quoted.push_str(&escaped(c)),
            _ if c.is_control() => quoted.push_str(&escaped(c)),
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// All that are escaped this way fit into four digits.
fn escaped(c: char) -> String {
    format!("\\u{:04x}", u32::from(c))
}
