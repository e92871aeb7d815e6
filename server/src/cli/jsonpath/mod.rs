//! kubectl's templates: text, and in braces what is to be found: `{range .items[*]}{.metadata.name}{"\n"}{end}`.
//!
//! A field that is not there prints nothing. Two things are read more generously than kubectl does: `['a.b']` is the key `a.b`
//! where there is one, and a slice may reach beyond the end of its list.

mod eval;
mod lexer;
mod parse;
#[cfg(test)]
mod tests;

use std::fmt;

use regex::Regex;
use serde_json::Value;

/// A template that was read.
#[derive(Clone, Debug)]
pub(super) struct Template {
    text: String,
    nodes: Vec<Node>,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// Says what is wrong, and at which column.
    pub(super) fn parse(text: &str) -> Result<Self, Mistake> {
        match parse::template(text) {
            Ok(nodes) => Ok(Self { text: text.to_owned(), nodes }),
            Err((at, reason)) => Err(Mistake { template: text.to_owned(), at, reason }),
        }
    }

    /// What it says of an object.
    ///
    /// # Errors
    /// Where the object is not shaped as the template says.
    pub(super) fn print(&self, object: &Value) -> Result<String, Mistake> {
        eval::print(&self.nodes, object).map_err(|(at, reason)| Mistake {
            template: self.text.clone(),
            at,
            reason,
        })
    }
}

/// What is wrong with a template, or with what it was asked of.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) struct Mistake {
    template: String,
    /// In letters, from 0.
    at: usize,
    reason: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { template, at, reason } = self;
        write!(f, "column {} of the template: {reason}", at + 1)?;
        // Within a template of several lines, a mark below the last one would point nowhere.
        if template.contains('\n') {
            return Ok(());
        }
        write!(f, "\n  {template}\n  {:at$}^", "")
    }
}

/// A column, from 0, and what is wrong there.
type At<T> = Result<T, (usize, String)>;

/// A piece of a template.
#[derive(Clone, Debug)]
enum Node {
    Text(String),
    Path(Path),
    Range { over: Path, body: Vec<Node> },
}

/// Where to look.
#[derive(Clone, Debug, Default)]
struct Path {
    /// From the whole object, not from what a range or a filter is at.
    is_from_root: bool,
    /// Each with its column.
    steps: Vec<(usize, Step)>,
}

#[derive(Clone, Debug)]
enum Step {
    Field(String),
    /// `.*`, `[*]`
    Each,
    /// `..`: it, and all that it holds.
    Descend,
    /// From the end where it is negative.
    Index(i64),
    Slice(Slice),
    Union(Vec<Path>),
    /// Of a list, the items of which this holds.
    Filter(Filter),
}

#[derive(Clone, Copy, Debug, Default)]
struct Slice {
    from: Option<i64>,
    to: Option<i64>,
    step: Option<usize>,
}

#[derive(Clone, Debug)]
enum Filter {
    Exists(Path),
    Compares(Operand, Operator, Operand),
    Matches(Operand, Regex),
}

#[derive(Clone, Debug)]
enum Operand {
    Path(Path),
    Literal(Value),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}
