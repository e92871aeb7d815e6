//! Evaluates an expression and counts its steps. The library that parses CEL could evaluate it, too, but without any
//! limit of time or memory: a tenant's rule must not be able to stop the server.
//!
//! A step is a look at one part of the expression, at 16 bytes of text or at one entry of a list. Whatever is built is
//! paid for likewise, so the bound on steps bounds memory, too.

mod function;
mod value;

use std::{collections::BTreeMap, rc::Rc};

use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, MapExpr, SelectExpr, operators,
};
use regex::Regex;
use serde_json::Value as Json;

use self::value::{Text, Value};
use super::walk::OBJECT;

/// Why there is no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The steps are used up. Nothing absorbs it.
    Steps,
    /// An error of CEL, which `&&` and `||` absorb where the other side decides.
    Error(String),
}

type Evaluated<'a> = Result<Value<'a>, Fault>;

fn error<T>(text: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Error(text.into()))
}

/// Whether an expression is true of an object. `steps` are left over or used up.
pub(super) fn is_true<'a>(
    expression: &'a IdedExpr,
    regexes: &'a BTreeMap<String, Regex>,
    object: &'a Json,
    steps: &mut u64,
) -> Result<bool, Fault> {
    let mut machine = Machine { steps: *steps, object, regexes, scope: Vec::new() };
    let value = machine.eval(expression);
    *steps = machine.steps;
    match value? {
        Value::Bool(truth) => Ok(truth),
        other => error(format!("it is {}, neither true nor false", other.kind())),
    }
}

struct Machine<'a> {
    steps: u64,
    object: &'a Json,
    /// Compiled beforehand, by pattern.
    regexes: &'a BTreeMap<String, Regex>,
    /// Variables of the macros around this place. An accumulator may hold an error that later elements outweigh.
    scope: Vec<(&'a str, Evaluated<'a>)>,
}

impl<'a> Machine<'a> {
    fn pay(&mut self, steps: usize) -> Result<(), Fault> {
        let left = self.steps.checked_sub(steps as u64);
        self.steps = left.unwrap_or(0);
        if left.is_some() { Ok(()) } else { Err(Fault::Steps) }
    }

    /// For looking at, or building, so many bytes.
    fn pay_bytes(&mut self, bytes: usize) -> Result<(), Fault> {
        self.pay(bytes / 16)
    }

