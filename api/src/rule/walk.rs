//! What an expression may be made of, checked before it is ever evaluated.

use std::collections::BTreeMap;

use cel::common::ast::{EntryExpr, Expr, IdedEntryExpr, IdedExpr, LiteralValue, operators};
use regex::{Regex, RegexBuilder};

use super::expression::ParseError;
use crate::limits::{RULE_DEPTH_MAX, RULE_REGEX_BYTES_MAX};

/// The only variable beside those of macros.
pub(super) const OBJECT: &str = "object";

/// CEL's standard functions, but for those of time and of types.
static FUNCTIONS: [&str; 13] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "int",
    "uint",
    "double",
    "string",
    "bool",
    "bytes",
    "dyn",
    "@not_strictly_false",
];

static OPERATORS: [&str; 17] = [
    operators::CONDITIONAL,
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::SUBSTRACT,
    operators::ADD,
    operators::MULTIPLY,
    operators::DIVIDE,
    operators::MODULO,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::GREATER_EQUALS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::LESS,
    operators::NEGATE,
    operators::INDEX,
];

/// Checks depth, variables and functions, and compiles the regular expressions.
pub(super) fn check(expression: &IdedExpr) -> Result<BTreeMap<String, Regex>, ParseError> {
    let mut walk = Walk { depth: 0, variables: vec![OBJECT], regexes: BTreeMap::new() };
    walk.check(expression)?;
    Ok(walk.regexes)
}

struct Walk<'e> {
    depth: usize,
    /// Those of the macros around this place, and the only global one.
    variables: Vec<&'e str>,
    regexes: BTreeMap<String, Regex>,
}

impl<'e> Walk<'e> {
    fn check(&mut self, expression: &'e IdedExpr) -> Result<(), ParseError> {
        if self.depth == RULE_DEPTH_MAX {
            return Err(ParseError::Deep);
        }
        self.depth += 1;
        self.check_here(expression)?;
        self.depth -= 1;
        Ok(())
    }

    fn check_here(&mut self, expression: &'e IdedExpr) -> Result<(), ParseError> {
        match &expression.expr {
            Expr::Unspecified | Expr::Literal(_) => Ok(()),
            Expr::Ident(name) if self.variables.contains(&name.as_str()) => Ok(()),
            Expr::Ident(name) => Err(ParseError::Variable { name: name.clone() }),
            Expr::Select(select) => self.check(&select.operand),
            Expr::List(list) => list.elements.iter().try_for_each(|element| self.check(element)),
            Expr::Map(map) => self.check_entries(&map.entries),
            Expr::Struct(of) => Err(ParseError::Function { name: of.type_name.clone() }),
            Expr::Call(call) => {
                let name = call.func_name.as_str();
                if !FUNCTIONS.contains(&name) && !OPERATORS.contains(&name) && name != operators::IN {
                    return Err(ParseError::Function { name: name.to_owned() });
                }
                if name == "matches" {
                    self.compile(call.args.last())?;
                }
                call.target
                    .as_deref()
                    .into_iter()
                    .chain(&call.args)
                    .try_for_each(|operand| self.check(operand))
            }
            Expr::Comprehension(of) => {
                self.check(&of.iter_range)?;
                self.check(&of.accu_init)?;
                let outside = self.variables.len();
                self.variables.push(&of.accu_var);
                self.variables.push(&of.iter_var);
                self.variables.extend(of.iter_var2.as_deref());
                for part in [&of.loop_cond, &of.loop_step, &of.result] {
                    self.check(part)?;
                }
                self.variables.truncate(outside);
                Ok(())
            }
        }
    }

    fn check_entries(&mut self, entries: &'e [IdedEntryExpr]) -> Result<(), ParseError> {
        entries.iter().try_for_each(|entry| match &entry.expr {
            EntryExpr::MapEntry(entry) => self.check(&entry.key).and_then(|()| self.check(&entry.value)),
            EntryExpr::StructField(field) => self.check(&field.value),
        })
    }

    fn compile(&mut self, pattern: Option<&IdedExpr>) -> Result<(), ParseError> {
        let Some(Expr::Literal(LiteralValue::String(pattern))) = pattern.map(|pattern| &pattern.expr) else {
            return Err(ParseError::ComputedRegex);
        };
        let pattern = pattern.inner().to_owned();
        match RegexBuilder::new(&pattern).size_limit(RULE_REGEX_BYTES_MAX).build() {
            Ok(regex) => {
                self.regexes.insert(pattern, regex);
                Ok(())
            }
            Err(regex::Error::CompiledTooBig(_)) => Err(ParseError::LargeRegex { pattern }),
            Err(_) => Err(ParseError::Regex { pattern }),
        }
    }
}
