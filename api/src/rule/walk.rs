//! What an expression may be made of, checked before it is ever evaluated.

use cel::common::ast::{EntryExpr, Expr, IdedEntryExpr, IdedExpr, LiteralValue, operators};

use super::{expression::ParseError, object::OBJECT, regex_size::regex_size};
use crate::limits::{RULE_DEPTH_MAX, RULE_REGEX_SIZE_MAX};

/// CEL's standard functions, but for those of time.
static FUNCTIONS: [&str; 14] = [
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
    "type",
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

/// Checks depth, variables, functions and regular expressions.
pub(super) fn check(expression: &IdedExpr) -> Result<(), ParseError> {
    Walk { depth: 0, variables: vec![OBJECT] }.check(expression)
}

struct Walk<'e> {
    depth: usize,
    /// Those of the macros around this place, and the only global one.
    variables: Vec<&'e str>,
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
                    check_regex(call.args.last())?;
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
}

fn check_regex(pattern: Option<&IdedExpr>) -> Result<(), ParseError> {
    let Some(Expr::Literal(LiteralValue::String(pattern))) = pattern.map(|pattern| &pattern.expr) else {
        return Err(ParseError::ComputedRegex);
    };
    let pattern = pattern.inner().to_owned();
    match regex_size(&pattern) {
        None => Err(ParseError::Regex { pattern }),
        Some(size) if size > RULE_REGEX_SIZE_MAX => Err(ParseError::LargeRegex { pattern }),
        Some(_) => Ok(()),
    }
}
