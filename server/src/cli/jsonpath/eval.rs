//! From an object to text.

use std::cmp::Ordering;

use serde_json::Value;

use super::{At, Filter, Node, Operand, Operator, Path, Slice, Step};

/// What a template says of an object.
pub(super) fn print(nodes: &[Node], object: &Value) -> At<String> {
    let mut text = String::new();
    Place { root: object, here: object }.print(nodes, &mut text)?;
    Ok(text)
}

/// Where a template is at.
#[derive(Clone, Copy)]
struct Place<'v> {
    root: &'v Value,
    here: &'v Value,
}

impl<'v> Place<'v> {
    fn print(self, nodes: &[Node], text: &mut String) -> At<()> {
        for node in nodes {
            match node {
                Node::Text(plain) => text.push_str(plain),
                Node::Path(path) => {
                    let found: Vec<String> = self.find(path)?.into_iter().map(printed).collect();
                    text.push_str(&found.join(" "));
                }
                Node::Range { over, body } => {
                    for here in self.find(over)? {
                        Self { here, ..self }.print(body, text)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// All that a path leads to.
    fn find(self, path: &Path) -> At<Vec<&'v Value>> {
        let mut found = vec![if path.is_from_root { self.root } else { self.here }];
        let mut is_anything = false;
        for (at, step) in &path.steps {
            let mut next = Vec::new();
            for value in found {
                // Of all that `..` finds, what is no list is passed over.
                let is_passed = is_anything && !value.is_array() && step.wants_a_list();
                if !value.is_null() && !is_passed {
                    self.step(*at, step, value, &mut next)?;
                }
            }
            found = next;
            is_anything = matches!(step, Step::Descend);
        }
        Ok(found)
    }

    fn step(self, at: usize, step: &Step, value: &'v Value, found: &mut Vec<&'v Value>) -> At<()> {
        match step {
            Step::Field(name) => found.extend(field(value, name)),
            Step::Each => found.extend(children(value)),
            Step::Descend => descend(value, found),
            Step::Index(index) => found.push(item(at, value, *index)?),
            Step::Slice(slice) => found.extend(slice.of(list(at, value)?)),
            Step::Union(paths) => {
                for path in paths {
                    found.extend(Self { here: value, ..self }.find(path)?);
                }
            }
            Step::Filter(filter) => {
                for here in list(at, value)? {
                    if (Self { here, ..self }).satisfies(filter)? {
                        found.push(here);
                    }
                }
            }
        }
        Ok(())
    }

    fn satisfies(self, filter: &Filter) -> At<bool> {
        match filter {
            Filter::Exists(path) => Ok(!self.find(path)?.is_empty()),
            Filter::Compares(left, operator, right) => {
                let (left, right) = (self.operand(left)?, self.operand(right)?);
                Ok(left.zip(right).is_some_and(|(left, right)| operator.holds(&left, &right)))
            }
            Filter::Matches(left, pattern) => {
                let left = self.operand(left)?;
                Ok(left.is_some_and(|left| left.as_str().is_some_and(|text| pattern.is_match(text))))
            }
        }
    }

    /// The one value of an operand. A comparison with several is none: a filter says which one it means.
    fn operand(self, operand: &Operand) -> At<Option<Value>> {
        match operand {
            Operand::Literal(value) => Ok(Some(value.clone())),
            Operand::Path(path) => match *self.find(path)? {
                [] => Ok(None),
                [one] => Ok(Some(one.clone())),
                [..] => {
                    let at = path.steps.first().map_or(0, |(at, _)| *at);
                    Err((at, "a comparison needs one value, and this finds several".to_owned()))
                }
            },
        }
    }
}

impl Step {
    fn wants_a_list(&self) -> bool {
        matches!(self, Self::Index(_) | Self::Slice(_) | Self::Filter(_))
    }
}

/// The key of this name; where there is none and the name has dots, what they lead to, as kubectl reads keys in brackets.
fn field<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.get(name).or_else(|| {
        let (first, rest) = name.split_once('.')?;
        field(value.get(first)?, rest)
    })
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Object(fields) => fields.values().collect(),
        Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    }
}

/// A value that holds others, and those of them that do, in the order in which they are written.
fn descend<'v>(value: &'v Value, found: &mut Vec<&'v Value>) {
    let children = children(value);
    if !children.is_empty() {
        found.push(value);
    }
    children.into_iter().for_each(|child| descend(child, found));
}

fn list(at: usize, value: &Value) -> At<&Vec<Value>> {
    value.as_array().ok_or_else(|| (at, format!("this needs a list, and finds {}", shape(value))))
}

fn shape(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn item(at: usize, value: &Value, index: i64) -> At<&Value> {
    let items = list(at, value)?;
    place(index, items.len())
        .and_then(|index| items.get(index))
        .ok_or_else(|| (at, format!("index {index} of a list of {}", items.len())))
}

/// An index from the start; `None` before it.
fn place(index: i64, len: usize) -> Option<usize> {
    match usize::try_from(index) {
        Ok(index) => Some(index),
        Err(_) => len.checked_sub(usize::try_from(index.unsigned_abs()).ok()?),
    }
}

impl Slice {
    fn of(self, items: &[Value]) -> impl Iterator<Item = &Value> {
        let end = |given: Option<i64>, default: usize| {
            given.map_or(default, |index| place(index, items.len()).unwrap_or(0)).min(items.len())
        };
        let (from, to) = (end(self.from, 0), end(self.to, items.len()));
        items.get(from..to).unwrap_or_default().iter().step_by(self.step.unwrap_or(1))
    }
}

impl Operator {
    fn holds(self, left: &Value, right: &Value) -> bool {
        let order = order(left, right);
        match self {
            Self::Equal => order == Some(Ordering::Equal) || left == right,
            Self::Unequal => !Self::Equal.holds(left, right),
            Self::Less => order.is_some_and(Ordering::is_lt),
            Self::LessOrEqual => order.is_some_and(Ordering::is_le),
            Self::Greater => order.is_some_and(Ordering::is_gt),
            Self::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
        }
    }
}

/// Of two numbers or two texts; others have no order.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64()?.partial_cmp(&right.as_f64()?),
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

fn printed(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
