//! Trees as YAML, in the style of kubectl: lists at the level of their key, texts of several lines as blocks.
//!
//! A text stands without quotes only where no reader, of YAML 1.1 neither, takes it for something else.

use super::tree::{Tree, quoted};

/// Words that YAML 1.1 or 1.2 does not read as texts.
const WORDS: [&str; 11] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"];

/// A key longer than this is not found by its colon alone; YAML allows 1024 characters, escapes included.
const SIMPLE_KEY_MAX: usize = 1000;

/// A document.
pub(super) fn text(tree: &Tree) -> String {
    let mut text = String::new();
    match tree {
        Tree::Map(fields) if !fields.is_empty() => put_map(fields, 0, true, &mut text),
        Tree::List(items) if !items.is_empty() => put_list(items, 0, true, &mut text),
        scalar => {
            put_scalar(scalar, 0, &mut text);
            text.push('\n');
        }
    }
    text
}

/// `fresh`: whether the first line still needs its indentation, and does not follow a dash.
fn put_map(fields: &[(String, Tree)], indent: usize, fresh: bool, text: &mut String) {
    for (index, (name, value)) in fields.iter().enumerate() {
        put_indent(if fresh || index > 0 { indent } else { 0 }, text);
        let key = if is_plain(name) { name.clone() } else { quoted(name) };
        if key.len() > SIMPLE_KEY_MAX {
            text.push_str("? ");
            text.push_str(&key);
            text.push('\n');
            put_indent(indent, text);
        } else {
            text.push_str(&key);
        }
        text.push(':');
        match value {
            Tree::Map(fields) if !fields.is_empty() => {
                text.push('\n');
                put_map(fields, indent + 2, true, text);
            }
            Tree::List(items) if !items.is_empty() => {
                text.push('\n');
                put_list(items, indent, true, text);
            }
            scalar => {
                text.push(' ');
                put_scalar(scalar, indent, text);
                text.push('\n');
            }
        }
    }
}

fn put_list(items: &[Tree], indent: usize, fresh: bool, text: &mut String) {
    for (index, item) in items.iter().enumerate() {
        put_indent(if fresh || index > 0 { indent } else { 0 }, text);
        text.push_str("- ");
        match item {
            Tree::Map(fields) if !fields.is_empty() => put_map(fields, indent + 2, false, text),
            Tree::List(items) if !items.is_empty() => put_list(items, indent + 2, false, text),
            scalar => {
                put_scalar(scalar, indent, text);
                text.push('\n');
            }
        }
    }
}

fn put_indent(indent: usize, text: &mut String) {
    text.extend(std::iter::repeat_n(' ', indent));
}

/// Without the end of its last line.
fn put_scalar(tree: &Tree, indent: usize, text: &mut String) {
    match tree {
        Tree::Null => text.push_str("null"),
        Tree::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Tree::Number(number) => text.push_str(&number.to_string()),
        Tree::Text(value) if is_plain(value) => text.push_str(value),
        Tree::Text(value) if is_block(value) => {
            text.push_str(if value.ends_with('\n') { "|" } else { "|-" });
            for line in value.strip_suffix('\n').unwrap_or(value).split('\n') {
                text.push('\n');
                put_indent(if line.is_empty() { 0 } else { indent + 2 }, text);
                text.push_str(line);
            }
        }
        Tree::Text(value) => text.push_str(&quoted(value)),
        Tree::List(_) => text.push_str("[]"),
        Tree::Map(_) => text.push_str("{}"),
    }
}

/// A word of letters and the like, or a duration (`1.500s`), which no reader takes for a number.
fn is_plain(text: &str) -> bool {
    let wordlike = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '-');
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        let number = text.strip_suffix("ms").or_else(|| text.strip_suffix(['s', 'm', 'h'])).unwrap_or("x");
        return number.chars().all(|c| c.is_ascii_digit() || c == '.');
    }
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(wordlike)
        && !WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// Several lines that a block keeps as they are: indentation of the first, spaces at an end, a second empty line at
/// the end, and characters that need escapes would be lost or need more signs.
fn is_block(text: &str) -> bool {
    text.contains('\n')
        && !text.starts_with(['\n', ' '])
        && !text.ends_with("\n\n")
        && text
            .split('\n')
            .all(|line| !line.ends_with(' ') && quoted(line).len() == line.len() + 2 + escapes(line))
}

/// Quotes and backslashes need no escape in a block.
fn escapes(line: &str) -> usize {
    line.matches(['"', '\\']).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str]) -> String {
        text(&Tree::List(texts.iter().map(|text| Tree::from(*text)).collect()))
    }

    #[test]
    fn texts_that_some_reader_takes_for_something_else_are_quoted() {
        for word in [
            "yes", "No", "ON", "y", "null", "True", "1", "0x1f", "1e3", "1_0", "12:30", "*", "a: b", "- a",
            "",
        ] {
            assert_eq!(of(&[word]), format!("- \"{word}\"\n"));
        }
        for word in ["reviews", "a.b-c/d_e", "/", "1.500s", "10ms", "v1", "yesterday"] {
            assert_eq!(of(&[word]), format!("- {word}\n"));
        }
    }

    #[test]
    fn several_lines_are_a_block_where_a_block_keeps_them() {
        assert_eq!(of(&["a\n\n \"b\"\n"]), "- |\n  a\n\n   \"b\"\n");
        assert_eq!(of(&["a\nb"]), "- |-\n  a\n  b\n");
        for text in [" a\nb", "\na", "a\n\n", "a \nb", "a\r\nb", "a\n\u{7f}"] {
            assert!(of(&[text]).starts_with("- \""), "{text:?}");
        }
    }

    #[test]
    fn lists_and_maps_nest_as_kubectl_writes_them() {
        let inner = Tree::map([
            ("a", Tree::from("x")),
            ("b", Tree::List(vec![Tree::from("w"), Tree::Map(Vec::new())])),
        ]);
        let nested = Tree::List(vec![Tree::List(vec![Tree::from("z"), inner.clone()]), inner]);
        let tree = Tree::map([("list", nested), ("none", Tree::List(Vec::new()))]);
        let expected =
            "list:\n- - z\n  - a: x\n    b:\n    - w\n    - {}\n- a: x\n  b:\n  - w\n  - {}\nnone: []\n";
        assert_eq!(text(&tree), expected);
    }
}
