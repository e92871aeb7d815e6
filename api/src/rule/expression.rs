//! CEL, parsed within bounds and evaluated.

use std::{fmt, sync::Arc};

use cel::{ExecutionError, Value, common::ast::IdedExpr, parser::PrattParser};

use super::{cost::cost, object::Object, walk};
use crate::limits::{RULE_COST_MAX, RULE_DEPTH_MAX, RULE_EXPRESSION_BYTES_MAX, RULE_REGEX_SIZE_MAX};

/// Characters of an evaluation's error that are told: some of the library's show the whole object.
const ERROR_LEN_MAX: usize = 200;

/// An expression that is short and flat enough to evaluate.
#[derive(Clone, Debug)]
pub(crate) struct Expression(Arc<IdedExpr>);

/// Why a text is no expression of a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParseError {
    #[error("there is none")]
    Empty,
    #[error("it has {len} bytes, more than {RULE_EXPRESSION_BYTES_MAX}")]
    Long { len: usize },
    #[error("it is nested deeper than {RULE_DEPTH_MAX} levels")]
    Deep,
    #[error("line {line}, column {column}: {reason}")]
    Syntax { line: isize, column: isize, reason: String },
    #[error("`{name}` is no variable: there is `object`, the resource as a document")]
    Variable { name: String },
    #[error("`{name}` is no function here")]
    Function { name: String },
    #[error("matches() takes a regular expression in quotes: what is computed can't be checked beforehand")]
    ComputedRegex,
    #[error("`{pattern}` is no regular expression")]
    Regex { pattern: String },
    #[error("the regular expression `{pattern}` grows beyond {RULE_REGEX_SIZE_MAX} states")]
    LargeRegex { pattern: String },
}

/// Why an expression is neither true nor false of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EvaluationError {
    /// It could take this many steps.
    Cost(u64),
    /// It is something else than true or false.
    NoTruthValue,
    /// What the library says.
    Failed(String),
}

impl fmt::Display for EvaluationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cost(steps) => write!(f, "it could take {steps} steps, more than {RULE_COST_MAX}"),
            Self::NoTruthValue => f.write_str("it is neither true nor false"),
            Self::Failed(reason) => f.write_str(reason),
        }
    }
}

impl Expression {
    /// Parses a text.
    ///
    /// # Errors
    /// Where it is no CEL, is too long or too deep to evaluate safely, or uses what is not there.
    pub(crate) fn parse(text: &str) -> Result<Self, ParseError> {
        if text.trim().is_empty() {
            return Err(ParseError::Empty);
        }
        if text.len() > RULE_EXPRESSION_BYTES_MAX {
            return Err(ParseError::Long { len: text.len() });
        }
        let parser = PrattParser::new()
            .max_recursion_depth(u16::try_from(RULE_DEPTH_MAX).unwrap_or(u16::MAX))
            .max_expression_node_count(RULE_EXPRESSION_BYTES_MAX);
        let expression = parser.parse(text).map_err(syntax)?;
        walk::check(&expression)?;
        Ok(Self(Arc::new(expression)))
    }

    /// Whether it is true of an object.
    ///
    /// # Errors
    /// Where it is neither true nor false of it, or could take too long to find out.
    pub(super) fn is_true_of(&self, object: &Object) -> Result<bool, EvaluationError> {
        let steps = cost(&self.0, object.size);
        if steps > RULE_COST_MAX {
            return Err(EvaluationError::Cost(steps));
        }
        match Value::resolve(&self.0, &object.context) {
            Ok(Value::Bool(truth)) => Ok(truth),
            Ok(_) => Err(EvaluationError::NoTruthValue),
            Err(error) => Err(EvaluationError::Failed(told(&error))),
        }
    }
}

fn syntax(errors: cel::ParseErrors) -> ParseError {
    let Some(error) = errors.errors.into_iter().next() else { return ParseError::Empty };
    if error.msg.contains("recursion limit") {
        return ParseError::Deep;
    }
    let (line, column) = error.pos;
    ParseError::Syntax { line, column, reason: error.msg }
}

fn told(error: &ExecutionError) -> String {
    let text = match error {
        ExecutionError::NoSuchKey(key) => format!("there is no `{key}`"),
        other => other.to_string(),
    };
    if text.chars().count() <= ERROR_LEN_MAX {
        text
    } else {
        text.chars().take(ERROR_LEN_MAX).chain(['…']).collect()
    }
}
