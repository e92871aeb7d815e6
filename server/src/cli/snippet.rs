//! A finding for people: the line, a caret below what is wrong, and what would be right.

use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use mainsheet_api::verdict::{Finding, Severity};

use super::texts::Texts;

/// A finding, and what it is of.
#[derive(Clone, Debug)]
pub(super) struct Remark<'a> {
    /// The file, as it can be opened from here.
    pub(super) file: &'a str,
    /// What the resource is called, where it can be told.
    pub(super) name: Option<String>,
    pub(super) finding: &'a Finding,
}

/// A block of lines for each finding, an empty one after it.
pub(super) fn render<'a>(
    remarks: impl IntoIterator<Item = Remark<'a>>,
    texts: &mut Texts,
    with_colour: bool,
) -> String {
    let renderer = if with_colour { Renderer::styled() } else { Renderer::plain() };
    let mut printed = String::new();
    for remark in remarks {
        let line = texts.line(remark.file, remark.finding.position.line);
        printed += &renderer.render(&[group(&remark, line)]);
        printed += "\n\n";
    }
    printed
}

fn group<'a>(remark: &Remark<'a>, line: Option<&'a str>) -> Group<'a> {
    let Remark { file, finding, .. } = remark;
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let whose = whose(remark);
    let group = level.primary_title(&finding.reason).id(&finding.code);
    let group = match line {
        Some(line) => group.element(place(remark, line, whose)),
        None => noted(group.element(Origin::path(*file)), whose),
    };
    if finding.remedy.is_empty() { group } else { group.element(Level::HELP.message(&finding.remedy)) }
}

/// The line, with a caret below what is wrong.
fn place<'a>(remark: &Remark<'a>, line: &'a str, whose: Option<String>) -> Snippet<'a, Annotation<'a>> {
    let Remark { file, finding, .. } = remark;
    let number = usize::try_from(finding.position.line).unwrap_or(usize::MAX);
    let caret = AnnotationKind::Primary.span(span(line, finding.position.column)).label(whose);
    Snippet::source(line).line_start(number).path(*file).annotation(caret)
}

/// What can be said of a place without a line.
fn noted(group: Group<'_>, whose: Option<String>) -> Group<'_> {
    match whose {
        Some(whose) => group.element(Level::NOTE.message(whose)),
        None => group,
    }
}

/// `spec.http of VirtualService shop/reviews`, as far as it can be told.
fn whose(remark: &Remark<'_>) -> Option<String> {
    match (&remark.name, &*remark.finding.path) {
        (None, "") => None,
        (None, path) => Some(path.to_owned()),
        (Some(name), "") => Some(name.clone()),
        (Some(name), path) => Some(format!("{path} of {name}")),
    }
}

/// The bytes of what begins at `column`: a quoted text, or as much as YAML and JSON take for one word.
fn span(line: &str, column: u32) -> Range<usize> {
    let column = usize::try_from(column).unwrap_or(usize::MAX).saturating_sub(1);
    let start = line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
    start..start + word_len(&line[start..])
}

fn word_len(rest: &str) -> usize {
    let quoted = |quote: char| rest[1..].find(quote).map(|at| at + 2);
    match rest.chars().next() {
        None => 0,
        Some(quote @ ('"' | '\'')) => quoted(quote).unwrap_or(rest.len()),
        Some(first) => {
            let ends = |(at, c): &(usize, char)| {
                c.is_whitespace()
                    || matches!(c, ',' | ']' | '}')
                    || *c == ':' && rest[at + 1..].chars().next().is_none_or(char::is_whitespace)
            };
            rest.char_indices().skip(1).find(ends).map_or(rest.len(), |(at, _)| at).max(first.len_utf8())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caret_covers_one_word() {
        for (line, column, covered) in [
            ("  htpp: []", 3, "htpp"),
            ("  weight: -1  # no", 11, "-1"),
            ("host: 10.0.0.1:80", 7, "10.0.0.1:80"),
            ("{\"hosts\": [\"a b\", c]}", 12, "\"a b\""),
            ("{\"hosts\": [a, c]}", 15, "c"),
            ("name: 'open", 7, "'open"),
            ("naïve: ä,b", 8, "ä"),
            ("spec: {}", 7, "{"),
            ("spec:", 9, ""),
            ("", 1, ""),
        ] {
            assert_eq!(&line[span(line, column)], covered, "{line}");
        }
    }
}
