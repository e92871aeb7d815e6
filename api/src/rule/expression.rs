//! CEL, parsed and evaluated within bounds.

use std::{collections::BTreeMap, sync::Arc};

use cel::{common::ast::IdedExpr, parser::PrattParser};
use regex::Regex;
use serde_json::Value as Json;

use super::{
    evaluate::{self, Fault},
    walk,
};
use crate::limits::{RULE_DEPTH_MAX, RULE_EXPRESSION_BYTES_MAX, RULE_REGEX_BYTES_MAX, RULE_STEPS_MAX};

/// An expression that is short and flat enough to evaluate.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    root: Arc<IdedExpr>,
    /// By pattern.
    regexes: Arc<BTreeMap<String, Regex>>,
}

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
    #[error(
        "the regular expression `{pattern}` takes more than {RULE_REGEX_BYTES_MAX} bytes when it is compiled"
    )]
    LargeRegex { pattern: String },
}

/// Why an expression is neither true nor false of an object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EvaluationError {
    #[error("it takes more steps than the {RULE_STEPS_MAX} that there are for a resource")]
    Steps,
    #[error("{0}")]
    Failed(String),
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
        let root = parser.parse(text).map_err(syntax)?;
        let regexes = walk::check(&root)?;
        Ok(Self { root: Arc::new(root), regexes: Arc::new(regexes) })
    }

    /// Whether it is true of an object, in no more than so many steps, which it uses up.
    ///
    /// # Errors
    /// Where it is neither true nor false of it, or the steps are not enough to find out.
    pub(super) fn is_true_of(&self, object: &Json, steps: &mut u64) -> Result<bool, EvaluationError> {
        evaluate::is_true(&self.root, &self.regexes, object, steps).map_err(|fault| match fault {
            Fault::Steps => EvaluationError::Steps,
            Fault::Error(reason) => EvaluationError::Failed(reason),
        })
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
