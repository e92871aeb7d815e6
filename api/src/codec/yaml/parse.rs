//! Documents out of a text.

use granit_parser::{Event, Marker, Options, Parser, ScalarStyle, StrInput};

use super::{
    Node,
    build::{Builder, Properties},
};
use crate::verdict::Position;

/// Hands over each document that is complete and not empty, up to the text's end or its first mistake, of which it says
/// where and how. One document at a time: trees take several times the space of their text.
pub(in crate::codec) fn parse<'t>(
    text: &'t str,
    mut each: impl FnMut(Node<'t>),
) -> Option<(Position, String)> {
    let mut options = Options::default();
    options.emit_unresolved_aliases = true;
    options.set_emit_comments(false);
    let mut builder = Builder::default();
    for event in Parser::<StrInput<'_>>::new_from_str_with_options(text, options) {
        match event {
            Ok((Event::DocumentEnd, _)) => {
                let root = std::mem::take(&mut builder).finish();
                root.filter(|root| !root.is_null()).into_iter().for_each(&mut each);
            }
            Ok((event, span)) => take(&mut builder, event, position(span.start)),
            Err(error) => return Some((position(*error.marker()), error.info())),
        }
    }
    None
}

fn take<'t>(builder: &mut Builder<'t>, event: Event<'t>, position: Position) {
    match event {
        Event::Scalar(text, style, anchor, tag) => {
            let properties = Properties { position, anchor, tagged: tag.is_some() };
            builder.scalar(text, style != ScalarStyle::Plain, properties);
        }
        Event::SequenceStart(_, anchor, tag) => {
            builder.start_list(Properties { position, anchor, tagged: tag.is_some() });
        }
        Event::MappingStart(_, anchor, tag) => {
            builder.start_map(Properties { position, anchor, tagged: tag.is_some() });
        }
        Event::SequenceEnd | Event::MappingEnd => builder.end(position),
        Event::Alias(anchor) => builder.alias(anchor, position),
        Event::UnresolvedAlias(_) => builder.unknown_alias(position),
        // Comments and anchors' names are switched off; the rest says nothing that the nodes don't.
        _ => {}
    }
}

/// The parser counts columns from 0.
fn position(marker: Marker) -> Position {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Position { line: number(marker.line()), column: number(marker.col()).saturating_add(1) }
}
