//! How long an evaluation can take, before it is begun: the library that evaluates has no limit of its own.
//!
//! A bound on the steps, worked out from the expression and the sizes of the object. It is never too low and rarely far
//! too high: a macro over a list costs as many steps as the longest list of the object has entries.

use std::collections::BTreeMap;

use cel::common::ast::{ComprehensionExpr, EntryExpr, Expr, IdedExpr, operators};

use super::object::{OBJECT, Size};

/// Steps that a search for a regular expression is worth: it is compiled each time.
const REGEX_STEPS: u64 = 1000;

/// Steps of evaluating `expression` on an object of this size, at most.
pub(super) fn cost(expression: &IdedExpr, object: Size) -> u64 {
    let variables = BTreeMap::from([(OBJECT, Length { own: object.longest, inner: object.longest })]);
    Estimate { object, variables }.of(expression).steps
}

/// How many entries a value has at most: itself, and any value within.
#[derive(Clone, Copy, Default)]
struct Length {
    own: u64,
    inner: u64,
}

impl Length {
    /// Of anything within.
    fn within(self) -> Self {
        Self { own: self.inner, inner: self.inner }
    }

    fn max(self, other: Self) -> Self {
        Self { own: self.own.max(other.own), inner: self.inner.max(other.inner) }
    }
}

#[derive(Clone, Copy, Default)]
struct Cost {
    steps: u64,
    length: Length,
}

struct Estimate<'e> {
    object: Size,
    variables: BTreeMap<&'e str, Length>,
}

impl<'e> Estimate<'e> {
    fn of(&mut self, expression: &'e IdedExpr) -> Cost {
        match &expression.expr {
            Expr::Unspecified | Expr::Literal(_) => Cost { steps: 1, ..Cost::default() },
            Expr::Ident(name) => {
                let length = self.variables.get(name.as_str()).copied().unwrap_or_default();
                Cost { steps: 1, length }
            }
            Expr::Select(select) => {
                let operand = self.of(&select.operand);
                Cost { steps: operand.steps.saturating_add(1), length: operand.length.within() }
            }
            Expr::List(list) => self.literal(list.elements.len(), &list.elements.iter().collect::<Vec<_>>()),
            Expr::Map(map) => {
                self.literal(map.entries.len(), &parts(map.entries.iter().map(|one| &one.expr)))
            }
            Expr::Struct(of) => {
                self.literal(of.entries.len(), &parts(of.entries.iter().map(|one| &one.expr)))
            }
            Expr::Call(call) => {
                let operands: Vec<&IdedExpr> = call.target.as_deref().into_iter().chain(&call.args).collect();
                self.call(&call.func_name, &operands)
            }
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
        }
    }

    fn literal(&mut self, len: usize, values: &[&'e IdedExpr]) -> Cost {
        let (steps, values) = self.all(values);
        let length = Length { own: len as u64, inner: values.own.max(values.inner) };
        Cost { steps: steps.saturating_add(length.own), length }
    }

    /// Steps of all, and the longest of each.
    fn all(&mut self, expressions: &[&'e IdedExpr]) -> (u64, Length) {
        let costs: Vec<Cost> = expressions.iter().map(|one| self.of(one)).collect();
        let steps = costs.iter().fold(1, |sum: u64, cost| sum.saturating_add(cost.steps));
        (steps, costs.iter().fold(Length::default(), |longest, cost| longest.max(cost.length)))
    }

    fn call(&mut self, function: &str, operands: &[&'e IdedExpr]) -> Cost {
        let (steps, mut length) = self.all(operands);
        let more = match function {
            operators::ADD => {
                length.own = operands.iter().map(|one| self.of(one).length.own).fold(0, u64::saturating_add);
                length.own
            }
            operators::INDEX => {
                length = length.within();
                0
            }
            operators::EQUALS | operators::NOT_EQUALS | operators::IN if !has_literal(operands) => {
                self.object.values
            }
            operators::IN => length.own,
            "matches" => REGEX_STEPS,
            _ => 0,
        };
        Cost { steps: steps.saturating_add(more), length }
    }

    /// What a macro such as `all` or `map` becomes: a loop over a range that carries a result along.
    fn comprehension(&mut self, of: &'e ComprehensionExpr) -> Cost {
        let range = self.of(&of.iter_range);
        let times = range.length.own;
        let first = self.of(&of.accu_init);
        let element = range.length.within();
        let names = [Some(of.iter_var.as_str()), of.iter_var2.as_deref()];
        let shadowed: Vec<_> =
            names.into_iter().flatten().map(|name| (name, self.variables.insert(name, element))).collect();
        // What one turn adds to an empty result, and then what a turn costs with the result as long as it gets.
        let carried = self.variables.insert(&of.accu_var, Length::default());
        let growth = self.of(&of.loop_step).length;
        let length = Length {
            own: first.length.own.saturating_add(times.saturating_mul(growth.own)),
            inner: first.length.inner.max(growth.inner),
        };
        self.variables.insert(&of.accu_var, length);
        let turn = self.of(&of.loop_cond).steps.saturating_add(self.of(&of.loop_step).steps);
        let result = self.of(&of.result);
        self.restore(&of.accu_var, carried);
        shadowed.into_iter().rev().for_each(|(name, before)| self.restore(name, before));
        let steps = [range.steps, first.steps, times.saturating_mul(turn.saturating_add(1)), result.steps];
        Cost { steps: steps.into_iter().fold(1, u64::saturating_add), length: result.length }
    }

    fn restore(&mut self, name: &'e str, before: Option<Length>) {
        match before {
            Some(length) => self.variables.insert(name, length),
            None => self.variables.remove(name),
        };
    }
}

/// Comparing with a single value looks at one value, however large the other side is.
fn has_literal(operands: &[&IdedExpr]) -> bool {
    operands.iter().any(|one| matches!(one.expr, Expr::Literal(_)))
}

fn parts<'e>(entries: impl Iterator<Item = &'e EntryExpr>) -> Vec<&'e IdedExpr> {
    entries
        .flat_map(|entry| match entry {
            EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
            EntryExpr::StructField(field) => vec![&field.value],
        })
        .collect()
}
