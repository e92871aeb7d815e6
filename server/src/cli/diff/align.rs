//! Which elements of a list are which of another: what is equal stays, what is most alike in between is the same, changed.

use std::{collections::BTreeSet, mem};

use serde_json::Value;
use similar::{Algorithm, DiffOp, capture_diff_slices};

/// Pairs of elements between two that stay, up to which each is compared with each; beyond, they are paired as they stand.
const PAIRS_MAX: usize = 4096;

/// What elements of the same name count for, more than those that are alike by all else.
const SAME_NAME: u32 = 1000;

/// A step through two lists at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// So many are equal.
    Kept(usize),
    /// The one at this index of the first.
    Removed(usize),
    /// The one at this index of the second.
    Added(usize),
    /// One of each.
    Changed { before: usize, after: usize },
}

/// The steps through two lists: each element is in one of them, in order.
pub(super) fn align(before: &[Value], after: &[Value]) -> Vec<Step> {
    let texts = |list: &[Value]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut steps = Vec::new();
    for op in capture_diff_slices(Algorithm::Myers, &texts(before), &texts(after)) {
        let (was, is) = (op.old_range(), op.new_range());
        match op {
            DiffOp::Equal { len, .. } => steps.push(Step::Kept(len)),
            _ => {
                let between = gap(&before[was.clone()], &after[is.clone()]);
                steps.extend(between.into_iter().map(|step| shifted(step, was.start, is.start)));
            }
        }
    }
    steps
}

fn shifted(step: Step, was: usize, is: usize) -> Step {
    match step {
        Step::Kept(len) => Step::Kept(len),
        Step::Removed(at) => Step::Removed(at + was),
        Step::Added(at) => Step::Added(at + is),
        Step::Changed { before, after } => Step::Changed { before: before + was, after: after + is },
    }
}

/// Elements none of which is equal to its counterpart.
fn gap(before: &[Value], after: &[Value]) -> Vec<Step> {
    if before.len() * after.len() > PAIRS_MAX {
        return as_they_stand(before.len(), after.len());
    }
    let (was, is): (Vec<_>, Vec<_>) =
        (before.iter().map(Traits::of).collect(), after.iter().map(Traits::of).collect());
    let alike: Vec<Vec<u32>> = was.iter().map(|was| is.iter().map(|is| was.likeness(is)).collect()).collect();
    // How alike the pairs of the rest are at best, by where the rest begins.
    let mut best = vec![vec![0; is.len() + 1]; was.len() + 1];
    for row in (0..was.len()).rev() {
        for column in (0..is.len()).rev() {
            let paired =
                if alike[row][column] > 0 { alike[row][column] + best[row + 1][column + 1] } else { 0 };
            best[row][column] = paired.max(best[row + 1][column]).max(best[row][column + 1]);
        }
    }
    let (mut row, mut column) = (0, 0);
    let mut steps = Vec::new();
    while row < was.len() || column < is.len() {
        if column == is.len() || row < was.len() && best[row][column] == best[row + 1][column] {
            steps.push(Step::Removed(row));
            row += 1;
        } else if row == was.len() || best[row][column] == best[row][column + 1] {
            steps.push(Step::Added(column));
            column += 1;
        } else {
            steps.push(Step::Changed { before: row, after: column });
            (row, column) = (row + 1, column + 1);
        }
    }
    steps
}

fn as_they_stand(before_len: usize, after_len: usize) -> Vec<Step> {
    let both = before_len.min(after_len);
    let changed = (0..both).map(|at| Step::Changed { before: at, after: at });
    changed.chain((both..before_len).map(Step::Removed)).chain((both..after_len).map(Step::Added)).collect()
}

/// What makes an element like another.
struct Traits<'v> {
    sort: mem::Discriminant<Value>,
    name: Option<&'v str>,
    leaves: BTreeSet<String>,
}

impl<'v> Traits<'v> {
    fn of(value: &'v Value) -> Self {
        let mut leaves = BTreeSet::new();
        put_leaves(String::new(), value, &mut leaves);
        Self { sort: mem::discriminant(value), name: value.get("name").and_then(Value::as_str), leaves }
    }

    /// 0: they are not the same one.
    fn likeness(&self, other: &Self) -> u32 {
        if self.sort != other.sort {
            return 0;
        }
        let shared = self.leaves.intersection(&other.leaves).count();
        let all = (self.leaves.len() + other.leaves.len()).max(1);
        let part = u32::try_from(200 * shared / all).unwrap_or_default();
        let named = if self.name.is_some() && self.name == other.name { SAME_NAME } else { 0 };
        1 + part + named
    }
}

fn put_leaves(path: String, value: &Value, leaves: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| put_leaves(format!("{path}.{name}"), value, leaves));
        }
        // Wherever in the list it stands.
        Value::Array(items) => items.iter().for_each(|item| put_leaves(format!("{path}[]"), item, leaves)),
        leaf => drop(leaves.insert(format!("{path}: {leaf}"))),
    }
}