    fn eval(&mut self, expression: &'a IdedExpr) -> Evaluated<'a> {
        self.pay(1)?;
        match &expression.expr {
            Expr::Unspecified | Expr::Struct(_) => error("it is not complete"),
            Expr::Literal(literal) => Ok(constant(literal)),
            Expr::Ident(name) => self.variable(name),
            Expr::Select(select) => self.select(select),
            Expr::List(list) => {
                let items = self.all(&list.elements)?;
                Ok(Value::List(Rc::new(items)))
            }
            Expr::Map(map) => self.map(map),
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
        }
    }

    fn all(&mut self, expressions: impl IntoIterator<Item = &'a IdedExpr>) -> Result<Vec<Value<'a>>, Fault> {
        expressions.into_iter().map(|one| self.eval(one)).collect()
    }

    fn variable(&self, name: &str) -> Evaluated<'a> {
        match self.scope.iter().rev().find(|(variable, _)| *variable == name) {
            Some((_, value)) => value.clone(),
            None if name == OBJECT => Ok(Value::of_json(self.object)),
            None => error(format!("there is no variable `{name}`")),
        }
    }

    fn select(&mut self, select: &'a SelectExpr) -> Evaluated<'a> {
        let operand = self.eval(&select.operand)?;
        let field = match &operand {
            Value::Json(Json::Object(fields)) => fields.get(&select.field).map(Value::of_json),
            Value::Map(entries) => {
                self.pay(entries.len())?;
                let is_it = |key: &Value<'_>| matches!(key, Value::Text(text) if **text == *select.field);
                entries.iter().find(|(key, _)| is_it(key)).map(|(_, value)| value.clone())
            }
            other => return error(format!("{} has no field `{}`", other.kind(), select.field)),
        };
        match field {
            found if select.test => Ok(Value::Bool(found.is_some())),
            Some(value) => Ok(value),
            None => error(format!("there is no `{}`", select.field)),
        }
    }

    fn map(&mut self, map: &'a MapExpr) -> Evaluated<'a> {
        let mut entries = Vec::new();
        for entry in &map.entries {
            let EntryExpr::MapEntry(entry) = &entry.expr else { return error("it is not complete") };
            entries.push((self.eval(&entry.key)?, self.eval(&entry.value)?));
        }
        Ok(Value::Map(Rc::new(entries)))
    }

    fn call(&mut self, call: &'a CallExpr) -> Evaluated<'a> {
        match (call.func_name.as_str(), &call.args[..]) {
            (operators::LOGICAL_AND, [one, other]) => self.decided_by(false, one, other),
            (operators::LOGICAL_OR, [one, other]) => self.decided_by(true, one, other),
            (operators::NOT_STRICTLY_FALSE, [one]) => match self.eval(one) {
                Err(Fault::Error(_)) => Ok(Value::Bool(true)),
                value => value,
            },
            (operators::CONDITIONAL, [condition, yes, no]) => {
                if self.truth(condition)? {
                    self.eval(yes)
                } else {
                    self.eval(no)
                }
            }
            (name, args) => {
                let operands = self.all(call.target.as_deref().into_iter().chain(args))?;
                self.apply(name, &operands)
            }
        }
    }

    fn truth(&mut self, condition: &'a IdedExpr) -> Result<bool, Fault> {
        match self.eval(condition)? {
            Value::Bool(truth) => Ok(truth),
            other => error(format!("a condition is {}, neither true nor false", other.kind())),
        }
    }

    /// `&&` and `||`: the side that decides does, whatever the other one is, also an error.
    fn decided_by(&mut self, decisive: bool, one: &'a IdedExpr, other: &'a IdedExpr) -> Evaluated<'a> {
        let first = self.truth(one);
        if first == Ok(decisive) || first == Err(Fault::Steps) {
            return first.map(Value::Bool);
        }
        let second = self.truth(other)?;
        if second == decisive { Ok(Value::Bool(decisive)) } else { first.map(Value::Bool) }
    }

    /// What a macro such as `all` or `map` becomes: a loop over a range that carries a result along.
    fn comprehension(&mut self, of: &'a ComprehensionExpr) -> Evaluated<'a> {
        let range = self.eval(&of.iter_range)?;
        let turns = range.turns(of.iter_var2.is_some())?;
        self.pay(turns.len())?;
        let first = self.eval(&of.accu_init);
        let outside = self.scope.len();
        self.scope.push((&of.accu_var, first));
        let ended = self.turns(of, turns);
        let result = ended.and_then(|()| self.eval(&of.result));
        self.scope.truncate(outside);
        result
    }

    fn turns(
        &mut self,
        of: &'a ComprehensionExpr,
        turns: Vec<(Value<'a>, Option<Value<'a>>)>,
    ) -> Result<(), Fault> {
        let accumulator = self.scope.len() - 1;
        for (one, other) in turns {
            self.scope.push((&of.iter_var, Ok(one)));
            if let (Some(name), Some(value)) = (&of.iter_var2, other) {
                self.scope.push((name, Ok(value)));
            }
            if !self.truth(&of.loop_cond)? {
                self.scope.truncate(accumulator + 1);
                break;
            }
            let next = self.step(accumulator, &of.loop_step);
            self.scope.truncate(accumulator + 1);
            if next == Err(Fault::Steps) {
                return Err(Fault::Steps);
            }
            self.scope[accumulator].1 = next;
        }
        Ok(())
    }

    /// One turn. A list that grows is moved, not copied: `map` and `filter` would be quadratic.
    fn step(&mut self, accumulator: usize, step: &'a IdedExpr) -> Evaluated<'a> {
        let name = self.scope[accumulator].0;
        let is_it = |one: &IdedExpr| matches!(&one.expr, Expr::Ident(ident) if ident == name);
        let take = |machine: &mut Self| std::mem::replace(&mut machine.scope[accumulator].1, Ok(Value::Null));
        match &step.expr {
            Expr::Ident(_) if is_it(step) => take(self),
            Expr::Call(call) => match (call.func_name.as_str(), &call.args[..]) {
                (operators::CONDITIONAL, [condition, yes, no]) => {
                    let branch = if self.truth(condition)? { yes } else { no };
                    self.step(accumulator, branch)
                }
                (operators::ADD, [list, more]) if is_it(list) => {
                    let more = self.eval(more)?;
                    let before = take(self)?;
                    self.append(before, more)
                }
                _ => self.eval(step),
            },
            _ => self.eval(step),
        }
    }

    fn append(&mut self, before: Value<'a>, more: Value<'a>) -> Evaluated<'a> {
        match (before, more) {
            (Value::List(mut list), Value::List(more)) => {
                self.pay(more.len())?;
                Rc::make_mut(&mut list).extend(more.iter().cloned());
                Ok(Value::List(list))
            }
            (before, more) => self.apply(operators::ADD, &[before, more]),
        }
    }
}

fn constant(literal: &LiteralValue) -> Value<'_> {
    match literal {
        LiteralValue::Boolean(value) => Value::Bool(*value.inner()),
        LiteralValue::Bytes(value) => Value::Bytes(Rc::from(value.inner())),
        LiteralValue::Double(value) => Value::Float(*value.inner()),
        LiteralValue::Int(value) => Value::Int(i128::from(*value.inner())),
        LiteralValue::UInt(value) => Value::Int(i128::from(*value.inner())),
        LiteralValue::Null => Value::Null,
        LiteralValue::String(value) => Value::Text(Text::Borrowed(value.inner())),
    }
}
