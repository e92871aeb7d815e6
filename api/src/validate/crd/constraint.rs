//! One constraint of a field.

use prost_reflect::{FieldDescriptor, Kind, Value};

use super::named::{self, Named};
use crate::validate::{code, report::Report};

/// What is asked of a value that is there.
#[derive(Debug)]
pub(super) enum Constraint {
    Min(f64),
    Max(f64),
    MinLength(usize),
    MaxLength(usize),
    MinItems(usize),
    MaxItems(usize),
    /// Fields of a message that are there.
    Required(Vec<String>),
    /// Numbers of an enum.
    Numbers(Vec<i32>),
    Texts(Vec<String>),
    /// At most one of these fields is there.
    AtMostOne(Vec<String>),
    /// At least one of these fields is there.
    AnyOf(Vec<String>),
    Named(&'static Named),
}

impl Constraint {
    /// Reads a row of the table; `None` for a rule that is not known.
    pub(super) fn parse(rule: &str, argument: &str, field: Option<&FieldDescriptor>) -> Option<Self> {
        let words = || argument.split(' ').map(str::to_owned).collect();
        Some(match rule {
            "min" => Self::Min(argument.parse().ok()?),
            "max" => Self::Max(argument.parse().ok()?),
            "min-length" => Self::MinLength(argument.parse().ok()?),
            "max-length" => Self::MaxLength(argument.parse().ok()?),
            "min-items" => Self::MinItems(argument.parse().ok()?),
            "max-items" => Self::MaxItems(argument.parse().ok()?),
            "required" => Self::Required(words()),
            "at-most-one" => Self::AtMostOne(words()),
            "any-of" => Self::AnyOf(words()),
            "one-of" => match field?.kind() {
                Kind::Enum(known) => Self::Numbers(
                    argument
                        .split(' ')
                        .map(|name| Some(known.get_value_by_name(name)?.number()))
                        .collect::<Option<_>>()?,
                ),
                _ => Self::Texts(words()),
            },
            _ => Self::Named(named::find(rule)?),
        })
    }

    pub(super) fn check(&self, report: &mut Report<'_>, value: &Value) {
        match self {
            Self::Min(min) => expect(
                report,
                number(value),
                |it| it >= min,
                &code::CRD_NUMBER,
                |it| format!("{it} is less than {min}"),
            ),
            Self::Max(max) => expect(
                report,
                number(value),
                |it| it <= max,
                &code::CRD_NUMBER,
                |it| format!("{it} is more than {max}"),
            ),
            Self::MinLength(min) => {
                let length = value.as_str().map(|text| text.chars().count());
                expect(
                    report,
                    length,
                    |it| it >= min,
                    &code::CRD_TEXT_LENGTH,
                    |it| format!("{it}, at least {min}"),
                );
            }
            Self::MaxLength(max) => {
                let length = value.as_str().map(|text| text.chars().count());
                expect(
                    report,
                    length,
                    |it| it <= max,
                    &code::CRD_TEXT_LENGTH,
                    |it| format!("{it}, at most {max}"),
                );
            }
            Self::MinItems(min) => {
                expect(
                    report,
                    items(value),
                    |it| it >= min,
                    &code::CRD_LENGTH,
                    |it| format!("{it}, at least {min}"),
                );
            }
            Self::MaxItems(max) => {
                expect(
                    report,
                    items(value),
                    |it| it <= max,
                    &code::CRD_LENGTH,
                    |it| format!("{it}, at most {max}"),
                );
            }
            Self::Required(names) => {
                for name in names.iter().filter(|name| !named::has(value, name)) {
                    report.flag_at(name, &code::CRD_REQUIRED);
                }
            }
            Self::Numbers(known) => {
                expect(
                    report,
                    value.as_enum_number(),
                    |it| known.contains(it),
                    &code::CRD_ENUM,
                    i32::to_string,
                );
            }
            Self::Texts(known) => {
                let is_known = |it: &&str| known.iter().any(|known| known == it);
                expect(report, value.as_str(), is_known, &code::CRD_TEXT, |it| (*it).to_owned());
            }
            Self::AtMostOne(names) => {
                if there(value, names) > 1 {
                    report.flag_with(&code::CRD_EXCLUSIVE, names.join(", "));
                }
            }
            Self::AnyOf(names) => {
                if there(value, names) == 0 {
                    report.flag_with(&code::CRD_REQUIRED, names.join(" or "));
                }
            }
            Self::Named(named) => {
                if !(named.holds)(value) {
                    report.flag_with(named.code, named.what);
                }
            }
        }
    }
}

fn expect<T>(
    report: &mut Report<'_>,
    value: Option<T>,
    is_right: impl Fn(&T) -> bool,
    code: &code::Code,
    what: impl Fn(&T) -> String,
) {
    if let Some(value) = value.filter(|value| !is_right(value)) {
        report.flag_with(code, what(&value));
    }
}

fn there(value: &Value, names: &[String]) -> usize {
    names.iter().filter(|name| named::has(value, name)).count()
}

fn items(value: &Value) -> Option<usize> {
    match value {
        Value::List(values) => Some(values.len()),
        Value::Map(entries) => Some(entries.len()),
        _ => None,
    }
}

/// A number, or the one in its wrapper.
#[allow(clippy::cast_precision_loss)] // bounds are small
fn number(value: &Value) -> Option<f64> {
    Some(match value {
        Value::I32(number) => f64::from(*number),
        Value::U32(number) => f64::from(*number),
        Value::I64(number) => *number as f64,
        Value::U64(number) => *number as f64,
        Value::F32(number) => f64::from(*number),
        Value::F64(number) => *number,
        Value::Message(wrapper) => return number(&*wrapper.get_field_by_name("value")?),
        _ => return None,
    })
}
