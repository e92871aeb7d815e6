//! The table of constraints, as a tree of fields for each kind.

use std::sync::OnceLock;

use prost_reflect::{FieldDescriptor, Kind as FieldKind, MessageDescriptor};

use super::constraint::Constraint;
use crate::{
    codec,
    kind::{KINDS, Kind},
};

/// Kind, path, rule and argument, separated by tabs.
const TABLE: &str = include_str!("constraints.tsv");

/// A field, or each item of one, and what is asked of it.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) constraints: Vec<Constraint>,
    pub(super) fields: Vec<(FieldDescriptor, Node)>,
    /// Of a list or map: each item or value.
    pub(super) each: Option<Box<Node>>,
}

static TREES: [OnceLock<Option<Node>>; KINDS.len()] = [const { OnceLock::new() }; KINDS.len()];

/// All constraints of a kind.
pub(super) fn of(kind: Kind) -> Option<&'static Node> {
    TREES[kind.index()].get_or_init(|| grow(kind)).as_ref()
}

/// A row of the table, its path without `spec`.
struct Row {
    path: &'static str,
    rule: &'static str,
    argument: &'static str,
}

fn rows(kind: Kind) -> impl Iterator<Item = Row> {
    TABLE.lines().filter_map(move |line| {
        let mut cells = line.split('\t');
        let of_kind = cells.next() == Some(kind.info().name);
        let (path, rule) = (cells.next()?, cells.next()?);
        let path = path.strip_prefix("spec")?.trim_start_matches('.');
        of_kind.then(|| Row { path, rule, argument: cells.next().unwrap_or_default() })
    })
}

fn grow(kind: Kind) -> Option<Node> {
    let mut root: Option<Node> = None;
    for row in rows(kind) {
        let _ = plant(root.get_or_insert_default(), kind, &row); // a test finds each of them in its tree
    }
    root
}

/// `None` where the path is no field, or the rule is not known.
fn plant(root: &mut Node, kind: Kind, row: &Row) -> Option<()> {
    let (node, field) = descend(root, codec::body_descriptor(kind), row.path)?;
    node.constraints.push(Constraint::parse(row.rule, row.argument, field.as_ref())?);
    Some(())
}

/// The node of a path, and the field it is of.
fn descend<'n>(
    root: &'n mut Node,
    body: &MessageDescriptor,
    path: &str,
) -> Option<(&'n mut Node, Option<FieldDescriptor>)> {
    let (mut node, mut message, mut last) = (root, Some(body.clone()), None);
    for step in path.split('.').filter(|step| !step.is_empty()) {
        let name = step.trim_end_matches(['[', ']', '{', '}']);
        let field = message?.get_field_by_json_name(name)?;
        let at = match node.fields.iter().position(|(known, _)| *known == field) {
            Some(at) => at,
            None => {
                node.fields.push((field.clone(), Node::default()));
                node.fields.len() - 1
            }
        };
        node = &mut node.fields[at].1;
        if name.len() < step.len() {
            node = node.each.get_or_insert_default();
        }
        message = of_field(&field);
        last = Some(field);
    }
    Some((node, last))
}

/// The message of a field, or of a map's values.
fn of_field(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    let FieldKind::Message(message) = field.kind() else { return None };
    if !field.is_map() {
        return Some(message);
    }
    message.map_entry_value_field().kind().as_message().cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_is_in_a_tree() {
        let mut planted = 0;
        for kind in Kind::all() {
            for row in rows(kind) {
                let done = plant(&mut Node::default(), kind, &row);
                assert!(done.is_some(), "{kind} {} {} {}", row.path, row.rule, row.argument);
                planted += 1;
            }
        }
        assert_eq!(planted, TABLE.lines().filter(|line| !line.starts_with('#')).count());
    }
}
